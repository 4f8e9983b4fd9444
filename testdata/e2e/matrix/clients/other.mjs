// The packages for Node on the endpoints beside conversations. Each client names the
// endpoints that its library knows; open(gateway) returns what does a job of
// endpoints.mjs: (job) → { text, tokens, vectors, ranked, violence, image, sound }.
import Anthropic from "@anthropic-ai/sdk";
import { createOpenAI } from "@ai-sdk/openai";
import { OpenAIEmbeddings } from "@langchain/openai";
import { embedMany, generateImage, generateSpeech, transcribe } from "ai";
import { CohereClientV2 } from "cohere-ai";
import OpenAI, { AzureOpenAI, toFile } from "openai";
import { installed } from "../table.mjs";

const base64 = async (response) => Buffer.from(await response.arrayBuffer()).toString("base64");
const picture = (job) => toFile(Buffer.from(job.image, "base64"), "pixel.png", { type: "image/png" });
const recording = (job) => toFile(Buffer.from(job.recording, "base64"), "rome.wav", { type: "audio/wav" });
const numbers = (list) => list.map((v) => Array.from(v));
const scored = (results) => results.map((r) => [r.index, r.relevance_score ?? r.relevanceScore]);

// asks is what OpenAI's client does, in each of its forms.
export const asks = {
  completions: async (c, job) => ({ text: (await c.completions.create({ model: job.model, prompt: job.text, suffix: job.suffix })).choices[0].text }),
  // The client asks for base64 unless it is told otherwise.
  embeddings: async (c, job) => {
    const answers = await Promise.all([undefined, "float"].map((encoding_format) => c.embeddings.create({ model: job.model, input: [job.text], encoding_format })));
    return { vectors: numbers(answers.flatMap((r) => r.data.map((d) => d.embedding))) };
  },
  // It has no method for this.
  rerank: async (c, job) => ({ ranked: scored((await c.post("/rerank", { body: { model: job.model, query: job.text, documents: job.documents } })).results) }),
  moderations: async (c, job) => {
    const [r] = (await c.moderations.create({ model: job.model, input: job.text })).results;
    return { violence: [r.categories.violence, r.category_scores.violence] };
  },
  images: async (c, job) => ({ image: (await c.images.generate({ model: job.model, prompt: job.text })).data[0].b64_json }),
  image_edits: async (c, job) => ({ image: (await c.images.edit({ model: job.model, prompt: job.text, image: await picture(job) })).data[0].b64_json }),
  image_variations: async (c, job) => ({ image: (await c.images.createVariation({ model: job.model, image: await picture(job) })).data[0].b64_json }),
  speech: async (c, job) => ({ sound: await base64(await c.audio.speech.create({ model: job.model, input: job.text, voice: "alloy" })) }),
  transcriptions: async (c, job) => ({ text: (await c.audio.transcriptions.create({ model: job.model, file: await recording(job) })).text }),
  translations: async (c, job) => ({ text: (await c.audio.translations.create({ model: job.model, file: await recording(job) })).text }),
};

// of opens a client that has something to do for each of the endpoints.
const of = (able, make) => ({ endpoints: Object.keys(able), open: (gateway) => { const client = make(gateway); return (job) => able[job.endpoint](client, job); } });

// Azure's client has these at its own paths, which name the model.
const { rerank, moderations, image_variations, ...azure } = asks;

const vercel = {
  embeddings: async (openai, job) => ({ vectors: (await embedMany({ model: openai.embedding(job.model), values: [job.text], maxRetries: 0 })).embeddings }),
  images: async (openai, job) => ({ image: (await generateImage({ model: openai.image(job.model), prompt: job.text, maxRetries: 0 })).image.base64 }),
  speech: async (openai, job) => ({ sound: (await generateSpeech({ model: openai.speech(job.model), text: job.text, voice: "alloy", outputFormat: job.format, maxRetries: 0 })).audio.base64 }),
  transcriptions: async (openai, job) => ({ text: (await transcribe({ model: openai.transcription(job.model), audio: Buffer.from(job.recording, "base64"), maxRetries: 0 })).text }),
};

const langchain = {
  embeddings: async ({ url, key }, job) => ({ vectors: await new OpenAIEmbeddings({ model: job.model, apiKey: key, maxRetries: 0, configuration: { baseURL: `${url}/v1` } }).embedDocuments([job.text]) }),
};

const cohere = {
  rerank: async (c, job) => ({ ranked: scored((await c.rerank({ model: job.model, query: job.text, documents: job.documents }, { maxRetries: 0 })).results) }),
};

const anthropic = {
  count_tokens: async (c, job) => ({ tokens: (await c.messages.countTokens({ model: job.model, messages: [{ role: "user", content: job.text }] })).input_tokens }),
};

export const clients = [
  { title: "openai (Node)", packages: installed("openai"), ...of(asks, ({ url, key }) => new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 })) },
  { title: "AzureOpenAI of openai (Node)", packages: installed("openai"), ...of(azure, ({ url, key }) => new AzureOpenAI({ endpoint: url, apiKey: key, apiVersion: "2024-10-21", maxRetries: 0 })) },
  { title: "ai with @ai-sdk/openai", packages: installed("ai", "@ai-sdk/openai"), ...of(vercel, ({ url, key }) => createOpenAI({ baseURL: `${url}/v1`, apiKey: key })) },
  { title: "@langchain/openai", packages: installed("@langchain/openai"), ...of(langchain, (gateway) => gateway) },
  { title: "cohere-ai (Node)", packages: installed("cohere-ai"), ...of(cohere, ({ url, key }) => new CohereClientV2({ environment: url, token: key })) },
  { title: "@anthropic-ai/sdk (Node)", packages: installed("@anthropic-ai/sdk"), ...of(anthropic, ({ url, key }) => new Anthropic({ baseURL: url, apiKey: key, maxRetries: 0 })) },
];

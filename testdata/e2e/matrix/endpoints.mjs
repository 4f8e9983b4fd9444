// The endpoints beside conversations: what each asks, by OpenAI's client where it has
// a method for it, and what has to come of it.
import assert from "node:assert/strict";
import { toFile } from "openai";

const usage = { prompt_tokens: 11, total_tokens: 11, input_tokens: 11 };
const vector = [0.5, -0.25, 1];
const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const sound = Buffer.from("ID3 no music at all, but bytes: \xff\x00\xfe", "latin1");

// wave is a second of silence at 8 kHz, so that a recording has a length.
const wave = () => {
  const head = Buffer.from("UklGRgAAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA=", "base64");
  head.writeUInt32LE(36 + 8000, 4);
  head.writeUInt32LE(8000, 40);
  return Buffer.concat([head, Buffer.alloc(8000, 0x80)]);
};

const heard = (method) => async (openai, model) => {
  const file = await toFile(wave(), "rome.wav", { type: "audio/wav" });
  assert.equal((await openai.audio[method].create({ model, file })).text, "Rome is old.");
};

// script tells the mock what the models answer.
export function script(mock) {
  mock.onEmbedding(/a city/, { embedding: vector, usage });
  mock.onImage(/a city/, { image: { b64Json: pixel } });
  mock.onSpeech(/a city/, { audio: sound.toString("base64"), format: "mp3" });
  mock.onModerate(/a city/, { flagged: true, categories: { violence: true }, category_scores: { violence: 0.9 } });
  mock.onRerank(/a city/, [{ index: 1, relevance_score: 0.9 }, { index: 0, relevance_score: 0.1 }]);
  mock.onTranscription({ transcription: { text: "Rome is old." } });
  mock.onTranslation({ transcription: { text: "Rome is old." } });
}

// endpoints by their names in keys and the ledger. A row of providers.mjs offers one
// by naming a model for it. ask gets OpenAI's client; sent must be in what the vendor got.
export const endpoints = {
  embeddings: {
    title: "embeddings", path: "/v1/embeddings", sent: "a city",
    async ask(openai, model) {
      // The client asks for base64 unless it is told otherwise.
      for (const encoding_format of [undefined, "float"]) {
        const r = await openai.embeddings.create({ model, input: ["a city"], encoding_format });
        assert.deepEqual(r.data.map((d) => Array.from(d.embedding)), [vector]);
      }
    },
  },
  rerank: {
    title: "rerank", path: "/v1/rerank", sent: "a city",
    async ask(openai, model) {
      const { results } = await openai.post("/rerank", { body: { model, query: "a city", documents: ["an apple", "Rome"] } });
      assert.deepEqual(results.map((r) => [r.index, r.relevance_score]), [[1, 0.9], [0, 0.1]]);
    },
  },
  moderations: {
    title: "moderations", path: "/v1/moderations", sent: "a city",
    async ask(openai, model) {
      const [r] = (await openai.moderations.create({ model, input: "a city" })).results;
      assert.deepEqual([r.categories.violence, r.category_scores.violence], [true, 0.9]);
    },
  },
  images: {
    title: "images", path: "/v1/images/generations", sent: "a city",
    async ask(openai, model) {
      assert.equal((await openai.images.generate({ model, prompt: "a city" })).data[0].b64_json, pixel);
    },
  },
  image_edits: {
    title: "image edits", path: "/v1/images/edits", sent: "a city",
    async ask(openai, model) {
      const image = await toFile(Buffer.from(pixel, "base64"), "pixel.png", { type: "image/png" });
      assert.equal((await openai.images.edit({ model, image, prompt: "a city" })).data[0].b64_json, pixel);
    },
  },
  speech: {
    title: "speech", path: "/v1/audio/speech", sent: "a city",
    async ask(openai, model) {
      const r = await openai.audio.speech.create({ model, input: "a city", voice: "alloy" });
      assert.deepEqual(Buffer.from(await r.arrayBuffer()), sound);
    },
  },
  transcriptions: { title: "transcriptions", path: "/v1/audio/transcriptions", sent: "rome.wav", ask: heard("transcriptions") },
  translations: { title: "translations", path: "/v1/audio/translations", sent: "rome.wav", ask: heard("translations") },
};

// What the mock does not speak at all: the tap answers it in the vendor's shape, as
// its documents or its package have it, with what the mock would say.
import { heard, pixel, ranked, sound, vector } from "./endpoints.mjs";
import { answer } from "./features.mjs";

const json = (body) => ({ type: "application/json", body: JSON.stringify(body) });

// unspoken: a request at path (of a provider, and when it has something) is answered by answer(request), which gives type and
// body. title and source stand in MATRIX.md.
export const unspoken = [
  {
    title: "Mistral's FIM", path: /\/fim\/completions$/, source: "https://docs.mistral.ai/api/endpoint/fim",
    answer: ({ body }) => json({
      id: "fim-1", object: "chat.completion", created: 1, model: body.model, choices: [{ index: 0, message: { role: "assistant", content: answer, tool_calls: null }, finish_reason: "stop" }],
      usage: { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 },
    }),
  },
  {
    title: "completions of a prompt", path: /(?<!chat)\/completions(\?|$)/, source: "https://platform.openai.com/docs/api-reference/completions",
    answer: ({ body }) => json({
      id: "cmpl-1", object: "text_completion", created: 1, model: body.model ?? "gpt", choices: [{ index: 0, text: answer, logprobs: null, finish_reason: "stop" }],
      usage: { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 },
    }),
  },
  {
    title: "image variations, which OpenAI has retired and others have", path: /\/images\/variations$/, source: "https://platform.openai.com/docs/api-reference/images/createVariation",
    answer: () => json({ created: 1, data: [{ b64_json: pixel }] }),
  },
  {
    title: "Anthropic's token counts", path: /\/messages\/count_tokens$|\/count-tokens:rawPredict$/, source: "https://docs.anthropic.com/en/api/messages-count-tokens",
    answer: () => json({ input_tokens: 11 }),
  },
  {
    title: "Gemini's pictures and speech", path: /-(image|tts):generateContent$/, source: "https://ai.google.dev/gemini-api/docs/image-generation",
    answer: ({ path }) => json({
      candidates: [{ content: { role: "model", parts: [{ inlineData: path.includes("tts") ? { mimeType: "audio/L16;codec=pcm;rate=24000", data: sound.toString("base64") } : { mimeType: "image/png", data: pixel } }] }, finishReason: "STOP", index: 0 }],
      usageMetadata: { promptTokenCount: 11, candidatesTokenCount: 7, totalTokenCount: 18 },
    }),
  },
  {
    title: "Gemini's hearing", path: /:generateContent$/, when: ({ text }) => text.includes('"mimeType":"audio/'), source: "https://ai.google.dev/gemini-api/docs/audio",
    answer: () => json({ candidates: [{ content: { role: "model", parts: [{ text: heard }] }, finishReason: "STOP", index: 0 }], usageMetadata: { promptTokenCount: 11, candidatesTokenCount: 7, totalTokenCount: 18 } }),
  },
  { title: "Bedrock's token counts", path: /\/count-tokens$/, source: "https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_CountTokens.html", answer: () => json({ inputTokens: 11 }) },
  { title: "Gemini's token counts", path: /:countTokens$/, source: "https://ai.google.dev/api/tokens", answer: () => json({ totalTokens: 11 }) },
  {
    title: "ElevenLabs' transcripts", path: /\/v1\/speech-to-text$/, source: "https://elevenlabs.io/docs/api-reference/speech-to-text/convert",
    answer: () => json({ language_code: "eng", language_probability: 1, text: heard, words: [{ text: heard, start: 0, end: 1, type: "word", logprob: 0 }], audio_duration_secs: 1 }),
  },
  {
    title: "Deepgram's transcripts", path: /\/v1\/listen\?/, source: "https://developers.deepgram.com/reference/speech-to-text/listen-pre-recorded",
    answer: () => json({
      metadata: { request_id: "r", created: "2026-01-01T00:00:00Z", duration: 1, channels: 1, models: ["x"] },
      results: { channels: [{ detected_language: "en", alternatives: [{ transcript: heard, confidence: 1, words: [{ word: "rome", start: 0, end: 1, confidence: 1, punctuated_word: heard }] }] }] },
    }),
  },
  { title: "Deepgram's speech", path: /\/v1\/speak\?/, source: "https://developers.deepgram.com/reference/text-to-speech/speak-request", answer: () => ({ type: "audio/mpeg", body: sound }) },
  {
    title: "Mistral's speech", path: /\/v1\/audio\/speech$/, of: "mistral", source: "https://docs.mistral.ai/api/endpoint/audio/speech",
    answer: () => json({ audio_data: sound.toString("base64") }),
  },
  {
    title: "xAI's speech", path: /\/v1\/tts$/, of: "xai", source: "https://docs.x.ai/developers/rest-api-reference/inference/voice",
    answer: () => ({ type: "audio/mpeg", body: sound }),
  },
  {
    title: "xAI's transcripts", path: /\/v1\/stt$/, of: "xai", source: "https://docs.x.ai/developers/rest-api-reference/inference/speech-to-text",
    answer: () => json({ text: heard, language: "", duration: 1, words: [{ text: heard, start: 0, end: 1 }] }),
  },
  {
    title: "xAI's edits of pictures", path: /\/v1\/images\/edits$/, of: "xai", source: "https://docs.x.ai/developers/rest-api-reference/inference/images",
    answer: ({ body }) => json({ data: [body.response_format === "b64_json" && body.image.url.endsWith(pixel) ? { b64_json: pixel } : { url: "https://imgen.x.ai/1.jpg" }] }),
  },
  {
    title: "Perplexity's embeddings", path: /\/v1\/embeddings$/, of: "perplexity", source: "https://docs.perplexity.ai/api-reference/embeddings-post",
    answer: ({ body }) => json({
      object: "list", model: body.model, data: [{ object: "embedding", index: 0, embedding: body.encoding_format === "base64_int8" ? Buffer.from([64, 224, 127]).toString("base64") : "" }],
      usage: { prompt_tokens: 11, total_tokens: 11, cost: { input_cost: 0.1, total_cost: 0.1, currency: "USD" } },
    }),
  },
  {
    title: "Voyage's rerank", path: /^\/v1\/rerank$/, of: "voyage", source: "https://docs.voyageai.com/reference/reranker-api",
    answer: ({ body }) => json({ object: "list", data: ranked.map(([index, relevance_score]) => ({ index, relevance_score })), model: body.model, usage: { total_tokens: 11 } }),
  },
  {
    title: "Fireworks' rerank", path: /\/v1\/rerank$/, of: "fireworks", source: "https://reference.langchain.com/python/langchain-fireworks/rerank/FireworksRerank",
    answer: ({ body }) => json({ object: "list", model: body.model, data: ranked.map(([index, relevance_score]) => ({ index, relevance_score })), usage: { prompt_tokens: 11, completion_tokens: 0, total_tokens: 11 } }),
  },
  {
    title: "OpenRouter's rerank", path: /\/v1\/rerank$/, of: "openrouter", source: "https://openrouter.ai/docs/api-reference/overview",
    answer: ({ body }) => json({ id: "gen-rerank-1", model: body.model, provider: "Cohere", results: ranked.map(([index, relevance_score]) => ({ index, relevance_score, document: { text: body.documents[index] } })), usage: { search_units: 1, total_tokens: 11 } }),
  },
  {
    title: "OpenRouter's pictures", path: /\/v1\/images$/, of: "openrouter", source: "https://openrouter.ai/docs/api-reference/overview",
    answer: () => json({ created: 1, data: [{ b64_json: pixel, media_type: "image/png" }], usage: { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18, cost: 0.01 } }),
  },
  {
    title: "rerank in the shape of Jina, which Together, vLLM and llama.cpp have as well", path: /^\/v1\/rerank$/, source: "https://api.jina.ai/openapi.json",
    answer: ({ body }) => json({ model: body.model, object: "list", usage: { prompt_tokens: 11, completion_tokens: 0, total_tokens: 11 }, results: ranked.map(([index, relevance_score]) => ({ index, relevance_score })) }),
  },
  {
    title: "Bedrock's pictures by InvokeModel", path: /^\/model\/amazon\.nova-canvas[^/]*\/invoke$/, source: "https://docs.aws.amazon.com/nova/latest/userguide/image-gen-req-resp-structure.html",
    answer: () => json({ images: [pixel] }),
  },
  {
    title: "Bedrock's embeddings and rerank by InvokeModel", path: /^\/model\/(amazon\.titan-embed|cohere\.rerank)[^/]*\/invoke$/, source: "https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html",
    answer: ({ path }) => json(path.includes("embed") ? { embedding: vector, embeddingsByType: { float: vector }, inputTextTokenCount: 11 } : { results: ranked.map(([index, relevance_score]) => ({ index, relevance_score })) }),
  },
];

// answerOf gives what answers a request in the mock's place; undefined where it does.
export const answerOf = (request) => unspoken.find((u) => u.path.test(request.path) && (!u.of || u.of === request.provider) && (!u.when || u.when(request)))?.answer(request);

// The endpoints beside conversations: what each asks, what the mock answers, and what
// has to come of it at the client and at the vendor.
import assert from "node:assert/strict";
import { answer } from "./features.mjs";

const usage = { prompt_tokens: 11, total_tokens: 11, input_tokens: 11 };
export const vector = [0.5, -0.25, 1];
export const ranked = [[1, 0.9], [0, 0.1]];
export const heard = "Rome is old.";
export const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
export const sound = Buffer.from("ID3 no music at all, but bytes: \xff\x00\xfe", "latin1");

// wave is a second of silence at 8 kHz, so that a recording has a length.
const wave = (() => {
  const head = Buffer.from("UklGRgAAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA=", "base64");
  head.writeUInt32LE(36 + 8000, 4);
  head.writeUInt32LE(8000, 40);
  return Buffer.concat([head, Buffer.alloc(8000, 0x80)]);
})();

// job is what every client program is told; how it asks is up to its library.
const job = { text: "a city", documents: ["an apple", "Rome"], image: pixel, recording: wave.toString("base64") };

// jobOf is the job of one cell; format is that of sound, where it is not MP3.
export const jobOf = (endpoint, model, format) => ({ ...job, ...endpoints[endpoint].ask, endpoint, model, format });

// script tells the mock what the models answer.
export function script(mock) {
  mock.onEmbedding(/a city/, { embedding: vector, usage });
  mock.onImage(/a city/, { image: { b64Json: pixel } });
  mock.onSpeech(/a city/, { audio: sound.toString("base64"), format: "mp3" });
  mock.onElevenLabsTTS(/a city/, { audio: sound.toString("base64"), format: "mp3" });
  mock.onModerate(/a city/, { flagged: true, categories: { violence: true }, category_scores: { violence: 0.9 } });
  mock.onRerank(/a city/, ranked.map(([index, relevance_score]) => ({ index, relevance_score })));
  mock.onTranscription({ transcription: { text: heard } });
  mock.onTranslation({ transcription: { text: heard } });
}

// What a vendor has to have got: a text, and the very bytes of a file.
const says = (text) => (s) => s.text.includes(text);
const carries = (base64) => (s) => s.bytes.includes(Buffer.from(base64, "base64")) || s.text.includes(base64);

const image = (r) => assert.equal(r.image, pixel);
// spoken is the sound as it came, or with the head of a WAV file before it.
const spoken = (r, row) => {
  const bytes = Buffer.from(r.sound, "base64");
  const head = row.sound === "wav" ? 44 : 0;
  assert.equal(bytes.subarray(0, head).toString("latin1", 0, 4), head ? "RIFF" : "");
  assert.deepEqual(bytes.subarray(head), sound);
};
const text = (r) => assert.equal(r.text, heard);

// endpoints by their names in keys and the ledger. A row of providers.mjs offers one by
// naming a model for it; one that has over is carried otherwise for all that converse,
// and over says how. own is what is asked beside it where it is the vendor's own. check
// gets the client's result; sent, what the vendor got.
export const endpoints = {
  completions: {
    title: "completions", path: "/v1/completions", ask: { text: "say hello" }, sent: [says("say hello")], at: /(?<!chat)\/completions(\?|$)/,
    over: { why: "over the provider's chat, as [its package](core/dialect/completions/doc.go) says; what stands behind a gap (`suffix`) is refused there, and passed on where completions are the vendor's own", asks: true },
    own: { ask: { suffix: "and goodbye" }, sent: [says("and goodbye")] },
    check: (r) => assert.equal(r.text, answer),
  },
  count_tokens: {
    title: "token counts", path: "/v1/messages/count_tokens", ask: { text: "say hello" }, sent: [says("say hello")], at: /count/i,
    over: { why: "the gateway estimates and says so in `x-tokligence-notice`; nothing is asked of the vendor", asks: false },
    check: (r) => assert.ok(r.tokens > 0, `${r.tokens} tokens`),
  },
  embeddings: { title: "embeddings", path: "/v1/embeddings", sent: [says("a city")], check: (r, row) => r.vectors.forEach((v) => assert.deepEqual(v, row.vector ?? vector)) },
  rerank: { title: "rerank", path: "/v1/rerank", sent: [says("a city"), says("Rome")], check: (r) => assert.deepEqual(r.ranked, ranked) },
  moderations: { title: "moderations", path: "/v1/moderations", sent: [says("a city")], check: (r) => assert.deepEqual(r.violence, [true, 0.9]) },
  images: { title: "images", path: "/v1/images/generations", sent: [says("a city")], check: image },
  image_edits: { title: "image edits", path: "/v1/images/edits", sent: [says("a city"), carries(pixel)], check: image },
  image_variations: { title: "image variations", path: "/v1/images/variations", sent: [carries(pixel)], check: image },
  speech: { title: "speech", path: "/v1/audio/speech", sent: [says("a city")], check: spoken },
  transcriptions: { title: "transcriptions", path: "/v1/audio/transcriptions", sent: [carries(job.recording)], check: text },
  translations: { title: "translations", path: "/v1/audio/translations", sent: [carries(job.recording)], check: text },
  realtime: { title: "realtime", path: "/v1/realtime", ask: { text: "say hello" }, sent: [says("say hello")], check: (r) => assert.equal(r.text, answer) },
};

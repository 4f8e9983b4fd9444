// The endpoints beside conversations: what each asks, by OpenAI's client where it has
// a method for it, and what has to come of it.
import assert from "node:assert/strict";

const usage = { prompt_tokens: 11, total_tokens: 11, input_tokens: 11 };
const vector = [0.5, -0.25, 1];
const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

// script tells the mock what the models answer.
export function script(mock) {
  mock.onEmbedding(/a city/, { embedding: vector, usage });
  mock.onImage(/a city/, { image: { b64Json: pixel } });
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
  images: {
    title: "images", path: "/v1/images/generations", sent: "a city",
    async ask(openai, model) {
      assert.equal((await openai.images.generate({ model, prompt: "a city" })).data[0].b64_json, pixel);
    },
  },
};

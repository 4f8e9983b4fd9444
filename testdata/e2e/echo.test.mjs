// The model echo, which needs no account, as a newcomer tries it out: OpenAI's own
// client on every endpoint.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import OpenAI from "openai";
import { startGateway } from "./gateway.mjs";
import { asks } from "./matrix/clients/other.mjs";
import { jobOf, pixel } from "./matrix/endpoints.mjs";

const providers = `
[[plugin]]
id = "provider.echo"
source = "builtin:echo"
[[deployment]]
name = "echo"
provider = "provider.echo"
model = "echo-fast"
price = { input = "0", output = "0" }
[[model]]
name = "echo"
deployments = ["echo"]
`;

// What each endpoint gives, beside a conversation.
const gives = {
  completions: (r) => assert.equal(r.text, "say hello"),
  embeddings: (r) => assert.deepEqual(r.vectors.map((v) => v.length), [16, 16]),
  rerank: (r) => assert.equal(r.ranked.length, 2),
  moderations: (r) => assert.deepEqual(r.violence, [false, 0]),
  images: (r) => assert.equal(r.image, pixel),
  image_edits: (r) => assert.equal(r.image, pixel),
  image_variations: (r) => assert.equal(r.image, pixel),
  speech: (r) => assert.equal(Buffer.from(r.sound, "base64").subarray(0, 4).toString(), "RIFF"),
  transcriptions: (r) => assert.equal(r.text, "I heard rome.wav, 8044 bytes."),
  translations: (r) => assert.equal(r.text, "I heard rome.wav, 8044 bytes."),
};

let gateway, openai;
before(async () => {
  gateway = await startGateway("", "", { providers });
  openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.key, maxRetries: 0 });
});
after(() => gateway?.stop());

describe("echo", () => {
  for (const [endpoint, ask] of Object.entries(asks)) {
    test(endpoint, async () => {
      gives[endpoint](await ask(openai, jobOf(endpoint, "echo")));
      const e = await gateway.lastEntry();
      assert.deepEqual([e.endpoint, e.provider, e.outcome], [endpoint, "provider.echo", "ok"]);
    });
  }
});

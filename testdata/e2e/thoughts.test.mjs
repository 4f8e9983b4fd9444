// Thoughts of a model that has responses alone, through clients of other APIs: they come
// encrypted, go along with the message, and reach the vendor as they came.
import Anthropic from "@anthropic-ai/sdk";
import { LLMock } from "@copilotkit/aimock";
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import OpenAI from "openai";
import { startGateway } from "./gateway.mjs";
import { startTap } from "./matrix/tap.mjs";

let mock, tap, gateway, openai, anthropic;
const model = "pro";
const thought = "Rome is old.";
const question = { role: "user", content: "think of a city" };
const more = { role: "user", content: "and another" };

before(async () => {
  mock = new LLMock({ port: 0, chunkSize: 5 });
  mock.onMessage(/^think of a city/, { content: "Rome.", reasoning: thought });
  mock.onMessage(/^and another/, { content: "Oslo." });
  await mock.start();
  tap = await startTap(mock.url, {});
  gateway = await startGateway(
    mock.url,
    `
[[deployment]]
name = "pro-main"
provider = "provider.openai"
model = "gpt-5-pro"
credential = "openai"
base_url = "${tap.url}/openai/v1"
allow_private = true
[deployment.options]
chat_over = "responses"

[[model]]
name = "${model}"
deployments = ["pro-main"]
`,
  );
  openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.key, maxRetries: 0 });
  anthropic = new Anthropic({ baseURL: gateway.url, apiKey: gateway.key, maxRetries: 0 });
});

after(async () => {
  await gateway?.stop();
  await tap?.stop();
  await mock?.stop();
});

beforeEach(() => tap.seen.splice(0));

// returned holds the vendor's second request to what it answered the first with.
function returned() {
  const [, { path, body }] = tap.seen;
  assert.match(path, /\/responses$/);
  assert.equal(body.store, false);
  const [asked, reasoning, said, last] = body.input;
  assert.deepEqual([asked.content, last.content], [question.content, more.content]);
  assert.deepEqual(reasoning.summary, [{ type: "summary_text", text: thought }]);
  assert.equal(reasoning.type, "reasoning");
  // What the mock encrypts is the item's id.
  assert.equal(Buffer.from(reasoning.encrypted_content, "base64").toString(), `aimock-encrypted-reasoning:${reasoning.id}`);
  assert.equal(said.role, "assistant");
}

test("chat", async () => {
  const { message } = (await openai.chat.completions.create({ model, messages: [question] })).choices[0];
  assert.equal(message.reasoning_content, thought);
  assert.equal((await openai.chat.completions.create({ model, messages: [question, message, more] })).choices[0].message.content, "Oslo.");
  returned();
});

for (const stream of [false, true]) {
  test(`Messages, stream: ${stream}`, async () => {
    const ask = async (messages) => {
      const body = { model, max_tokens: 100, messages };
      return stream ? anthropic.messages.stream(body).finalMessage() : anthropic.messages.create(body);
    };
    const { content } = await ask([question]);
    assert.deepEqual(content.map((b) => b.thinking ?? b.text), [thought, "Rome."]);
    assert.equal((await ask([question, { role: "assistant", content }, more])).content.at(-1).text, "Oslo.");
    returned();
  });
}

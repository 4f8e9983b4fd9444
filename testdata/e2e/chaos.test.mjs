// A vendor that misbehaves: every fault ends in one clear answer and one ledger line.
import Anthropic from "@anthropic-ai/sdk";
import { LLMock } from "@copilotkit/aimock";
import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import OpenAI from "openai";
import { providers, startGateway } from "./gateway.mjs";

let mock, gateway, openai, anthropic;
const text = "one two three four five six seven eight nine ten ".repeat(8);

before(async () => {
  mock = new LLMock({ port: 0, chunkSize: 10 });
  mock.onMessage(/./, { content: text });
  await mock.start();
  gateway = await startGateway(mock.url);
  openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.key, maxRetries: 0 });
  anthropic = new Anthropic({ baseURL: gateway.url, apiKey: gateway.key, maxRetries: 0 });
});

after(async () => {
  await gateway?.stop();
  await mock?.stop();
});

afterEach(() => mock.clearChaos());

for (const provider of Object.keys(providers)) {
  const say = { model: provider, max_tokens: 500, messages: [{ role: "user", content: "go" }] };

  describe(provider, () => {
    for (const [name, chaos, statuses] of [
      ["drop", { dropRate: 1 }, [500, 502]],
      ["malformed", { malformedRate: 1 }, [502]],
      ["rate limit", { rateLimitRate: 1 }, [429]],
      ["disconnect", { disconnectRate: 1 }, [502]],
    ]) {
      for (const stream of [false, true]) {
        test(`${name}, ${stream ? "streamed" : "whole"}`, async () => {
          mock.setChaos(chaos);
          const failures = [
            await run(() => openai.chat.completions.create({ ...say, stream })),
            await run(() => anthropic.messages.create({ ...say, stream })),
          ];
          mock.clearChaos();
          for (const f of failures) {
            assert.ok(f.error, `an error, not ${JSON.stringify(f.text)}`);
            if (f.error.status !== undefined) assert.ok(statuses.includes(f.error.status), `status ${f.error.status}: ${f.error.message}`);
            const e = await gateway.entry(f.id);
            assert.equal(e.outcome, "failed");
          }
        });
      }
    }

    test("recovers", async () => {
      const r = await run(() => openai.chat.completions.create({ ...say, stream: true }));
      assert.equal(r.error, undefined);
      assert.equal(r.text, text);
    });
  });
}

// run consumes an answer to its end and tells what came.
async function run(call) {
  let id, got = "";
  try {
    const { data, response } = await call().withResponse();
    id = response.headers.get("x-tokligence-exchange-id");
    if (!(Symbol.asyncIterator in data)) return { id, text: JSON.stringify(data) };
    let ended = false;
    for await (const c of data) {
      got += c.choices?.[0]?.delta.content ?? c.delta?.text ?? "";
      ended ||= Boolean(c.choices?.[0]?.finish_reason) || c.type === "message_stop";
    }
    return ended ? { id, text: got } : { id, text: got, error: new Error("the stream ended without an end") };
  } catch (error) {
    return { id: id ?? error.headers?.get("x-tokligence-exchange-id"), text: got, error };
  }
}

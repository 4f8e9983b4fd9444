// OpenAI's own client with the Responses API: over every provider, and of one that speaks it itself.
import { LLMock } from "@copilotkit/aimock";
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import OpenAI, { AzureOpenAI } from "openai";
import { startGateway } from "./gateway.mjs";

let mock, gateway, mine, others;

const tools = [{ type: "function", name: "get_weather", parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"], additionalProperties: false }, strict: true }];

before(async () => {
  mock = new LLMock({ port: 0, chunkSize: 5 });
  mock.onMessage(/^say hello/, { content: "Hello from the mock." });
  mock.onMessage(/weather in Paris/, { toolCalls: [{ name: "get_weather", arguments: '{"city":"Paris"}' }] });
  mock.onMessage(/^and again/, { content: "Again." });
  await mock.start();
  gateway = await startGateway(
    mock.url,
    `
[[deployment]]
name = "native-main"
provider = "provider.openai"
model = "gpt-4o-mini"
credential = "openai"
base_url = "${mock.url}/v1"
allow_private = true
price = { input = "1.00", output = "2.00" }
[deployment.options]
responses = true

[[model]]
name = "native"
deployments = ["native-main"]
`,
  );
  const client = (apiKey) => new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey, maxRetries: 0 });
  mine = client(gateway.key);
  others = client((await gateway.newKey({})).secret);
});

after(async () => {
  await gateway?.stop();
  await mock?.stop();
});

const missing = (f) => assert.rejects(f, (e) => e.status === 404, String(f));

for (const model of ["openai", "anthropic", "gemini", "bedrock", "native"]) {
  describe(model, () => {
    test("whole, kept and gone on from", async () => {
      const { data: r, response } = await mine.responses.create({ model, input: "say hello", instructions: "be brief" }).withResponse();
      assert.equal(r.output_text, "Hello from the mock.");
      assert.equal(r.status, "completed");
      const entry = await gateway.entry(response.headers.get("x-tokligence-exchange-id"));
      assert.equal(entry.endpoint, "responses");
      assert.equal(entry.outcome, "ok");
      const next = await mine.responses.create({ model, input: "and again", previous_response_id: r.id });
      assert.equal(next.output_text, "Again.");
      assert.equal(next.previous_response_id, r.id);
      assert.equal((await mine.responses.retrieve(r.id)).output_text, r.output_text);
      const items = [];
      for await (const item of mine.responses.inputItems.list(next.id)) items.push(item);
      assert.deepEqual(items.map((i) => i.content[0].text), ["and again"]);
      for (const f of [
        () => others.responses.retrieve(r.id),
        () => others.responses.delete(r.id),
        () => others.responses.cancel(r.id),
        () => others.responses.inputItems.list(r.id),
        () => others.responses.create({ model, input: "and again", previous_response_id: r.id }),
      ]) {
        await missing(f);
      }
      await mine.responses.delete(r.id);
      await missing(() => mine.responses.retrieve(r.id));
    });

    test("a stream with a call, whose result is told", async () => {
      const stream = mine.responses.stream({ model, input: "the weather in Paris", tools, store: false });
      let number = -1;
      if (model !== "native") stream.on("event", (e) => assert.equal(e.sequence_number, ++number, e.type)); // the mock gives none
      const r = await stream.finalResponse();
      const call = r.output.find((i) => i.type === "function_call");
      assert.deepEqual(call.parsed_arguments, { city: "Paris" });
      await missing(() => mine.responses.retrieve(r.id));
      const done = await mine.responses.create({ model, store: false, tools, input: [{ role: "user", content: "the weather in Paris" }, ...r.output.map(({ parsed_arguments, ...i }) => i), { type: "function_call_output", call_id: call.call_id, output: "sunny" }, { role: "user", content: "and again" }] });
      assert.equal(done.output_text, "Again.");
    });
  });
}

test("what a provider cannot do is refused by its place", async () => {
  await assert.rejects(
    () => mine.responses.create({ model: "anthropic", input: "say hello", tools: [{ type: "web_search" }], tool_choice: { type: "web_search" } }),
    (e) => e.status === 400 && e.param === "tools[0]",
  );
});

test("AzureOpenAI", async () => {
  const azure = new AzureOpenAI({ endpoint: gateway.url, apiKey: gateway.key, apiVersion: "2025-04-01-preview", maxRetries: 0 });
  const r = await azure.responses.create({ model: "anthropic", input: "say hello" });
  assert.equal(r.output_text, "Hello from the mock.");
  assert.equal((await azure.responses.stream({ model: "anthropic", input: "and again", previous_response_id: r.id }).finalResponse()).output_text, "Again.");
  assert.equal((await azure.responses.retrieve(r.id)).output_text, r.output_text);
  const items = [];
  for await (const item of azure.responses.inputItems.list(r.id)) items.push(item);
  assert.deepEqual(items.map((i) => i.content[0].text), ["say hello"]);
  await azure.responses.delete(r.id);
  await missing(() => azure.responses.retrieve(r.id));
});

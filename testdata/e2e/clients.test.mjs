// The official clients through the gateway to every provider.
import Anthropic from "@anthropic-ai/sdk";
import { LLMock } from "@copilotkit/aimock";
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import OpenAI from "openai";
import { providers, rates, startGateway } from "./gateway.mjs";

let mock, gateway, openai, anthropic;

const weather = {
  name: "get_weather",
  description: "Current weather of a city",
  schema: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
};
const openaiTools = [{ type: "function", function: { name: weather.name, description: weather.description, parameters: weather.schema } }];
const anthropicTools = [{ name: weather.name, description: weather.description, input_schema: weather.schema }];
const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const answer = "Grüße aus Berlin: 21 °C und Sonne ☀️.";

// usage in the words of every vendor that the mock speaks.
const usage = { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18, input_tokens: 11, output_tokens: 7, promptTokenCount: 11, candidatesTokenCount: 7, totalTokenCount: 18 };

before(async () => {
  mock = new LLMock({ port: 0, chunkSize: 7 });
  mock.onMessage(/^say hello/, { content: answer, usage });
  mock.onMessage(/weather in Paris and Rome/, {
    toolCalls: [
      { name: "get_weather", arguments: '{"city":"Paris"}' },
      { name: "get_weather", arguments: '{"city":"Rome"}' },
    ],
  });
  mock.onMessage(/what is in this picture/, { content: "A single pixel." });
  mock.onMessage(/fail with 400/, { error: { message: "the request is nonsense", type: "invalid_request_error" }, status: 400 });
  mock.onMessage(/fail with 429/, { error: { message: "slow down", type: "rate_limit_error" }, status: 429 });
  mock.onMessage(/fail with 500/, { error: { message: "boom", type: "server_error" }, status: 500 });
  mock.onMessage(/fail with 401/, { error: { message: "bad key vendor-key-MARK", type: "authentication_error" }, status: 401 });
  mock.onEmbedding(/./, { embedding: [0.5, -0.25, 1] });
  mock.onImage(/./, { image: { b64Json: pixel } });
  await mock.start();
  gateway = await startGateway(mock.url);
  openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.key, maxRetries: 0 });
  anthropic = new Anthropic({ baseURL: gateway.url, apiKey: gateway.key, maxRetries: 0 });
});

after(async () => {
  await gateway?.stop();
  await mock?.stop();
});

// ledger checks the exchange's one line against the provider and its own arithmetic.
async function ledger(id, provider, outcome = "ok") {
  const e = await gateway.entry(id);
  assert.equal(e.provider, `provider.${provider}`);
  assert.equal(e.outcome, outcome);
  const [input, output] = rates[provider];
  if (!e.usage.cache_read && !e.usage.cache_write_5m) {
    // Dollars per million tokens are micro-dollars a token.
    assert.equal(Math.round(Number(e.amount) * 1e6), e.usage.input * input + e.usage.output * output);
  }
  return e;
}

for (const provider of Object.keys(providers)) {
  describe(`openai client → ${provider}`, () => {
    const say = (content, more) => ({ model: provider, messages: [{ role: "user", content }], max_tokens: 200, ...more });

    test("whole", async () => {
      const { data, response } = await openai.chat.completions.create(say("say hello")).withResponse();
      assert.equal(data.object, "chat.completion");
      assert.equal(data.choices[0].message.content, answer);
      assert.equal(data.choices[0].finish_reason, "stop");
      assert.ok(data.usage.prompt_tokens > 0 && data.usage.completion_tokens > 0);
      const e = await ledger(response.headers.get("x-tokligence-exchange-id"), provider);
      assert.equal(e.usage.input_source, "reported");
      assert.equal(e.usage.input, data.usage.prompt_tokens);
      assert.equal(e.usage.output, data.usage.completion_tokens);
      assert.equal(response.headers.get("x-tokligence-cost"), e.amount);
    });

    test("stream with usage", async () => {
      const { data, response } = await openai.chat.completions
        .create(say("say hello", { stream: true, stream_options: { include_usage: true } }))
        .withResponse();
      const chunks = [];
      for await (const c of data) chunks.push(c);
      assert.equal(chunks.map((c) => c.choices[0]?.delta.content ?? "").join(""), answer);
      assert.ok(chunks.length > 3, "the answer came in pieces");
      assert.deepEqual(chunks.map((c) => c.choices[0]?.finish_reason).filter(Boolean), ["stop"]);
      const last = chunks.at(-1);
      assert.deepEqual(last.choices, []);
      assert.ok(last.usage.total_tokens > 0);
      assert.ok(chunks.slice(0, -1).every((c) => !c.usage && c.choices.length > 0));
      assert.equal(new Set(chunks.map((c) => c.id)).size, 1);
      const e = await ledger(response.headers.get("x-tokligence-exchange-id"), provider);
      assert.equal(e.usage.input, last.usage.prompt_tokens);
      assert.equal(e.stream, true);
    });

    test("stream without usage", async () => {
      const { data, response } = await openai.chat.completions.create(say("say hello", { stream: true })).withResponse();
      for await (const c of data) assert.ok(c.choices.length > 0, "no usage chunk was asked for");
      const e = await ledger(response.headers.get("x-tokligence-exchange-id"), provider);
      assert.equal(e.usage.output_source, "reported");
    });

    test("parallel tool calls, whole and streamed, and their results", async () => {
      const ask = say("weather in Paris and Rome", { tools: openaiTools });
      const whole = await openai.chat.completions.create(ask);
      const calls = whole.choices[0].message.tool_calls;
      assert.equal(whole.choices[0].finish_reason, "tool_calls");
      assert.deepEqual(calls.map((c) => JSON.parse(c.function.arguments).city), ["Paris", "Rome"]);
      assert.equal(new Set(calls.map((c) => c.id)).size, 2);
      const streamed = await openai.chat.completions.stream({ ...ask, stream: true }).finalChatCompletion();
      assert.deepEqual(
        streamed.choices[0].message.tool_calls.map((c) => [c.function.name, JSON.parse(c.function.arguments).city]),
        [["get_weather", "Paris"], ["get_weather", "Rome"]],
      );
      const messages = [
        ...ask.messages,
        whole.choices[0].message,
        ...calls.map((c) => ({ role: "tool", tool_call_id: c.id, content: "sunny" })),
        { role: "user", content: "say hello" },
      ];
      const then = await openai.chat.completions.create({ ...ask, messages });
      assert.equal(then.choices[0].message.content, answer);
    });

    test("picture", async () => {
      const content = [
        { type: "text", text: "what is in this picture?" },
        { type: "image_url", image_url: { url: `data:image/png;base64,${pixel}` } },
      ];
      const r = await openai.chat.completions.create(say(content));
      assert.equal(r.choices[0].message.content, "A single pixel.");
      assert.ok(JSON.stringify(mock.getLastRequest()).length > 0);
    });

    for (const [status, want] of [[400, 400], [429, 429], [500, 502], [401, 502]]) {
      test(`the vendor's ${status}`, async () => {
        const e = await openai.chat.completions.create(say(`fail with ${status}`)).then(assert.fail, (e) => e);
        assert.equal(e.status, want);
        assert.ok(!JSON.stringify(e.error ?? e.message).includes("MARK"), "no credential in an error");
        if (status === 429) assert.ok(e.headers.get("retry-after"));
        if (status === 400) assert.match(e.message, /nonsense/);
        await ledger(e.headers.get("x-tokligence-exchange-id"), provider, "failed");
      });
    }
  });

  describe(`anthropic client → ${provider}`, () => {
    const say = (content, more) => ({ model: provider, max_tokens: 200, messages: [{ role: "user", content }], ...more });

    test("whole", async () => {
      const { data, response } = await anthropic.messages.create(say("say hello", { system: "be brief" })).withResponse();
      assert.equal(data.type, "message");
      assert.deepEqual(data.content.map((b) => [b.type, b.text]), [["text", answer]]);
      assert.equal(data.stop_reason, "end_turn");
      const e = await ledger(response.headers.get("x-tokligence-exchange-id"), provider);
      assert.equal(e.endpoint, "messages");
      assert.equal(e.usage.input, data.usage.input_tokens);
      assert.equal(e.usage.output, data.usage.output_tokens);
    });

    test("stream", async () => {
      const stream = anthropic.messages.stream(say("say hello"));
      const kinds = [];
      stream.on("streamEvent", (e) => kinds.push(e.type));
      const m = await stream.finalMessage();
      assert.equal(m.content[0].text, answer);
      assert.equal(m.content.length, 1);
      assert.equal(m.stop_reason, "end_turn");
      assert.equal(kinds[0], "message_start");
      assert.equal(kinds.at(-1), "message_stop");
      assert.equal(kinds.filter((k) => k === "content_block_start").length, 1);
      const e = await gateway.lastEntry();
      assert.equal(e.outcome, "ok");
      assert.equal(e.usage.output, m.usage.output_tokens);
    });

    test("parallel tool calls", async () => {
      const m = await anthropic.messages.stream(say("weather in Paris and Rome", { tools: anthropicTools })).finalMessage();
      assert.equal(m.stop_reason, "tool_use");
      const uses = m.content.filter((b) => b.type === "tool_use");
      assert.deepEqual(uses.map((b) => b.input.city), ["Paris", "Rome"]);
      const messages = [
        { role: "user", content: "weather in Paris and Rome" },
        { role: "assistant", content: m.content },
        { role: "user", content: [...uses.map((u) => ({ type: "tool_result", tool_use_id: u.id, content: "sunny" })), { type: "text", text: "say hello" }] },
      ];
      const then = await anthropic.messages.create({ ...say(""), messages, tools: anthropicTools });
      assert.equal(then.content[0].text, answer);
    });

    test("count_tokens", async () => {
      const { input_tokens } = await anthropic.messages.countTokens({ model: provider, messages: say("say hello").messages });
      assert.ok(input_tokens > 0);
    });

    for (const [status, want] of [[400, 400], [429, 429], [500, 502]]) {
      test(`the vendor's ${status}`, async () => {
        const e = await anthropic.messages.create(say(`fail with ${status}`)).then(assert.fail, (e) => e);
        assert.equal(e.status, want);
        assert.equal(e.error.type, "error");
        assert.ok(e.error.error.type && e.error.error.message);
      });
    }
  });
}

describe("other endpoints", () => {
  test("embeddings, by the client's base64 default and as floats", async () => {
    for (const format of [undefined, "float"]) {
      const r = await openai.embeddings.create({ model: "embedding", input: ["a", "b"], encoding_format: format });
      assert.equal(r.data.length, 2);
      assert.deepEqual(Array.from(r.data[0].embedding), [0.5, -0.25, 1]);
    }
    assert.equal((await gateway.lastEntry()).endpoint, "embeddings");
  });

  test("images", async () => {
    const r = await openai.images.generate({ model: "image", prompt: "a pixel" });
    assert.equal(r.data[0].b64_json, pixel);
    const e = await gateway.lastEntry();
    assert.equal(e.endpoint, "images");
    assert.ok(Number(e.amount) > 0);
  });

  test("models", async () => {
    const names = (await openai.models.list()).data.map((m) => m.id);
    for (const name of Object.keys(providers)) assert.ok(names.includes(name));
    assert.equal((await openai.models.retrieve("gemini")).id, "gemini");
    await assert.rejects(openai.models.retrieve("nope"), (e) => e.status === 404);
    assert.ok((await anthropic.models.list()).data.some((m) => m.id === "anthropic"));
  });

  test("refusals", async () => {
    const hello = { model: "openai", messages: [{ role: "user", content: "say hello" }] };
    const other = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: "sk-wrong", maxRetries: 0 });
    await assert.rejects(other.chat.completions.create(hello), (e) => e.status === 401 && e instanceof OpenAI.AuthenticationError);
    await assert.rejects(openai.chat.completions.create({ ...hello, model: "nope" }), (e) => e.status === 404);
    await assert.rejects(openai.chat.completions.create({ ...hello, messages: [] }), (e) => e.status === 400 && e.param === "messages");
  });

  test("no credential and no prompt in the log", () => {
    assert.ok(!gateway.log().includes("MARK"));
    assert.ok(!gateway.log().includes("say hello"));
    assert.ok(!gateway.log().includes(gateway.key));
  });
});

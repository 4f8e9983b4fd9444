// The vendors' own clients, pointed at the gateway, speak to their vendor in its own API.
import Anthropic from "@anthropic-ai/sdk";
import { BedrockRuntimeClient, ConverseCommand, ConverseStreamCommand, InvokeModelCommand } from "@aws-sdk/client-bedrock-runtime";
import { LLMock } from "@copilotkit/aimock";
import { GoogleGenAI } from "@google/genai";
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import OpenAI from "openai";
import { providers, rates, startGateway } from "./gateway.mjs";

const answer = "Grüße aus Berlin: 21 °C und Sonne ☀️.";
const usage = { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18, input_tokens: 11, output_tokens: 7, promptTokenCount: 11, candidatesTokenCount: 7, totalTokenCount: 18 };
const key = () => gateway.key;

let mock, gateway;

before(async () => {
  mock = new LLMock({ port: 0, chunkSize: 7, logLevel: "silent" });
  mock.onMessage(/^say hello/, { content: answer, usage });
  mock.onMessage(/fail with 400/, { error: { message: "the request is nonsense", type: "invalid_request_error" }, status: 400 });
  mock.onMessage(/fail with 429/, { error: { message: "slow down", type: "rate_limit_error" }, status: 429 });
  mock.onEmbedding(/./, { embedding: [0.5, -0.25, 1] });
  await mock.start();
  gateway = await startGateway(mock.url);
});

after(async () => {
  await gateway?.stop();
  await mock?.stop();
});

// counted holds the latest entry to what was asked, and to its own arithmetic.
async function counted(provider, path, outcome = "ok") {
  const e = await gateway.lastEntry();
  assert.equal(e.endpoint, "native");
  assert.equal(e.provider, `provider.${provider}`);
  assert.equal(e.deployed_model, providers[provider].model);
  assert.equal(e.outcome, outcome);
  assert.ok(e.reason.startsWith(`native POST /${provider}${path}; `), e.reason);
  const [input, output] = rates[provider];
  assert.equal(Math.round(Number(e.amount) * 1e6), e.usage.input * input + e.usage.output * output);
  if (outcome === "ok") assert.ok(e.usage.input > 0 && e.usage.output > 0, JSON.stringify(e.usage));
  return e;
}

const text = async (stream, piece) => {
  let all = "";
  for await (const chunk of stream) all += piece(chunk) ?? "";
  return all;
};

describe("@google/genai", () => {
  const client = () => new GoogleGenAI({ apiKey: key(), httpOptions: { baseUrl: `${gateway.url}/gemini` } });
  const ask = (contents, model = "gemini") => ({ model, contents });
  const path = "/v1beta/models/{model}:";

  test("whole, by the alias and by the vendor's name", async () => {
    for (const model of ["gemini", providers.gemini.model]) {
      const r = await client().models.generateContent(ask("say hello", model));
      assert.equal(r.text, answer);
      const e = await counted("gemini", `${path}generateContent`);
      assert.equal(e.requested_model, model);
      assert.deepEqual([e.usage.input, e.usage.output, e.usage.input_source], [11, 7, "reported"]);
    }
  });
  test("stream", async () => {
    assert.equal(await text(await client().models.generateContentStream(ask("say hello")), (c) => c.text), answer);
    assert.ok((await counted("gemini", `${path}streamGenerateContent`)).stream);
  });
  test("error", async () => {
    await assert.rejects(client().models.generateContent(ask("fail with 400")), (e) => e.status === 400 && e.message.includes("nonsense"));
    await counted("gemini", `${path}generateContent`, "failed");
    await assert.rejects(client().models.generateContent(ask("x", "nobody")), (e) => e.status === 404 && e.message.includes("NOT_FOUND"));
    await assert.rejects(client().files.list(), (e) => e.status === 404 && e.message.includes("is not passed on"));
  });
  test("the key in the query", async () => {
    const url = `/gemini/v1beta/models/gemini:generateContent?key=`;
    const body = { contents: [{ parts: [{ text: "say hello" }] }] };
    assert.equal((await gateway.ask(url + key(), body, {})).status, 200);
    const refused = await gateway.ask(`${url}sk-wrong`, body, {});
    assert.equal(refused.status, 401);
    assert.equal(refused.json.error.status, "UNAUTHENTICATED");
    assert.ok(!gateway.log().includes(key()));
  });
});

describe("@anthropic-ai/sdk", () => {
  const client = () => new Anthropic({ apiKey: key(), baseURL: `${gateway.url}/anthropic`, maxRetries: 0 });
  const ask = (content) => ({ model: "anthropic", max_tokens: 100, messages: [{ role: "user", content }] });

  test("whole", async () => {
    const m = await client().messages.create(ask("say hello"));
    assert.equal(m.content[0].text, answer);
    await counted("anthropic", "/v1/messages");
  });
  test("stream", async () => {
    assert.equal(await client().messages.stream(ask("say hello")).finalText(), answer);
    await counted("anthropic", "/v1/messages");
  });
  test("beta", async () => {
    assert.equal((await client().beta.messages.create({ ...ask("say hello"), betas: ["x-2025-01-01"] })).content[0].text, answer);
    await counted("anthropic", "/v1/messages");
  });
  test("error", async () => {
    await assert.rejects(client().messages.create(ask("fail with 429")), (e) => e instanceof Anthropic.RateLimitError);
    await assert.rejects(client().messages.batches.list(), (e) => e instanceof Anthropic.NotFoundError);
  });
});

// /openai/v1 is the gateway's own, in the style of Azure: any alias, and the endpoint's name in the ledger.
test("openai", async () => {
  const client = new OpenAI({ apiKey: key(), baseURL: `${gateway.url}/openai/v1`, maxRetries: 0 });
  const r = await client.chat.completions.create({ model: "openai", messages: [{ role: "user", content: "say hello" }] });
  assert.equal(r.choices[0].message.content, answer);
  assert.equal((await gateway.lastEntry()).endpoint, "chat");
});

describe("@aws-sdk/client-bedrock-runtime", () => {
  const client = () => new BedrockRuntimeClient({ region: "us-east-1", endpoint: `${gateway.url}/bedrock`, token: { token: key() }, authSchemePreference: ["httpBearerAuth"], maxAttempts: 1 });
  const ask = (say, modelId = "bedrock") => ({ modelId, messages: [{ role: "user", content: [{ text: say }] }] });

  test("whole", async () => {
    for (const model of ["bedrock", providers.bedrock.model]) {
      const r = await client().send(new ConverseCommand(ask("say hello", model)));
      assert.equal(r.output.message.content[0].text, answer);
      await counted("bedrock", "/model/{model}/converse");
    }
  });
  test("stream", async () => {
    const r = await client().send(new ConverseStreamCommand(ask("say hello")));
    assert.equal(await text(r.stream, (e) => e.contentBlockDelta?.delta.text), answer);
    await counted("bedrock", "/model/{model}/converse-stream");
  });
  test("invoke", async () => {
    const body = JSON.stringify({ anthropic_version: "bedrock-2023-05-31", max_tokens: 100, messages: [{ role: "user", content: "say hello" }] });
    const r = await client().send(new InvokeModelCommand({ modelId: "bedrock", contentType: "application/json", body }));
    assert.equal(JSON.parse(new TextDecoder().decode(r.body)).content[0].text, answer);
    await counted("bedrock", "/model/{model}/invoke");
  });
  test("error", async () => {
    await assert.rejects(client().send(new ConverseCommand(ask("fail with 400"))), (e) => e.name === "ValidationException" && e.message.includes("nonsense"));
    await assert.rejects(client().send(new ConverseCommand(ask("fail with 429"))), (e) => e.name === "ThrottlingException");
  });
});

// The vendors' own clients, pointed at the gateway, speak to their vendor in its own API.
import Anthropic from "@anthropic-ai/sdk";
import { BedrockRuntimeClient, ConverseCommand, ConverseStreamCommand, InvokeModelCommand } from "@aws-sdk/client-bedrock-runtime";
import { LLMock } from "@copilotkit/aimock";
import { GoogleGenAI } from "@google/genai";
import Perplexity from "@perplexity-ai/perplexity_ai";
import { CohereClientV2 } from "cohere-ai";
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Ollama } from "ollama";
import OpenAI from "openai";
import { providers, rates, startGateway } from "./gateway.mjs";
import { event, events, json, startVendor } from "./vendor.mjs";

const answer = "Grüße aus Berlin: 21 °C und Sonne ☀️.";
const usage = { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18, input_tokens: 11, output_tokens: 7, promptTokenCount: 11, candidatesTokenCount: 7, totalTokenCount: 18 };
const key = () => gateway.key;

let mock, vendor, gateway;

// own is the configuration of a provider at the vendor that does as it is told; price is what its parts cost.
const own = (name, model, credential, price) => `
[[plugin]]
id = "provider.${name}"
source = "builtin:${name}"
${credential && `[[credential]]\nname = "${name}"\nprovider = "provider.${name}"\napi_key = "env:E2E_KEY"\n`}
[[deployment]]
name = "${name}-main"
provider = "provider.${name}"
model = "${model}"
${credential && `credential = "${name}"`}
base_url = "${vendor.url}"
allow_private = true
price = ${price}

[[model]]
name = "${name}"
deployments = ["${name}-main"]
`;

// imagen is one more deployment of Gemini's API.
const imagen = () => `
[[deployment]]
name = "imagen-main"
provider = "provider.gemini"
model = "imagen-3.0-generate-001"
credential = "gemini"
base_url = "${mock.url}/v1beta"
allow_private = true
price = { image = "0.04" }

[[model]]
name = "imagen"
deployments = ["imagen-main"]
`;

before(async () => {
  mock = new LLMock({ port: 0, chunkSize: 7, logLevel: "silent" });
  mock.onMessage(/^say hello/, { content: answer, usage });
  mock.onMessage(/fail with 400/, { error: { message: "the request is nonsense", type: "invalid_request_error" }, status: 400 });
  mock.onMessage(/fail with 429/, { error: { message: "slow down", type: "rate_limit_error" }, status: 429 });
  mock.onImage(/./, { images: [{ b64Json: "QUJD" }, { b64Json: "REVG" }] });
  mock.onEmbedding(/./, { embedding: [0.5, -0.25, 1] });
  await mock.start();
  vendor = await startVendor();
  gateway = await startGateway(mock.url, imagen() + own("cohere", "command-a-03-2025", true, '{ input = "1.00", output = "2.00", image = "0.50", search = "2.00" }') + own("ollama", "gpt-oss:20b", "", '{ input = "1.00", output = "2.00" }') +
    own("voyage", "voyage-context-3", true, '{ input = "1.00", image_input = "3.00" }') + own("jina", "jina-embeddings-v4", true, '{ input = "1.00" }') +
    own("perplexity", "perplexity/sonar", true, '{ input = "1.00", output = "2.00", search = "0.01" }'));
});

after(async () => {
  await gateway?.stop();
  await vendor?.stop();
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
  const client = (apiKey = key()) => new GoogleGenAI({ apiKey, httpOptions: { baseUrl: `${gateway.url}/gemini` } });
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
  test("pictures of Imagen's, by the piece", async () => {
    // The package has no word for them any more but for Vertex AI.
    const predict = (sampleCount) =>
      fetch(`${gateway.url}/gemini/v1beta/models/imagen:predict`, { method: "POST", headers: { "x-goog-api-key": key() }, body: JSON.stringify({ instances: [{ prompt: "a fox" }], parameters: { sampleCount } }) });
    const { predictions } = await (await predict(2)).json();
    assert.deepEqual(predictions.map((p) => p.bytesBase64Encoded), ["QUJD", "REVG"]);
    const e = await gateway.lastEntry();
    assert.ok(e.reason.startsWith(`native POST /gemini${path}predict; `), e.reason);
    assert.deepEqual([e.outcome, e.usage.images, Number(e.amount)], ["ok", 2, 0.08]);
    assert.equal((await predict(9999)).status, 400);
  });
  test("error", async () => {
    await assert.rejects(client().models.generateContent(ask("fail with 400")), (e) => e.status === 400 && e.message.includes("nonsense"));
    await counted("gemini", `${path}generateContent`, "failed");
    await assert.rejects(client().models.generateContent(ask("x", "nobody")), (e) => e.status === 404 && e.message.includes("NOT_FOUND"));
    const config = { tools: [{ urlContext: {} }, { fileSearch: { fileSearchStoreNames: ["fileSearchStores/x"] } }] };
    const { secret } = await gateway.newKey({}); // without a budget, which would refuse it first
    await assert.rejects(client(secret).models.generateContent({ ...ask("say hello"), config }), (e) => e.status === 400 && e.message.includes("fileSearch"));
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

// spent holds the latest entry to a path and to its parts.
async function spent(reason, usage) {
  const e = await gateway.lastEntry();
  assert.deepEqual([e.endpoint, e.outcome], ["native", "ok"]);
  assert.ok(e.reason.startsWith(`native POST ${reason}; `), e.reason);
  for (const [part, n] of Object.entries(usage)) assert.equal(e.usage[part], n, `${part} of ${JSON.stringify(e.usage)}`);
  return e;
}

const iterate = async function* (stream) {
  for await (const e of stream) yield e;
};

describe("cohere-ai", () => {
  const client = () => new CohereClientV2({ token: key(), environment: `${gateway.url}/cohere` });
  const ask = { model: "cohere", messages: [{ role: "user", content: "say hello" }] };
  const billed = { billed_units: { input_tokens: 5, output_tokens: 4 }, tokens: { input_tokens: 505, output_tokens: 6 }, cached_tokens: 496 };

  test("whole", async () => {
    vendor.answer = json({ id: "x", finish_reason: "COMPLETE", message: { role: "assistant", content: [{ type: "text", text: answer }] }, usage: billed });
    for (const model of ["cohere", "command-a-03-2025"]) {
      const r = await client().chat({ ...ask, model });
      assert.equal(r.message.content[0].text, answer);
      assert.deepEqual([vendor.last().path, vendor.last().json.model, vendor.last().headers.authorization], ["/v2/chat", "command-a-03-2025", "Bearer vendor-key-MARK"]);
      const e = await spent("/cohere/v2/chat", { input: 5, output: 4, input_source: "reported", output_source: "reported" });
      assert.equal(e.amount, "0.000013");
    }
  });
  test("stream", async () => {
    const piece = (text) => event({ type: "content-delta", index: 0, delta: { message: { content: { text } } } }, "content-delta");
    vendor.answer = events(event({ type: "message-start", id: "x", delta: { message: { role: "assistant" } } }, "message-start"), piece("Grüße "), piece("aus Berlin"),
      event({ type: "message-end", id: "x", delta: { finish_reason: "COMPLETE", usage: billed } }, "message-end"), "data: [DONE]\n\n");
    assert.equal(await text(iterate(await client().chatStream(ask)), (e) => e.delta?.message?.content?.text), "Grüße aus Berlin");
    assert.ok((await spent("/cohere/v2/chat", { input: 5, output: 4, output_source: "reported" })).stream);
    vendor.answer = events(piece("par")); // and no end
    await gateway.ask("/cohere/v2/chat", { ...ask, stream: true }).then((r) => assert.match(r.text, /"message":/));
    assert.equal((await gateway.lastEntry()).outcome, "failed");
  });
  test("embed", async () => {
    const embed = () => client().embed({ model: "cohere", texts: ["a"], inputType: "search_document", embeddingTypes: ["float"] });
    for (const [units, usage] of [[{ input_tokens: 3 }, { input: 3 }], [{ images: 2 }, { input: 0, images: 2 }], [{ images: 2, image_tokens: 700, input_tokens: 3 }, { input: 3, image_input: 700, images: undefined }]]) {
      vendor.answer = json({ id: "x", embeddings: { float: [[0.5]] }, texts: ["a"], meta: { billed_units: units } });
      assert.deepEqual((await embed()).embeddings.float, [[0.5]]);
      await spent("/cohere/v2/embed", { input_source: "reported", ...usage });
    }
  });
  test("rerank", async () => {
    vendor.answer = json({ id: "x", results: [{ index: 1, relevance_score: 0.5 }], meta: { billed_units: { search_units: 1 } } });
    assert.equal((await client().rerank({ model: "cohere", query: "q", documents: ["a", "b"] })).results[0].index, 1);
    assert.equal((await spent("/cohere/v2/rerank", { searches: 1 })).amount, "2.00");
  });
  test("error", async () => {
    vendor.answer = json({ message: "the request is nonsense" }, 400);
    await assert.rejects(client().chat(ask), (e) => e.statusCode === 400 && e.body.message.includes("nonsense"));
    await assert.rejects(client().chat({ ...ask, model: "nobody" }), (e) => e.statusCode === 404 && e.body.message.includes("nobody"));
    await assert.rejects(client().models.list(), (e) => e.statusCode === 404 && e.body.message.includes("is not passed on"));
  });
});

// What Voyage's and Jina's references say that clients send.
describe("voyage and jina", () => {
  const asks = [
    ["/voyage/v1/contextualizedembeddings", { model: "voyage", inputs: [["a", "b"]], input_type: "document" }, "/contextualizedembeddings", { total_tokens: 12 }, { input: 12 }, "0.000012"],
    ["/voyage/v1/multimodalembeddings", { model: "voyage", inputs: [{ content: [{ type: "text", text: "a" }] }] }, "/multimodalembeddings", { text_tokens: 5, image_pixels: 1120, total_tokens: 7 }, { input: 5, image_input: 2 }, "0.000011"],
    ["/voyage/v1/rerank", { model: "voyage", query: "q", documents: ["a", "b"], top_k: 1 }, "/rerank", { total_tokens: 26 }, { input: 26 }, "0.000026"],
    ["/jina/v1/embeddings", { model: "jina", task: "text-matching", input: [{ text: "a" }, { image: "iVBORw0KGgoAAAANSUhEUg==" }] }, "/embeddings", { total_tokens: 9, prompt_tokens: 9 }, { input: 9 }, "0.000009"],
    ["/jina/v1/rerank", { model: "jina", query: "q", documents: ["a"] }, "/rerank", { total_tokens: 3 }, { input: 3 }, "0.000003"],
  ];
  for (const [path, body, sent, counted, spends, amount] of asks) {
    test(path, async () => {
      const answered = { object: "list", data: [{ object: "embedding", index: 0, embedding: [0.5] }], model: "m", usage: counted };
      vendor.answer = json(answered);
      const r = await gateway.ask(path, body);
      assert.deepEqual([r.status, r.json], [200, answered]);
      const last = vendor.last();
      assert.deepEqual([last.path, last.json, last.headers.authorization], [sent, { ...body, model: body.model === "jina" ? "jina-embeddings-v4" : "voyage-context-3" }, "Bearer vendor-key-MARK"]);
      assert.equal((await spent(path, { ...spends, input_source: "reported" })).amount, amount);
    });
  }
  test("errors", async () => {
    vendor.answer = json({ detail: "Request to model 'voyage-context-3' failed. no" }, 400);
    const wrong = await gateway.ask("/voyage/v1/rerank", { model: "voyage", query: "q", documents: ["a"] });
    assert.equal(wrong.status, 400);
    assert.match(wrong.json.detail, /no$/);
    assert.match((await gateway.ask("/jina/v1/classify", { model: "jina", input: ["a"] })).json.detail, /is not passed on/);
  });
});

describe("ollama", () => {
  const client = () => new Ollama({ host: `${gateway.url}/ollama`, headers: { authorization: `Bearer ${key()}` } });
  const ask = { model: "ollama", messages: [{ role: "user", content: "say hello" }] };
  const ended = { done: true, done_reason: "stop", prompt_eval_count: 11, eval_count: 7 };
  const line = (o) => `${JSON.stringify({ model: "gpt-oss:20b", created_at: "2026-01-01T00:00:00Z", done: false, ...o })}\n`;

  test("whole", async () => {
    vendor.answer = json(line({ message: { role: "assistant", content: answer }, ...ended }));
    const r = await client().chat({ ...ask, options: { num_predict: 99 } });
    assert.equal(r.message.content, answer);
    const { path, json: sent } = vendor.last();
    assert.deepEqual([path, sent.model, sent.stream, sent.options.num_predict], ["/api/chat", "gpt-oss:20b", false, 99]);
    assert.equal((await spent("/ollama/api/chat", { input: 11, output: 7, input_source: "reported" })).amount, "0.000025");
  });
  test("stream", async () => {
    vendor.answer = (_, res) => res.writeHead(200, { "content-type": "application/x-ndjson" }).end(line({ response: "Grüße " }) + line({ response: "aus Berlin" }) + line({ response: "", ...ended }));
    assert.equal(await text(await client().generate({ model: "ollama", prompt: "say hello", stream: true }), (e) => e.response), "Grüße aus Berlin");
    assert.ok((await spent("/ollama/api/generate", { input: 11, output: 7 })).stream);
    assert.equal(vendor.last().json.options.num_predict, 16384); // under a budget there is a cap
    vendor.answer = (_, res) => res.writeHead(200).end(line({ response: "par" })); // and no end
    await assert.rejects(async () => text(await client().generate({ model: "ollama", prompt: "x", stream: true }), (e) => e.response));
    assert.equal((await gateway.lastEntry()).outcome, "failed");
  });
  test("embed", async () => {
    vendor.answer = json({ model: "gpt-oss:20b", embeddings: [[0.5]], prompt_eval_count: 3 });
    assert.deepEqual((await client().embed({ model: "ollama", input: "a" })).embeddings, [[0.5]]);
    await spent("/ollama/api/embed", { input: 3, input_source: "reported" });
  });
  test("error", async () => {
    vendor.answer = json({ error: "the request is nonsense" }, 400);
    await assert.rejects(client().chat(ask), (e) => e.status_code === 400 && e.message.includes("nonsense"));
    await assert.rejects(client().generate({ model: "ollama", prompt: "x", context: [1, 2] }), (e) => e.status_code === 400 && e.message.includes("context"));
    await assert.rejects(client().delete({ model: "ollama" }), (e) => e.status_code === 404 && e.message.includes("is not passed on"));
  });
});

// https://docs.perplexity.ai/api-reference/agent-post
describe("@perplexity-ai/perplexity_ai", () => {
  const client = () => new Perplexity({ apiKey: key(), baseURL: `${gateway.url}/perplexity`, maxRetries: 0 });
  const ask = { model: "perplexity", input: "say hello", tools: [{ type: "web_search", filters: { search_recency_filter: "day" } }] };
  const search = { type: "search_results", queries: ["hello"], results: [{ id: 1, title: "A", url: "https://a.example", snippet: "s", source: "web" }] };
  const message = { type: "message", id: "msg_1", role: "assistant", status: "completed", content: [{ type: "output_text", text: answer, annotations: [] }] };
  const usage = { input_tokens: 11, output_tokens: 7, total_tokens: 18, tool_calls_details: { search_web: { invocation: 2, cost_usd: 0.005 } }, cost: { currency: "USD", input_cost: 0, output_cost: 0, total_cost: 0.005 } };
  const response = (more) => ({ id: "resp_v", object: "response", created_at: 1, model: "perplexity/sonar", status: "completed", error: null, output: [search, message], usage, ...more });
  const paid = async () => {
    const e = await spent("/perplexity/v1/responses", { input: 11, output: 7, searches: 2, input_source: "reported" });
    assert.equal(Number(e.amount), 0.020025);
    return e;
  };

  test("whole", async () => {
    vendor.answer = json(response());
    const r = await client().responses.create({ ...ask, max_steps: 2 });
    assert.equal(r.output_text, answer);
    assert.equal(r.output[0].results[0].url, "https://a.example");
    assert.equal(r.usage.cost.total_cost, 0.005);
    const { path, json: sent } = vendor.last();
    // Under a budget there are caps, and nothing is kept by the vendor.
    assert.deepEqual([path, sent], ["/v1/responses", { ...ask, model: "perplexity/sonar", max_steps: 2, max_output_tokens: 16384, max_tool_calls: 10, store: false }]);
    await paid();
  });
  test("stream", async () => {
    const steps = [
      { type: "response.created", response: response({ status: "in_progress", output: [], usage: null }) },
      { type: "response.reasoning.search_results", results: search.results, thought: "Found 1 results" },
      { type: "response.output_item.done", output_index: 0, item: search },
      ...["Grüße ", "aus Berlin"].map((delta) => ({ type: "response.output_text.delta", item_id: "msg_1", output_index: 1, content_index: 0, delta })),
      { type: "response.completed", response: response() },
    ];
    vendor.answer = events(...steps.map((e, i) => event({ ...e, sequence_number: i })));
    const seen = [];
    for await (const e of await client().responses.create({ ...ask, stream: true })) seen.push(e);
    assert.deepEqual(seen.map((e) => e.type), steps.map((e) => e.type));
    assert.equal(seen.map((e) => e.delta ?? "").join(""), "Grüße aus Berlin");
    assert.ok((await paid()).stream);
  });
  test("error", async () => {
    vendor.answer = json({ error: { message: "the request is nonsense", type: "invalid_request", code: 400, param: "x" } }, 400);
    await assert.rejects(client().responses.create(ask), (e) => e.status === 400 && e.message.includes("nonsense"));
    await assert.rejects(client().responses.create({ ...ask, models: ["a/b"] }), (e) => e.status === 400 && e.message.includes("models"));
    await assert.rejects(client().responses.create({ ...ask, preset: "low" }), (e) => e.status === 403 && e.message.includes("preset"));
    await assert.rejects(client().responses.retrieve("resp_v"), (e) => e.status === 404 && e.message.includes("is not passed on"));
    await assert.rejects(client().search.create({ query: "x" }), (e) => e.status === 404 && e.message.includes("is not passed on"));
  });
});

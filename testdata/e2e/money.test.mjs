// Who pays, how much, for which model: the ledger against clients that leave,
// forge and repeat, and vendors that break.
import assert from "node:assert/strict";
import http from "node:http";
import { after, before, describe, test } from "node:test";
import { startGateway } from "./gateway.mjs";
import { bedrock, chat, claude, events, json, startVendor, stream } from "./vendor.mjs";

let vendor, gateway;

// Deployments whose names in the price book differ from what is deployed.
const model = (name, provider, more) => `
[[deployment]]
name = "${name}-main"
base_url = "MOCK${provider === "openai" ? "/v1" : ""}"
allow_private = true
provider = "provider.${provider}"
credential = "${provider}"
${more}

[[model]]
name = "${name}"
deployments = ["${name}-main"]
`;
const extra =
  model("profile", "bedrock", 'model = "us.anthropic.claude-x-v1:0"\nprice_model = "anthropic.claude-haiku-4-5-20251001-v1:0"\nstream_idle_timeout = "300ms"\noptions = { region = "us-east-1" }') +
  model("dated", "anthropic", 'model = "claude-haiku-4.5-20251001"\nstream_idle_timeout = "300ms"') +
  model("unpriced", "openai", 'model = "newco/model-9"') +
  model("free", "openai", 'model = "newco/model-9"\nprice = { input = "0", output = "0" }') +
  model("near", "openai", 'model = "gpt-4o-mini-but-another"') +
  model("small", "openai", 'model = "small-model"\nprice = { input = "1", output = "1" }') +
  model("big", "openai", 'model = "big-model"\nprice = { input = "1000", output = "1000" }') +
  model("broken", "openai", 'model = "broken-model"\nprice = { input = "1", output = "1" }').replace(/deployments = (.*)/, 'deployments = $1\nfallbacks = ["small"]');

before(async () => {
  vendor = await startVendor();
  gateway = await startGateway(vendor.url, extra.replaceAll("MOCK", vendor.url));
});

after(async () => {
  await gateway?.stop();
  await vendor?.stop();
});

const say = (model, more) => ({ model, max_tokens: 50, messages: [{ role: "user", content: "hi" }], ...more });
const bearer = (key) => ({ authorization: `Bearer ${key.secret}` });
const spent = async (key) => Number((await gateway.admin("GET", `/keys/${key.id}`)).budget?.spent ?? 0);

// leave streams and closes the socket as soon as enough satisfies.
function leave(path, body, enough) {
  return new Promise((done, failed) => {
    const request = http.request(gateway.url + path, { method: "POST", agent: false, headers: { "content-type": "application/json", authorization: `Bearer ${gateway.key}` } }, (res) => {
      let text = "";
      res.on("error", () => {});
      res.setEncoding("utf8").on("data", (d) => {
        text += d;
        if (!enough(text)) return;
        request.destroy();
        done(res.headers["x-tokligence-exchange-id"]);
      });
    });
    request.on("error", failed);
    request.end(JSON.stringify(body));
  });
}

describe("C46 a stream that is cut costs by the same price as a whole one", () => {
  // Catalogue: claude-haiku-4-5 is 1 / 5 dollars per million.
  const words = "some words that go on ";
  const streams = {
    dated: { head: {}, begin: claude.start(25), text: claude.text, end: claude.end(200), input: 25, reported: true },
    profile: { head: bedrock.head, begin: bedrock.start(), text: bedrock.text, end: bedrock.end(25, 200), input: 25, reported: false },
  };
  for (const [name, s] of Object.entries(streams)) {
    for (const [how, finish] of Object.entries({
      whole: (res) => res.end(s.end),
      "the client leaves": (_, request) => request.gone,
      "the vendor falls silent": (_, request) => request.gone,
      "the vendor breaks off": (res, _, read) => read.then(() => res.destroy()), // what a reset throws away is nobody's
    })) {
      for (const path of ["/v1/chat/completions", "/v1/messages"]) {
        test(`${name}, ${how}, ${path}`, async () => {
          let read;
          const came = new Promise((done) => (read = done));
          vendor.answer = async (request, res) => {
            stream(res, s.head);
            res.write(s.begin);
            for (let i = 0; i < 40; i++) res.write(s.text(words));
            await finish(res, request, came);
          };
          const body = say(name, { stream: true });
          const seen = (text) => text.includes(words) && read();
          const id = how.includes("client") ? await leave(path, body, (text) => text.includes(words)) : (await gateway.ask(path, body, undefined, seen)).headers["x-tokligence-exchange-id"];
          const e = await gateway.entry(id);
          const whole = how === "whole";
          assert.equal(e.outcome, whole ? "ok" : how.includes("client") ? "client_closed" : "failed");
          if (whole) assert.equal(e.usage.output, 200);
          else assert.ok(e.usage.output >= 5, "what came was counted");
          if (whole || s.reported) assert.equal(e.usage.input, 25);
          assert.equal(e.usage.output_source, whole ? "reported" : "estimated");
          assert.ok(!e.unpriced);
          assert.match(e.price_id, /claude-haiku-4-5/);
          assert.equal(Math.round(Number(e.amount) * 1e6), e.usage.input + 5 * e.usage.output);
        });
      }
    }
  }
});

describe("C47 a model without a price", () => {
  for (const name of ["unpriced", "near"]) {
    test(`${name}: refused where a budget applies, allowed and flagged elsewhere`, async () => {
      vendor.answer = json(chat.whole("ok", 1000, 1000));
      const budgeted = await gateway.newKey({ budget: { amount: "0.0001", period: "month" } });
      const before = vendor.requests.length;
      for (const path of ["/v1/chat/completions", "/v1/messages"]) {
        for (const r of await Promise.all(Array.from({ length: 10 }, () => gateway.ask(path, say(name), bearer(budgeted))))) {
          assert.equal(r.status, 403);
          assert.match(r.text, /has no price/);
        }
      }
      assert.equal(vendor.requests.length, before, "the vendor is not called");
      const open = await gateway.newKey({});
      const counted = await gateway.metric("tokligence_unpriced_total", `model="${name}"`);
      const r = await gateway.ask("/v1/chat/completions", say(name), bearer(open));
      assert.equal(r.status, 200);
      assert.equal(r.headers["x-tokligence-cost"], undefined, "an unknown cost is not told as 0");
      const e = await gateway.entry(r.headers["x-tokligence-exchange-id"]);
      assert.equal(e.unpriced, true);
      assert.equal(e.price_id ?? "", "");
      assert.equal(e.usage.output, 1000);
      assert.equal(await gateway.metric("tokligence_unpriced_total", `model="${name}"`), counted + 1);
      assert.ok((await gateway.admin("GET", "/usage?by=model")).data.find((row) => row.group === name).unpriced >= 1);
      const info = (await gateway.admin("GET", "/models")).data.find((m) => m.name === name);
      assert.equal(info.deployments[0].priced, false);
    });
  }

  test("a price of zero is a price", async () => {
    vendor.answer = json(chat.whole("ok", 1000, 1000));
    const key = await gateway.newKey({ budget: { amount: "0.0001", period: "month" } });
    const r = await gateway.ask("/v1/chat/completions", say("free"), bearer(key));
    assert.equal(r.status, 200);
    assert.equal(Number(r.headers["x-tokligence-cost"]), 0);
    const e = await gateway.entry(r.headers["x-tokligence-exchange-id"]);
    assert.ok(!e.unpriced);
  });
});

test("C55 odd values in some requests lose no entry of the others", async () => {
  vendor.answer = json(chat.whole("ok", 1, 1));
  const key = await gateway.newKey({ name: "odd", budget: { amount: "1", period: "month" } });
  const doomed = await gateway.newKey({ name: "doomed" });
  const odd = ["plain", "a\u0000b", "x".repeat(5 << 20), "\ufffd\u0000", "Ω".repeat(5000), "=cmd()", '"\n\r\t'];
  const asks = Array.from({ length: 98 }, (_, i) => gateway.ask("/v1/chat/completions", say("small", { user: odd[i % odd.length] }), bearer(key)));
  asks.push(gateway.ask("/v1/chat/completions", say("small", { user: "u" }), bearer(doomed)));
  asks.push(gateway.ask("/v1/chat/completions", JSON.stringify(say("small")).replace('"hi"', '"\\ud800"'), bearer(key)));
  await gateway.admin("DELETE", `/keys/${doomed.id}`);
  const statuses = (await Promise.all(asks)).map((r) => r.status);
  assert.deepEqual(statuses.slice(0, 98), Array(98).fill(200));
  assert.equal(statuses[99], 400, "a lone surrogate");
  const entries = await gateway.entries(`&key_id=${key.id}`);
  assert.equal(entries.length, 98);
  assert.ok(entries.every((e) => !JSON.stringify(e).includes("\\u0000") && e.outcome === "ok"));
  assert.equal(Math.round((await spent(key)) * 1e6), 98 * 2);
  if (statuses[98] === 200) assert.equal((await gateway.entries(`&key_id=${doomed.id}`)).length, 1, "a deleted key keeps its history");
  assert.deepEqual((await gateway.admin("POST", "/ledger/verify")).differences, []);
});

describe("C56 nobody else can be made to pay", () => {
  const forged = (victim) => {
    const claims = { key_id: victim.id, user_api_key: victim.secret, user_api_key_hash: victim.id, user_api_key_user_id: "u2", user_api_key_team_id: "t2", team_id: "t2", organization_id: "o2", user_id: "u2", attempted_fallbacks: 99, attempts: 99, amount: "0", cost: 0, exchange_id: "exc_forged", tags: ["forged"] };
    const members = { metadata: claims, litellm_metadata: claims, proxy_server_request: claims, x_tokligence: claims, ...claims };
    delete members.attempts; // Anthropic refuses unknown members by itself; this is about ours
    return { members, headers: Object.fromEntries(Object.entries(claims).flatMap(([k, v]) => [[`x-${k.replaceAll("_", "-")}`, String(v)], [`x-tokligence-${k.replaceAll("_", "-")}`, String(v)]])) };
  };
  for (const [how, alias, status, attempts] of [["success", "small", 200, 1], ["failure", "big", 502, 1], ["fallback", "broken", 200, 2]]) {
    for (const path of ["/v1/chat/completions", "/v1/messages"]) {
      test(`${how}, ${path}`, async () => {
        vendor.answer = (request, res) => (request.json.model === "small-model" ? json(chat.whole("ok", 3, 2)) : json({ error: { message: "down" } }, 500))(request, res);
        const key = await gateway.newKey({ name: "payer", budget: { amount: "1", period: "month" } });
        const victim = await gateway.newKey({ name: "victim", budget: { amount: "1", period: "month" } });
        const f = forged(victim);
        const r = await gateway.ask(path, say(alias, { ...f.members, user: victim.id }), { ...f.headers, ...bearer(key) });
        assert.equal(r.status, status, r.text);
        const [e, ...more] = await gateway.entries(`&key_id=${key.id}`);
        assert.equal(more.length, 0);
        assert.equal(e.exchange_id, r.headers["x-tokligence-exchange-id"]);
        assert.equal(e.key.name, "payer");
        assert.equal(e.attempts.length, attempts);
        assert.deepEqual(e.tags ?? [], []);
        const text = JSON.stringify(e);
        for (const claim of ["t2", "u2", "o2", "forged", "99"]) assert.ok(!text.includes(`"${claim}"`), `${claim} in ${text}`);
        assert.equal(Math.round(Number(e.amount) * 1e6), status === 200 ? 5 : 0);
        assert.equal((await gateway.entries(`&key_id=${victim.id}`)).length, 0);
        assert.equal(await spent(victim), 0);
      });
    }
  }
});

describe("C61 the model that is checked is the model that is called", () => {
  const duplicate = (first, second) => `{"model":"${first}","max_tokens":9,"messages":[{"role":"user","content":"hi"}],"model":"${second}"}`;
  for (const [name, path, body, statuses] of [
    ["query string", "/v1/chat/completions?model=big", say("small"), [200]],
    ["query string, messages", "/v1/messages?model=big&stream=true", say("small"), [200]],
    ["small, then big", "/v1/chat/completions", duplicate("small", "big"), [400]],
    ["big, then small", "/v1/chat/completions", duplicate("big", "small"), [400]],
    ["small, then big, messages", "/v1/messages", duplicate("small", "big"), [400]],
    ["escaped name of a second member", "/v1/chat/completions", duplicate("small", "big").replace(/"model":"big"/, '"mod\\u0065l":"big"'), [400]],
    ["in the deployment's path", "/openai/deployments/big/chat/completions", say("small"), [403]],
    ["other case", "/v1/chat/completions", JSON.stringify(say("small")).replace("{", '{"Model":"big",'), [400]],
    ["in extra members", "/v1/chat/completions", say("small", { extra_body: { model: "big" }, deployment: "big-main", api_base: "http://127.0.0.1:9/" }), [200]],
    ["the vendor's own fallbacks", "/v1/chat/completions", say("small", { fallbacks: ["big"] }), [400]],
    ["the vendor's own fallbacks, messages", "/v1/messages", say("small", { fallbacks: [{ model: "big" }] }), [400]],
    ["other models", "/v1/chat/completions", say("small", { models: ["big"] }), [400]],
    ["not allowed", "/v1/chat/completions", say("big"), [403]],
    ["the deployment's own name", "/v1/chat/completions", say("big-model"), [404]],
    ["the deployment", "/v1/chat/completions", say("big-main"), [404]],
    ["with a blank", "/v1/chat/completions", say(" big"), [404]],
    ["embeddings", "/v1/embeddings", { model: "big", input: "x" }, [403]],
  ]) {
    test(name, async () => {
      vendor.answer = json(chat.whole("ok"));
      const key = await gateway.newKey({ name: "narrow", all_models: false, models: ["small"] });
      const before = vendor.requests.length;
      const r = await gateway.ask(path, body, bearer(key));
      assert.ok(statuses.includes(r.status), `${r.status} ${r.text}`);
      for (const q of vendor.requests.slice(before)) assert.equal(q.json.model, "small-model");
      assert.equal(vendor.requests.length - before, r.status === 200 ? 1 : 0);
      for (const e of await gateway.entries(`&key_id=${key.id}`)) assert.equal(e.deployed_model ?? "small-model", "small-model"); // none where nothing was called
    });
  }
});

describe("C20 exceptions of Bedrock within a stream", () => {
  const ask = (path) => gateway.ask(path, say("profile", { stream: true }));
  for (const path of ["/v1/chat/completions", "/v1/messages"]) {
    test(`first: a plain refusal, ${path}`, async () => {
      vendor.answer = (_, res) => {
        stream(res, bedrock.head);
        res.end(bedrock.exception("throttlingException", { message: "slow" }));
      };
      const r = await ask(path);
      assert.equal(r.status, 429, r.text);
      assert.ok(r.headers["retry-after"]);
    });
    for (const [name, last] of [
      ["throttled", () => bedrock.exception("throttlingException", { message: "slow" })],
      ["model error", () => bedrock.exception("modelStreamErrorException", { message: "boom" })],
      ["wrong checksum", () => { const b = bedrock.text("garbage"); b[b.length - 1] ^= 1; return b; }],
      ["half a frame", () => bedrock.text("garbage").subarray(0, 30)],
    ]) {
      test(`${name} after content, ${path}`, async () => {
        let read;
        const came = new Promise((done) => (read = done));
        vendor.answer = async (_, res) => {
          stream(res, bedrock.head);
          res.write(bedrock.start());
          res.write(bedrock.text("par"));
          await came; // or the failure would come with the first frame, and be a plain refusal
          res.end(last());
        };
        const r = await gateway.ask(path, say("profile", { stream: true }), undefined, (text) => text.includes("par") && read());
        assert.equal(r.status, 200, r.text);
        assert.ok(r.text.includes("par") && !r.text.includes("garbage"));
        assert.equal(r.text.split('"error":').length, 2);
        assert.ok(!/"finish_reason":"|end_turn|\[DONE\]|message_stop/.test(r.text), r.text);
        const e = await gateway.entry(r.headers["x-tokligence-exchange-id"]);
        assert.equal(e.outcome, "failed");
        assert.ok(e.usage.output > 0 && Number(e.amount) > 0);
      });
    }
  }
});

describe("C07, C40, C41 usage of Anthropic, to either client", () => {
  const usage = { input_tokens: 5, cache_creation_input_tokens: 8000, cache_read_input_tokens: 0, output_tokens: 400 };
  const whole = (usage) => ({ id: "msg_1", type: "message", role: "assistant", model: "claude-vendor", content: [{ type: "text", text: "ok" }], stop_reason: "end_turn", stop_sequence: null, usage });
  const cost = (e) => Math.round(Number(e.amount) * 1e6);
  const entry = (r) => gateway.entry(r.headers["x-tokligence-exchange-id"]);

  test("a cache write is billed once", async () => {
    vendor.answer = json(whole(usage));
    const r = await gateway.ask("/v1/chat/completions", say("dated"));
    assert.equal(r.json.usage.prompt_tokens, 8005);
    assert.equal(r.json.usage.completion_tokens, 400);
    assert.equal(r.json.usage.total_tokens, 8405);
    assert.equal(r.json.usage.prompt_tokens_details.cached_tokens, 0);
    assert.equal(cost(await entry(r)), 5 + 10_000 + 2000); // at 1, 1.25 and 5
    const m = await gateway.ask("/v1/messages", say("dated"));
    assert.deepEqual(m.json.usage, usage);
    assert.equal(cost(await entry(m)), 12_005);
  });

  for (const [name, last, want] of [
    ["replaced", { input_tokens: 20, output_tokens: 310, cache_creation_input_tokens: 0, cache_read_input_tokens: 8970 }, { prompt_tokens: 8990, completion_tokens: 310, cached: 8970, cost: 20 + 897 + 1550 }],
    ["kept", { output_tokens: 310 }, { prompt_tokens: 9000, completion_tokens: 310, cached: 0, cost: 9000 + 1550 }],
  ]) {
    test(`a later report: ${name}; one usage chunk, right before the end`, async () => {
      const end = claude.end(310).replace('"usage":{"output_tokens":310}', `"usage":${JSON.stringify(last)}`);
      vendor.answer = events(claude.start(9000), claude.text("ok"), end);
      const r = await gateway.ask("/v1/chat/completions", say("dated", { stream: true, stream_options: { include_usage: true } }));
      const blocks = r.text.split("\n\n").filter(Boolean).map((b) => b.slice("data: ".length));
      assert.equal(blocks.pop(), "[DONE]");
      const chunks = blocks.map((b) => JSON.parse(b));
      const u = chunks.pop();
      assert.deepEqual(u.choices, []);
      assert.deepEqual([u.usage.prompt_tokens, u.usage.completion_tokens, u.usage.total_tokens, u.usage.prompt_tokens_details.cached_tokens], [want.prompt_tokens, want.completion_tokens, want.prompt_tokens + want.completion_tokens, want.cached]);
      assert.equal(chunks.at(-1).choices[0].finish_reason, "stop");
      for (const c of chunks) {
        assert.ok(!c.usage && c.choices.length === 1);
        assert.deepEqual([c.id, c.created, c.model, c.object], [u.id, u.created, u.model, "chat.completion.chunk"]);
      }
      const e = await entry(r);
      assert.equal(cost(e), want.cost);
      assert.equal(u.x_tokligence.cost, e.amount);
      const m = await gateway.ask("/v1/messages", say("dated", { stream: true }));
      assert.ok(m.text.includes(JSON.stringify(last)), "passed on as it came");
      assert.equal(cost(await entry(m)), want.cost);
    });
  }
});

test("C29, C31, C43 Gemini: thoughts apart, results together, all tokens counted", async () => {
  const parts = [{ text: "Let me plan", thought: true }, { text: '{"a":1}' }];
  const usageMetadata = { promptTokenCount: 50, candidatesTokenCount: 120, thoughtsTokenCount: 300, cachedContentTokenCount: 20, totalTokenCount: 470 };
  const candidates = (p, finishReason) => [{ content: { role: "model", parts: p }, finishReason, index: 0 }];
  const messages = [
    { role: "user", content: "go" },
    { role: "assistant", content: null, tool_calls: [["c1", "f", 1], ["c2", "g", 2]].map(([id, name, n]) => ({ id, type: "function", function: { name, arguments: `{"n":${n}}` } })) },
    { role: "tool", tool_call_id: "c1", content: "one" },
    { role: "tool", tool_call_id: "c2", content: "two" },
  ];
  vendor.answer = json({ candidates: candidates(parts, "STOP"), usageMetadata });
  const r = await gateway.ask("/v1/chat/completions", { model: "gemini", messages });
  assert.equal(r.json.choices[0].message.content, '{"a":1}');
  assert.equal(r.json.choices[0].message.reasoning_content, "Let me plan");
  const u = r.json.usage;
  assert.deepEqual([u.prompt_tokens, u.completion_tokens, u.total_tokens, u.completion_tokens_details.reasoning_tokens, u.prompt_tokens_details.cached_tokens], [50, 420, 470, 300, 20]);
  const { contents } = vendor.last().json;
  assert.deepEqual(contents.map((c) => c.role), ["user", "model", "user"]);
  assert.deepEqual(contents[2].parts.map((p) => p.functionResponse.name), ["f", "g"]);

  const growing = [1, 2, 3].map((n) => ({ ...usageMetadata, candidatesTokenCount: 40 * n, totalTokenCount: 350 + 40 * n }));
  const data = (o) => `data: ${JSON.stringify(o)}\r\n\r\n`;
  vendor.answer = events(data({ candidates: candidates([parts[0]]), usageMetadata: growing[0] }), data({ candidates: candidates([{ text: '{"a"' }]), usageMetadata: growing[1] }), data({ candidates: candidates([{ text: ":1}" }], "STOP"), usageMetadata: growing[2] }));
  for (const path of ["/v1/chat/completions", "/v1/messages"]) {
    const s = await gateway.ask(path, { model: "gemini", max_tokens: 900, stream: true, messages: [{ role: "user", content: "go" }] });
    const e = await gateway.entry(s.headers["x-tokligence-exchange-id"]);
    assert.deepEqual([e.usage.input, e.usage.cache_read, e.usage.output, e.usage.reasoning, e.usage.output_source], [30, 20, 420, 300, "reported"]);
    const blocks = s.text.split("\n\n").filter((b) => b.includes("data: {")).map((b) => JSON.parse(b.slice(b.indexOf("data: ") + 6)));
    assert.equal(blocks.map((b) => b.choices?.[0]?.delta?.content ?? b.delta?.text ?? "").join(""), '{"a":1}');
    assert.equal(blocks.map((b) => b.choices?.[0]?.delta?.reasoning_content ?? b.delta?.thinking ?? "").join(""), "Let me plan");
  }
});

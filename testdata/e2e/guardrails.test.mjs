// Guardrails as they run in production: real plugins of all carriers, on every
// endpoint, part and stage; a stream is never cut or glued by them.
import Anthropic from "@anthropic-ai/sdk";
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import OpenAI from "openai";
import { buildGuest, compiled, goBuild, startGateway } from "./gateway.mjs";
import { chat, claude, events, json, startVendor } from "./vendor.mjs";

let vendor, gateway, openai, anthropic;

const card = "4111 1111 1111 1111";

before(async () => {
  vendor = await startVendor();
  const guest = await buildGuest();
  const cards = join(compiled, "cards");
  await goBuild(cards, "./sdk-examples/plugins/guardrail-process");
  const sha256 = createHash("sha256").update(await readFile(cards)).digest("hex");
  const rules = (action, more = "") => `config = { rules = [ { name = "names", words = ["zanzibar", "top secret"], action = "${action}"${more} } ] }`;
  const attachments = {
    deny: `plugin = "guardrail.rules"\n${rules("deny", ', message = "not that name"')}`,
    mask: `plugin = "guardrail.rules"\n${rules("replace", ', replacement = "[name]"')}`,
    watch: `plugin = "guardrail.rules"\nmode = "monitor"\n${rules("deny")}`,
    "deny-answers": `plugin = "guardrail.rules"\nstages = ["output", "stream"]\n${rules("deny", ', message = "not that name"')}`,
    "mask-answers": `plugin = "guardrail.rules"\nstages = ["output", "stream"]\n${rules("replace", ', replacement = "[name]"')}`,
    cards: `plugin = "guardrail.cards"\nconfig = { mask = "[card]" }`,
    closed: `plugin = "guardrail.guest"`,
    open: `plugin = "guardrail.guest"\non_failure = "open"`,
  };
  let toml = `
[[plugin]]
id = "guardrail.rules"
source = "builtin:rules"
[[plugin]]
id = "guardrail.cards"
source = "${cards}"
carrier = "process"
sha256 = "${sha256}"
timeout = "5s"
[[plugin]]
id = "guardrail.guest"
source = "${guest}"
`;
  for (const [name, text] of Object.entries(attachments)) {
    toml += `\n[[guardrail]]\nname = "${name}"\n${text}\n`;
    for (const provider of ["openai", "anthropic"]) toml += `\n[[model]]\nname = "${provider}-${name}"\ndeployments = ["${provider}-main"]\nguardrails = ["${name}"]\n`;
  }
  toml += `\n[[model]]\nname = "embedding-deny"\ndeployments = ["embedding-main"]\nguardrails = ["deny"]\n\n[[model]]\nname = "image-deny"\ndeployments = ["image-main"]\nguardrails = ["deny"]\n`;
  gateway = await startGateway(vendor.url, toml);
  openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.key, maxRetries: 0 });
  anthropic = new Anthropic({ baseURL: gateway.url, apiKey: gateway.key, maxRetries: 0 });
});

after(async () => {
  await gateway?.stop();
  await vendor?.stop();
});

const user = (content) => [{ role: "user", content }];
const entryOf = (r) => gateway.entry(r.headers["x-tokligence-exchange-id"]);

// Every place of a request in which a model reads text.
const calls = (name, args) => [{ role: "assistant", content: null, tool_calls: [{ id: "c1", type: "function", function: { name: "f", arguments: JSON.stringify({ to: args }) } }] }, { role: "tool", tool_call_id: "c1", content: name }];
const places = {
  "/v1/chat/completions": {
    "a string": (w) => ({ messages: user(`go to ${w}`) }),
    "a part": (w) => ({ messages: user([{ type: "text", text: "hello" }, { type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } }, { type: "text", text: w }]) }),
    "the system prompt": (w) => ({ messages: [{ role: "system", content: w }, ...user("hi")] }),
    "a later developer message": (w) => ({ messages: [...user("hi"), { role: "developer", content: w }] }),
    "an assistant message": (w) => ({ messages: [...user("hi"), { role: "assistant", content: w }, ...user("and")] }),
    "tool arguments": (w) => ({ messages: [...user("hi"), ...calls("ok", w)] }),
    "a tool result": (w) => ({ messages: [...user("hi"), ...calls(w, "ok")] }),
    "a tool's description": (w) => ({ messages: user("hi"), tools: [{ type: "function", function: { name: "f", description: w, parameters: { type: "object" } } }] }),
    "escaped": (w) => JSON.stringify({ messages: user(`go to ${w}`) }).replace(w[0], `\\u00${w.charCodeAt(0).toString(16)}`),
  },
  "/v1/messages": {
    "a string": (w) => ({ messages: user(`go to ${w}`) }),
    "a part": (w) => ({ messages: user([{ type: "text", text: "hello" }, { type: "text", text: w }]) }),
    "the system prompt": (w) => ({ system: w, messages: user("hi") }),
    "a system block": (w) => ({ system: [{ type: "text", text: w }], messages: user("hi") }),
    "tool arguments": (w) => ({ messages: [...user("hi"), { role: "assistant", content: [{ type: "tool_use", id: "t1", name: "f", input: { to: w } }] }, { role: "user", content: [{ type: "tool_result", tool_use_id: "t1", content: "ok" }] }] }),
    "a tool result": (w) => ({ messages: [...user("hi"), { role: "assistant", content: [{ type: "tool_use", id: "t1", name: "f", input: {} }] }, { role: "user", content: [{ type: "tool_result", tool_use_id: "t1", content: [{ type: "text", text: w }] }] }] }),
    "a tool's description": (w) => ({ messages: user("hi"), tools: [{ name: "f", description: w, input_schema: { type: "object" } }] }),
  },
};
const withModel = (body, model) => (typeof body === "string" ? body.replace("{", `{"model":"${model}","max_tokens":50,`) : { model, max_tokens: 50, ...body });
const answers = { openai: chat.whole("ok"), anthropic: { id: "msg_1", type: "message", role: "assistant", model: "claude-vendor", content: [{ type: "text", text: "ok" }], stop_reason: "end_turn", stop_sequence: null, usage: { input_tokens: 3, output_tokens: 2 } } };

for (const provider of ["openai", "anthropic"]) {
  for (const [path, where] of Object.entries(places)) {
    describe(`input of ${path} → ${provider}`, () => {
      for (const [place, body] of Object.entries(where)) {
        test(place, async () => {
          vendor.answer = json(answers[provider]);
          let before = vendor.requests.length;
          const denied = await gateway.ask(path, withModel(body("zanzibar"), `${provider}-deny`));
          assert.equal(denied.status, 400, denied.text);
          assert.match(denied.text, /not that name/);
          assert.equal(denied.text.includes('{"type":"error"'), path === "/v1/messages");
          assert.equal(vendor.requests.length, before, "the vendor is not called");
          const e = await entryOf(denied);
          assert.equal(e.outcome, "blocked");
          assert.deepEqual(e.findings, ["deny/names"]);
          assert.equal(Number(e.amount), 0);

          const masked = await gateway.ask(path, withModel(body("zanzibar"), `${provider}-mask`));
          assert.equal(masked.status, 200, masked.text);
          assert.ok(vendor.last().body.includes("[name]") && !vendor.last().body.includes("zanzibar"), vendor.last().body);

          const watched = await gateway.ask(path, withModel(body("zanzibar"), `${provider}-watch`));
          assert.equal(watched.status, 200, watched.text);
          assert.ok(JSON.stringify(vendor.last().json).includes("zanzibar"));
          assert.deepEqual((await entryOf(watched)).findings, ["watch/names"]);

          const clean = await gateway.ask(path, withModel(body("zanzibarish"), `${provider}-deny`));
          assert.equal(clean.status, 200, clean.text);
        });
      }
    });
  }
}

test("other endpoints are not forgotten", async () => {
  const before = vendor.requests.length;
  for (const [path, body] of [["/v1/embeddings", { model: "embedding-deny", input: ["a", "zanzibar"] }], ["/v1/images/generations", { model: "image-deny", prompt: "zanzibar" }], ["/v1/messages/count_tokens", { model: "anthropic-deny", messages: user("zanzibar") }]]) {
    const r = await gateway.ask(path, body);
    assert.equal(r.status, 400, `${path}: ${r.text}`);
  }
  assert.equal(vendor.requests.length, before);
});

describe("answers", () => {
  const whole = { openai: (text) => json(chat.whole(text)), anthropic: (text) => json({ ...answers.anthropic, content: [{ type: "text", text }] }) };
  const streamed = { openai: (pieces) => events(...pieces.map((p) => chat.text(p)), chat.finish(), chat.usage(5, 9), chat.done), anthropic: (pieces) => events(claude.start(5), ...pieces.map((p) => claude.text(p)), claude.end(9)) };
  const asks = {
    openai: async (model, stream) => {
      const r = await openai.chat.completions.create({ model, stream, max_tokens: 50, messages: user("hi") });
      if (!stream) return { text: r.choices[0].message.content, end: r.choices[0].finish_reason };
      let text = "", end = [];
      for await (const c of r) {
        text += c.choices[0].delta.content ?? "";
        if (c.choices[0].finish_reason) end.push(c.choices[0].finish_reason);
      }
      return { text, end: end.join() };
    },
    anthropic: async (model, stream) => {
      const say = { model, max_tokens: 50, messages: user("hi") };
      const m = stream ? await anthropic.messages.stream(say).finalMessage() : await anthropic.messages.create(say);
      assert.equal(m.content.length, 1);
      return { text: m.content[0].text, end: m.stop_reason === "end_turn" ? "stop" : m.stop_reason };
    },
  };
  // However a text is cut into chunks, the guardrail sees it whole.
  const cuts = { whole: (t) => [t], letters: (t) => [...t], threes: (t) => t.match(/.{1,3}/gsu), "in the word": (t) => t.split(/(?<=zan|top )/) };

  for (const client of Object.keys(asks)) {
    for (const provider of Object.keys(whole)) {
      const cases = [
        ["mask-answers", "To Zanzibar, top \n secret: zanzibars and ZANZIBAR", "To [name], [name]: zanzibars and [name]"],
        ["mask", "ends with zanzibar", "ends with [name]"],
        ["mask-answers", "Ünïcödé 世界 zanzibar😀", "Ünïcödé 世界 [name]😀"],
        ["mask-answers", "nothing to see: zanzib", "nothing to see: zanzib"],
        ["cards", `card ${card}, and 4111 1111 1111 1112.`, "card [card], and 4111 1111 1111 1112."],
        ["watch", "to zanzibar", "to zanzibar"],
      ];
      for (const [guard, said, want] of cases) {
        test(`${guard}: ${client} client → ${provider}: ${want}`, async () => {
          vendor.answer = whole[provider](said);
          assert.deepEqual(await asks[client](`${provider}-${guard}`, false), { text: want, end: "stop" });
          for (const cut of Object.values(cuts)) {
            vendor.answer = streamed[provider](cut(said));
            assert.deepEqual(await asks[client](`${provider}-${guard}`, true), { text: want, end: "stop" });
            const e = await gateway.lastEntry();
            assert.equal(e.outcome, "ok");
            assert.equal(e.usage.output, 9);
          }
        });
      }

      test(`deny: ${client} client → ${provider}`, async () => {
        const said = "a quiet beginning, and then zanzibar and more";
        vendor.answer = whole[provider](said);
        await assert.rejects(asks[client](`${provider}-deny-answers`, false), (e) => e.status === 400 && /not that name/.test(e.message));
        assert.equal((await gateway.lastEntry()).outcome, "blocked");
        for (const cut of Object.values(cuts)) {
          vendor.answer = streamed[provider](cut(said));
          const path = client === "openai" ? "/v1/chat/completions" : "/v1/messages";
          const r = await gateway.ask(path, { model: `${provider}-deny-answers`, stream: true, max_tokens: 50, messages: user("hi") });
          // Every event is whole; the word and what follows it are not there; the error is the last word.
          const blocks = r.status === 200 ? r.text.split("\n\n").filter(Boolean) : [];
          const data = blocks.map((b) => JSON.parse(b.slice(b.indexOf("data: ") + 6)));
          const text = data.map((d) => d.choices?.[0]?.delta?.content ?? d.delta?.text ?? "").join("");
          assert.ok(said.startsWith(text) && text.length <= said.indexOf("zanzibar"), text);
          assert.match(r.text, /not that name/);
          assert.equal(r.text.split('"error":').length, 2);
          assert.ok(!/zanzi|\[DONE\]|message_stop|"finish_reason":"|end_turn/.test(r.text), r.text);
          const e = await entryOf(r);
          assert.equal(e.outcome, "blocked");
          assert.deepEqual(e.findings, ["deny-answers/names"]);
          assert.ok(e.usage.output > 0 && Number(e.amount) > 0, "the vendor has billed it");
        }
      });
    }
  }

  test("tool arguments of an answer, whole and streamed", async () => {
    const call = (args, more) => ({ index: 0, ...more, function: { ...(more && { name: "f" }), arguments: args } });
    vendor.answer = json(chat.whole(null, 3, 2, { tool_calls: [{ id: "c1", type: "function", function: { name: "f", arguments: '{"to":"zanzibar"}' } }] }));
    const r = await openai.chat.completions.create({ model: "openai-mask-answers", messages: user("hi") });
    assert.deepEqual(JSON.parse(r.choices[0].message.tool_calls[0].function.arguments), { to: "[name]" });
    vendor.answer = events(chat.chunk({ role: "assistant", tool_calls: [call("", { id: "c1", type: "function" })] }), ...['{"to":', '"zan', 'zib', 'ar"}'].map((a) => chat.chunk({ tool_calls: [call(a)] })), chat.finish("tool_calls"), chat.done);
    const s = await openai.chat.completions.stream({ model: "openai-mask-answers", messages: user("hi") }).finalChatCompletion();
    assert.equal(s.choices[0].finish_reason, "tool_calls");
    assert.deepEqual(JSON.parse(s.choices[0].message.tool_calls[0].function.arguments), { to: "[name]" });
    const m = await anthropic.messages.stream({ model: "openai-mask-answers", max_tokens: 50, messages: user("hi") }).finalMessage();
    assert.deepEqual(m.content[0].input, { to: "[name]" });
  });

  test("C23 log probabilities stay with their text", async () => {
    const token = (t, logprob) => chat.chunk({ content: t }).replace('"delta"', `"logprobs":{"content":[{"token":"${t}","logprob":${logprob},"bytes":[${t.charCodeAt(0)}],"top_logprobs":[]}]},"delta"`);
    vendor.answer = events(token("a", "-0.1"), token("b", "-0.2"), token("c", "-0.30000000000000004"), token("d", "-0.4"), chat.finish(), chat.done);
    for (const model of ["openai", "openai-mask-answers", "openai-cards"]) {
      const r = await gateway.ask("/v1/chat/completions", { model, stream: true, logprobs: true, messages: user("hi") });
      assert.deepEqual([...r.text.matchAll(/"token":"(.)","logprob":([-.\d]+)/g)].map((m) => m[1] + m[2]), ["a-0.1", "b-0.2", "c-0.30000000000000004", "d-0.4"]);
    }
  });

  test("C14 choices of a stream are guarded each by itself", async () => {
    vendor.answer = events(chat.text("A", 0), chat.text("B zan", 1), chat.text("nada", 0), chat.text("zibar", 1), chat.finish("stop", 1), chat.finish("length", 0), chat.usage(5, 4), chat.done);
    const got = ["", ""], ends = [];
    for await (const c of await openai.chat.completions.create({ model: "openai-mask-answers", n: 2, stream: true, messages: user("hi") })) {
      for (const choice of c.choices) {
        got[choice.index] += choice.delta.content ?? "";
        if (choice.finish_reason) ends[choice.index] = choice.finish_reason;
      }
    }
    assert.deepEqual(got, ["Anada", "B [name]"]);
    assert.deepEqual(ends, ["length", "stop"]);
    const e = await gateway.lastEntry();
    assert.deepEqual([e.usage.input, e.usage.output], [5, 4]);
  });
});

describe("a guardrail that fails", () => {
  for (const command of ["PANIC", "FAIL", "NONSENSE", "LOOP"]) {
    for (const path of Object.keys(places)) {
      for (const stream of [false, true]) {
        test(`${command} on the input of ${path}, ${stream ? "streamed" : "whole"}`, async () => {
          vendor.answer = stream ? events(chat.text("ok"), chat.finish(), chat.done) : json(answers.openai);
          const before = vendor.requests.length;
          const closed = await gateway.ask(path, { model: "openai-closed", stream, max_tokens: 9, messages: user(`${command} now`) });
          assert.equal(closed.status, 500, closed.text);
          assert.equal(vendor.requests.length, before, "closed: the vendor is not called");
          assert.ok(!closed.text.includes("told to"), closed.text);
          const e = await entryOf(closed);
          assert.equal(e.outcome, "failed");
          assert.deepEqual(e.findings, ["closed/failed"]);
          const open = await gateway.ask(path, { model: "openai-open", stream, max_tokens: 9, messages: user(`${command} now`) });
          assert.equal(open.status, 200, open.text);
          assert.deepEqual((await entryOf(open)).findings, ["open/failed"]);
        });
      }
    }
  }

  for (const path of Object.keys(places)) {
    test(`on the answer of ${path}`, async () => {
      const ask = (model, stream) => gateway.ask(path, { model, stream, max_tokens: 9, messages: user("hi") });
      vendor.answer = json(chat.whole("FAIL now"));
      assert.equal((await ask("openai-closed", false)).status, 500);
      assert.match((await ask("openai-open", false)).text, /FAIL now/);
      vendor.answer = events(chat.text("FAIL now"), chat.finish(), chat.done);
      const closed = await ask("openai-closed", true);
      assert.ok(!closed.text.includes("FAIL now") && !/\[DONE\]|message_stop/.test(closed.text), closed.text);
      assert.equal((await entryOf(closed)).outcome, "failed");
      const open = await ask("openai-open", true);
      assert.match(open.text, /FAIL now/);
      assert.match(open.text, /\[DONE\]|message_stop/);
    });
  }
});

// Realtime sessions: the vendor's own clients over WebSockets, to the mock's realtime API.
import { LLMock } from "@copilotkit/aimock";
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import OpenAI, { AzureOpenAI } from "openai";
import { OpenAIRealtimeWebSocket } from "openai/realtime/websocket";
import { OpenAIRealtimeWS } from "openai/realtime/ws";
import { WebSocket } from "ws";

import { root, startGateway } from "./gateway.mjs";
import { startHearing } from "./hearing.mjs";
import { python } from "./matrix/clients/python.mjs";

// The clients know nothing but wss, and the certificate is one of this test.
process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0";
globalThis.WebSocket ??= WebSocket; // of ws, where the runtime has none: it is called in the same way

const answer = "Grüße aus Berlin ☀️.";
let mock, hearing, gateway, dir;

before(async () => {
  mock = new LLMock({ port: 0, chunkSize: 7 });
  mock.onMessage(/^say hello/, { content: answer });
  mock.onMessage(/^where to/, { content: "to zanzibar we go" });
  mock.onToolResult("call-1", { content: "It is warm." });
  mock.onMessage(/^weather/, { toolCalls: [{ id: "call-1", name: "weather", arguments: '{"city":"Rome"}' }] });
  await mock.start();
  hearing = await startHearing();
  dir = await mkdtemp(join(tmpdir(), "tokligence-tls-"));
  const [key, cert] = [join(dir, "key.pem"), join(dir, "cert.pem")];
  await promisify(execFile)("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost",
    "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", cert]);
  const alias = (name, more = "", deployment = "voice-main") => `
[[model]]
name = "${name}"
deployments = ["${deployment}"]
${more}`;
  gateway = await startGateway(mock.url, `
[[plugin]]
id = "guardrail.rules"
source = "builtin:rules"

[[guardrail]]
name = "stops"
plugin = "guardrail.rules"
stages = ["input", "stream"]
config = { rules = [ { name = "w", words = ["zanzibar"], action = "deny" } ] }

[[guardrail]]
name = "counts"
plugin = "guardrail.rules"
config = { rules = [ { name = "s", words = ["samples"], action = "replace" } ] }

[[deployment]]
name = "voice-main"
provider = "provider.openai"
model = "gpt-realtime-2"
credential = "openai"
base_url = "${mock.url}/v1"
allow_private = true
price = { input = "4.00", output = "24.00", audio_input = "32.00", audio_output = "64.00" }
[deployment.options]
realtime = true

[[deployment]]
name = "live-main"
provider = "provider.gemini"
model = "gemini-3.8-live"
credential = "gemini"
base_url = "${mock.url}/v1beta"
allow_private = true
price = { input = "0.75", output = "4.50", audio_input = "3.00", audio_output = "12.00" }

[[plugin]]
id = "provider.vllm"
source = "builtin:vllm"

[[plugin]]
id = "provider.together"
source = "builtin:together"

[[deployment]]
name = "vllm-main"
provider = "provider.vllm"
model = "voxtral"
base_url = "${hearing.url}/vllm/v1"
allow_private = true
price = { second = "0.01" }

[[credential]]
name = "together"
provider = "provider.together"
api_key = "env:E2E_KEY"

[[deployment]]
name = "together-main"
provider = "provider.together"
model = "openai/whisper-large-v3"
credential = "together"
base_url = "${hearing.url}/together/v1"
allow_private = true
price = { second = "0.01" }

[[plugin]]
id = "provider.elevenlabs"
source = "builtin:elevenlabs"

[[credential]]
name = "elevenlabs"
provider = "provider.elevenlabs"
api_key = "env:E2E_KEY"

[[deployment]]
name = "elevenlabs-main"
provider = "provider.elevenlabs"
model = "scribe_v2_realtime"
credential = "elevenlabs"
base_url = "${hearing.url}/elevenlabs"
allow_private = true
price = { second = "0.01" }
${alias("hears-elevenlabs", "", "elevenlabs-main")}${alias("hears-vllm", "", "vllm-main")}${alias("hears-together", "", "together-main")}${alias("hears-guarded", 'guardrails = ["counts"]', "vllm-main")}${alias("live", "", "live-main")}${alias("live-guarded", 'guardrails = ["stops"]', "live-main")}${alias("voice")}${alias("guarded", 'guardrails = ["stops"]')}`, { tls: { cert, key } });
});

after(async () => {
  await gateway?.stop();
  await mock?.stop();
  await hearing?.stop();
  await rm(dir, { recursive: true, force: true });
});



// converse says one thing in a session and returns the events until a response is done, or an error.
function converse(rt, text) {
  return new Promise((done, failed) => {
    const seen = [];
    rt.on("error", (e) => (seen.length || e.error ? done([...seen, { type: "error", error: e.error }]) : failed(e)));
    rt.on("event", (event) => {
      seen.push(event);
      if (event.type === "session.created") {
        rt.send({ type: "session.update", session: { type: "realtime", model: event.session.model, output_modalities: ["text"], instructions: "Be brief." } });
        rt.send({ type: "conversation.item.create", item: { type: "message", role: "user", content: [{ type: "input_text", text }] } });
        rt.send({ type: "response.create" });
      }
      if (event.type === "response.done") done(seen);
    });
  });
}

const said = (events) => events.filter((e) => e.type === "response.output_text.delta").map((e) => e.delta).join("");

const clients = () => {
  const openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.key });
  const azure = new AzureOpenAI({ endpoint: gateway.url, apiKey: gateway.key, apiVersion: "2025-04-01-preview", deployment: "voice" });
  return {
    "openai, by the package ws": () => new OpenAIRealtimeWS({ model: "voice", options: { rejectUnauthorized: false } }, openai),
    "openai, by the runtime's WebSocket": () => new OpenAIRealtimeWebSocket({ model: "voice", dangerouslyAllowBrowser: true }, openai),
    "AzureOpenAI": () => OpenAIRealtimeWS.azure(azure, { options: { rejectUnauthorized: false } }),
  };
};

describe("realtime", () => {
  for (const name of ["openai, by the package ws", "openai, by the runtime's WebSocket", "AzureOpenAI"]) {
    test(name, async () => {
      const before = (await gateway.entries()).length;
      const rt = await clients()[name]();
      const events = await converse(rt, "say hello");
      rt.close();
      assert.equal(said(events), answer);
      assert.equal(events.find((e) => e.type === "session.created").session.model, "voice");
      const entries = await gateway.entries();
      assert.equal(entries.length, before + 1);
      const [e] = entries;
      assert.deepEqual([e.endpoint, e.outcome, e.requested_model, e.deployed_model, e.deployment], ["realtime", "ok", "voice", "gpt-realtime-2", "voice-main"]);
      assert.equal(e.usage.output_source, "reported"); // the mock counts nothing, and says so
    });
  }

  test("openai (Python)", async () => {
    const { stdout } = await promisify(execFile)(python, ["-B", join(root, "testdata/e2e/realtime.py"), gateway.url, gateway.key, join(dir, "cert.pem")]);
    assert.deepEqual(JSON.parse(stdout), { text: answer, model: "voice" });
  });

  // The mock knows Google's sessions, and counts nothing in them.
  for (const [name, open] of [
    ["openai, by the package ws", () => new OpenAIRealtimeWS({ model: "live", options: { rejectUnauthorized: false } }, new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.key }))],
    ["openai, by the runtime's WebSocket", () => new OpenAIRealtimeWebSocket({ model: "live", dangerouslyAllowBrowser: true }, new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.key }))],
  ]) {
    test(`Gemini's Live API: ${name}`, async () => {
      const before = (await gateway.entries()).length;
      const rt = open();
      const events = await converse(rt, "say hello");
      rt.close();
      assert.equal(said(events), answer);
      assert.deepEqual(events.map((e) => e.type).filter((t, i, all) => t !== all[i - 1]), ["session.created", "session.updated", "conversation.item.added", "conversation.item.done",
        "response.created", "response.output_item.added", "conversation.item.added", "response.content_part.added", "response.output_text.delta", "response.output_text.done",
        "response.content_part.done", "response.output_item.done", "conversation.item.done", "response.done"]);
      assert.equal(events.find((e) => e.type === "session.updated").session.model, "live");
      assert.equal(events.at(-1).response.output[0].content[0].text, answer);
      assert.equal(events.at(-1).response.metadata, null);
      const entries = await gateway.entries();
      assert.equal(entries.length, before + 1);
      const [e] = entries;
      assert.deepEqual([e.endpoint, e.outcome, e.requested_model, e.deployed_model, e.provider, e.usage.output_source], ["realtime", "ok", "live", "gemini-3.8-live", "provider.gemini", "estimated"]);
    });
  }

  test("Gemini's Live API calls functions", async () => {
    const rt = new OpenAIRealtimeWS({ model: "live", options: { rejectUnauthorized: false } }, new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.key }));
    const events = [];
    await new Promise((done, failed) => {
      rt.on("error", failed);
      rt.on("event", (event) => {
        events.push(event);
        if (event.type === "session.created") {
          const tools = [{ type: "function", name: "weather", parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"], additionalProperties: false } }];
          rt.send({ type: "session.update", session: { type: "realtime", output_modalities: ["text"], tools } });
          rt.send({ type: "conversation.item.create", item: { type: "message", role: "user", content: [{ type: "input_text", text: "weather?" }] } });
          rt.send({ type: "response.create" });
        }
        if (event.type === "response.function_call_arguments.done") {
          rt.send({ type: "conversation.item.create", item: { type: "function_call_output", call_id: event.call_id, output: '{"celsius":21.50}' } });
          rt.send({ type: "response.create" });
        }
        if (event.type === "response.done" && event.response.output[0].type === "message") done();
      });
    });
    rt.close();
    const call = events.find((e) => e.type === "response.done").response.output[0];
    assert.deepEqual([call.type, call.call_id, call.name, JSON.parse(call.arguments)], ["function_call", "call-1", "weather", { city: "Rome" }]);
    assert.equal(said(events), "It is warm.");
  });

  test("Gemini's Live API: what is not carried is named, and guardrails read its answers", async () => {
    const rt = new OpenAIRealtimeWS({ model: "live", options: { rejectUnauthorized: false } }, new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.key }));
    const refused = await new Promise((done) => {
      rt.on("error", (e) => done(e.error));
      rt.on("event", (e) => e.type === "session.created" && rt.send({ type: "session.update", event_id: "mine", session: { type: "realtime", audio: { output: { speed: 1.5 } } } }));
    });
    rt.close();
    assert.deepEqual([refused.param, refused.event_id], ["session.audio.output.speed", "mine"]);
    const guarded = new OpenAIRealtimeWS({ model: "live-guarded", options: { rejectUnauthorized: false } }, new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.key }));
    const events = await converse(guarded, "where to");
    assert.equal(events.at(-1).error.code, "guardrail_blocked");
    assert.ok(!said(events).includes("zanzibar"));
  });

  test("Gemini's Live API: openai (Python)", async () => {
    const { stdout } = await promisify(execFile)(python, ["-B", join(root, "testdata/e2e/realtime.py"), gateway.url, gateway.key, join(dir, "cert.pem"), "live"]);
    assert.deepEqual(JSON.parse(stdout), { text: answer, model: "live" });
  });

  test("what is not allowed is told in an event, and costs nothing", async () => {
    const poor = await gateway.newKey({ budget: { amount: "0.000001", period: "month" } });
    const rt = new OpenAIRealtimeWS({ model: "voice", options: { rejectUnauthorized: false } }, new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: poor.secret }));
    const events = await converse(rt, "say hello");
    rt.close();
    assert.equal(events.at(-1).error.type, "insufficient_quota");
  });

  test("a guardrail stops what the model says, and what the client does", async () => {
    const rt = new OpenAIRealtimeWS({ model: "guarded", options: { rejectUnauthorized: false } }, new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.key }));
    const events = await converse(rt, "where to");
    assert.equal(events.at(-1).error.code, "guardrail_blocked");
    assert.ok(!said(events).includes("zanzibar"));
    const blocked = new OpenAIRealtimeWS({ model: "guarded", options: { rejectUnauthorized: false } }, new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.key }));
    const refused = await converse(blocked, "say zanzibar");
    blocked.close();
    assert.equal(refused.at(-1).error.code, "guardrail_blocked");
    assert.ok(!JSON.stringify(refused.filter((e) => e.type.startsWith("response."))).includes("zanzibar"));
  });

  test("a key that is blocked ends its session", async () => {
    const key = await gateway.newKey({});
    const rt = new OpenAIRealtimeWS({ model: "voice", options: { rejectUnauthorized: false } }, new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: key.secret }));
    await converse(rt, "say hello");
    await gateway.admin("POST", `/keys/${key.id ?? key.key.id}/block`);
    const closed = once(rt.socket, "close");
    rt.send({ type: "response.create" });
    assert.equal((await closed)[0], 1008);
  });

  test("no key is in the log", () => assert.ok(!gateway.log().includes(gateway.key)));

  // hear says so many pieces of sound in a session, each committed, and returns what was written down, and the events.
  const hear = (model, lengths, session = {}) =>
    new Promise((done, failed) => {
      const rt = new OpenAIRealtimeWS({ model, options: { rejectUnauthorized: false } }, new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.key }));
      const seen = [], transcripts = [];
      rt.on("error", (e) => (rt.close(), failed(new Error(JSON.stringify(e.error ?? e.message)))));
      rt.on("event", (event) => {
        seen.push(event);
        if (event.type === "session.created") rt.send({ type: "session.update", session: { type: "transcription", audio: { input: { turn_detection: null } }, ...session } });
        if (event.type === "session.updated")
          for (const seconds of lengths) {
            const sound = Buffer.alloc(seconds * 48000);
            for (let at = 0; at < sound.length; at += 9600) rt.send({ type: "input_audio_buffer.append", audio: sound.subarray(at, at + 9600).toString("base64") });
            rt.send({ type: "input_audio_buffer.commit" });
          }
        if (event.type !== "conversation.item.input_audio_transcription.completed") return;
        transcripts.push(event.transcript);
        if (transcripts.length === lengths.length) rt.close(), done({ transcripts, seen });
      });
    });

  // Of 24,000 samples a second the client's sound becomes as many as the vendor wants.
  for (const [name, address, rate, deltas] of [
    ["vllm", "/vllm/v1/realtime", 16000, true],
    ["together", "/together/v1/realtime?model=openai%2Fwhisper-large-v3&input_audio_format=pcm_s16le_16000&turn_detection=none", 16000, false],
    ["elevenlabs", "/elevenlabs/v1/speech-to-text/realtime?model_id=scribe_v2_realtime&audio_format=pcm_24000&commit_strategy=manual", 24000, false],
  ]) {
    test(`sessions that transcribe: ${name}`, async () => {
      const before = (await gateway.entries()).length;
      const { transcripts, seen } = await hear(`hears-${name}`, [2, 1]);
      assert.deepEqual(transcripts, [`${2 * rate} samples`, `${rate} samples`]);
      assert.equal(hearing.asked.at(-1), address);
      const committed = seen.filter((e) => e.type === "input_audio_buffer.committed").map((e) => e.item_id);
      assert.deepEqual(seen.filter((e) => e.type.endsWith("transcription.completed")).map((e) => [e.item_id, e.usage.seconds]), [[committed[0], 2], [committed[1], 1]]);
      assert.equal(seen.some((e) => e.type.endsWith("transcription.delta")), deltas);
      const entries = (await gateway.entries()).slice(0, -before || undefined);
      assert.deepEqual(entries.map((e) => [e.endpoint, e.outcome, e.requested_model, e.provider, e.usage.milliseconds, e.amount]).sort(), [
        ["realtime", "ok", `hears-${name}`, `provider.${name}`, 1000, "0.01"],
        ["realtime", "ok", `hears-${name}`, `provider.${name}`, 2000, "0.02"],
      ]);
    });
  }

  test("sessions that transcribe: guardrails read what was heard, and what is not carried is named", async () => {
    const { transcripts } = await hear("hears-guarded", [1]);
    assert.equal(transcripts[0].includes("samples"), false, transcripts[0]);
    await assert.rejects(hear("hears-vllm", [], { audio: { input: { turn_detection: { type: "server_vad" } } } }), /session\.audio\.input\.turn_detection must be null/);
  });
});

// Streams in time: what the vendor has sent is at the client before the vendor
// sends more, whatever lies between. A gateway that buffers stands still here.
import Anthropic from "@anthropic-ai/sdk";
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import http from "node:http";
import http2 from "node:http2";
import https from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { createGzip, constants } from "node:zlib";
import OpenAI from "openai";
import { root, startGateway } from "./gateway.mjs";
import { chat, claude, event, events, startVendor, stream } from "./vendor.mjs";

let vendor, plain, secure, dir;

// watch reports on streams and keeps nothing back; masks needs to hold eight characters and the one behind them.
const guardrails = `
[[plugin]]
id = "guardrail.rules"
source = "builtin:rules"

[[guardrail]]
name = "watch"
plugin = "guardrail.rules"
config = { rules = [ { name = "w", words = ["zanzibar"], action = "report" } ] }

[[guardrail]]
name = "masks"
plugin = "guardrail.rules"
config = { rules = [ { name = "w", words = ["zanzibar"], action = "replace" } ] }
${["openai", "anthropic"].flatMap((p) => ["watch", "masks"].map((g) => `
[[model]]
name = "${p}-${g}"
deployments = ["${p}-main"]
guardrails = ["${g}"]
`)).join("")}`;

before(async () => {
  vendor = await startVendor();
  dir = await mkdtemp(join(tmpdir(), "tokligence-tls-"));
  const run = promisify(execFile);
  const { stdout: goroot } = await run("go", ["env", "GOROOT"], { cwd: root });
  await run("go", ["run", join(goroot.trim(), "src/crypto/tls/generate_cert.go"), "--host", "127.0.0.1"], { cwd: dir, env: { ...process.env, GOFLAGS: "-mod=mod" } });
  plain = await startGateway(vendor.url, guardrails, { logLevel: "debug" });
  secure = await startGateway(vendor.url, guardrails, { tls: { cert: join(dir, "cert.pem"), key: join(dir, "key.pem") } });
});

after(async () => {
  await plain?.stop();
  await secure?.stop();
  await vendor?.stop();
  await rm(dir, { recursive: true, force: true });
});

// open sends a request over one of the ways; the promise is { headers, body } as soon as the head is there.
const ways = {
  "HTTP/1.1": (path, body, headers) => over1(http, plain, path, body, headers),
  "HTTP/1.1, TLS": (path, body, headers) => over1(https, secure, path, body, headers),
  h2c: (path, body, headers) => over2(plain, path, body, headers),
  "h2, TLS": (path, body, headers) => over2(secure, path, body, headers),
};

const withKey = (gateway, headers) => ({ "content-type": "application/json", authorization: `Bearer ${gateway.key}`, ...headers });

function over1(module, gateway, path, body, headers) {
  return new Promise((done, failed) => {
    const request = module.request(gateway.url + path, { method: "POST", headers: withKey(gateway, headers), rejectUnauthorized: false, agent: false }, (res) => done({ status: res.statusCode, headers: res.headers, body: res }));
    request.on("error", failed);
    request.end(JSON.stringify(body));
  });
}

function over2(gateway, path, body, headers) {
  return new Promise((done, failed) => {
    const session = http2.connect(gateway.url, { rejectUnauthorized: false });
    session.on("error", failed);
    const request = session.request({ ":method": "POST", ":path": path, ...withKey(gateway, headers) });
    request.on("error", failed);
    request.on("response", (h) => done({ status: h[":status"], headers: h, body: request }));
    request.on("close", () => session.close());
    request.end(JSON.stringify(body));
  });
}

// until reads from a body until its text so far satisfies; it returns all text.
async function until(answer, satisfied) {
  answer.text ??= "";
  answer.reader ??= answer.body.setEncoding("utf8")[Symbol.asyncIterator]();
  while (!satisfied(answer.text)) {
    const { value, done } = await answer.reader.next();
    if (done) throw new Error(`the stream ended: ${answer.text}`);
    answer.text += value;
  }
  return answer.text;
}

const rest = async (answer) => {
  for (let r = await answer.reader.next(); !r.done; r = await answer.reader.next()) answer.text += r.value;
  return answer.text;
};

// stepping is what the vendor writes, one piece a step.
function stepping() {
  const queue = [];
  let wake = () => {};
  return {
    async wait() {
      while (queue.length === 0) await new Promise((r) => (wake = r));
      return queue.shift();
    },
    step(write) {
      queue.push(write);
      wake();
    },
  };
}

const request = (model) => ({ model, stream: true, max_tokens: 100, messages: [{ role: "user", content: "go" }] });
const vendors = {
  openai: { head: "", text: chat.text, end: chat.finish() + chat.done },
  anthropic: { head: claude.start(5), text: claude.text, end: claude.end(7) },
};

describe("C97 every chunk arrives before the next is sent", { timeout: 30_000 }, () => {
  for (const way of Object.keys(ways)) {
    for (const [provider, v] of Object.entries(vendors)) {
      for (const path of ["/v1/chat/completions", "/v1/messages"]) {
        for (const [guard, hold] of [["", 0], ["-watch", 0], ["-masks", 9]]) {
          test(`${way}, ${provider}${guard} ${path}`, async () => {
            const pace = stepping();
            vendor.answer = async (_, res) => {
              stream(res);
              res.write(v.head);
              for (let write = await pace.wait(); write !== undefined; write = await pace.wait()) res.write(write);
              res.end(v.end);
            };
            const opening = ways[way](path, request(provider + guard), { "accept-encoding": "gzip, br" });
            let sent = "", answer;
            for (let i = 0; i < 10; i++) {
              const piece = `<${i}>-`;
              sent += piece;
              pace.step(v.text(piece));
              // What may be kept back is the guardrail's window, in whole events.
              const late = i - Math.ceil(hold / piece.length);
              if (late < 0) continue;
              answer ??= await opening;
              await until(answer, (text) => text.includes(`<${late}>-`));
            }
            pace.step(undefined);
            await rest(answer);
            assert.equal(answer.status, 200);
            assert.equal(answer.headers["content-type"], "text/event-stream");
            assert.equal(answer.headers["cache-control"], "no-cache");
            assert.equal(answer.headers["x-accel-buffering"], "no");
            assert.equal(answer.headers["content-encoding"], undefined);
            assert.equal([...answer.text.matchAll(/<\d>-/g)].join(""), sent);
            assert.ok(answer.text.endsWith(path.includes("messages") ? '"type":"message_stop"}\n\n' : "data: [DONE]\n\n"), answer.text.slice(-80));
          });
        }
      }
    }
  }

  test("C94 a vendor that compresses its stream", async () => {
    const pace = stepping();
    vendor.answer = async (_, res) => {
      stream(res, { "content-encoding": "gzip" });
      const zip = createGzip();
      zip.pipe(res);
      for (let write = await pace.wait(); write !== undefined; write = await pace.wait()) {
        zip.write(write);
        zip.flush(constants.Z_SYNC_FLUSH);
      }
      zip.end(vendors.openai.end);
    };
    const opening = ways["HTTP/1.1"]("/v1/chat/completions", request("openai"));
    let answer;
    for (let i = 0; i < 5; i++) {
      pace.step(chat.text(`<${i}>`));
      answer ??= await opening;
      await until(answer, (text) => text.includes(`<${i}>`));
    }
    pace.step(undefined);
    assert.ok((await rest(answer)).endsWith(chat.done));
    assert.equal(answer.headers["content-encoding"], undefined);
  });
});

describe("C13 keep-alives, ids and empty events of the vendor", () => {
  // What vendors and proxies put between chunks; none of it is a chunk.
  const noise = ": ping\n\nid: 7\nretry: 1000\n\n: \n\ndata:\n\nevent: ping\n\nid\n\n";

  for (const provider of Object.keys(vendors)) {
    const v = vendors[provider];
    const texts = ["one ", "two ", "three"];
    const noisy = () => events(noise, v.head, ...texts.flatMap((t) => [noise, "id: 8\n" + v.text(t)]), noise, ...(provider === "anthropic" ? [event({ type: "ping" }, "ping")] : []), v.end);

    test(`openai client → ${provider}`, async () => {
      vendor.answer = noisy();
      const client = new OpenAI({ baseURL: `${plain.url}/v1`, apiKey: plain.key, maxRetries: 0 });
      const got = [];
      for await (const c of await client.chat.completions.create(request(provider))) {
        assert.ok(c.choices.length > 0);
        if (c.choices[0].delta.content) got.push(c.choices[0].delta.content);
      }
      assert.deepEqual(got, texts);
    });

    test(`anthropic client → ${provider}`, async () => {
      vendor.answer = noisy();
      const client = new Anthropic({ baseURL: plain.url, apiKey: plain.key, maxRetries: 0 });
      const got = [];
      const s = client.messages.stream(request(provider));
      s.on("text", (t) => got.push(t));
      assert.equal((await s.finalMessage()).content[0].text, texts.join(""));
      assert.deepEqual(got, texts);
    });

    for (const path of ["/v1/chat/completions", "/v1/messages"]) {
      test(`the bytes of ${path} → ${provider}`, async () => {
        vendor.answer = noisy();
        const { text } = await plain.ask(path, request(provider));
        for (const block of text.split("\n\n").filter(Boolean)) {
          assert.match(block, /^(event: \w+\n)?data: \{.*\}$|^data: \[DONE\]$/);
        }
      });
    }
  }
});

describe("C17 a vendor that dies in the middle", () => {
  for (const [name, die] of [["reset", (res) => res.socket.resetAndDestroy()], ["end", (res) => res.end()], ["half an event", (res) => res.end('data: {"choices":[{"index":0,"delta":{"content":"hal')]]) {
    for (const provider of Object.keys(vendors)) {
      const v = vendors[provider];
      // The client has the text before the vendor dies.
      const dying = () => {
        let seen;
        const arrived = new Promise((r) => (seen = r));
        vendor.answer = async (_, res) => {
          stream(res);
          res.write(v.head + v.text("so far"));
          await arrived;
          die(res);
        };
        return seen;
      };

      test(`${name}, openai client → ${provider}`, async () => {
        const seen = dying();
        const client = new OpenAI({ baseURL: `${plain.url}/v1`, apiKey: plain.key, maxRetries: 0 });
        const { data, response } = await client.chat.completions.create(request(provider)).withResponse();
        const chunks = [];
        await assert.rejects(async () => {
          for await (const c of data) {
            chunks.push(c);
            if (c.choices[0].delta.content) seen();
          }
        });
        assert.equal(chunks.map((c) => c.choices[0].delta.content ?? "").join(""), "so far");
        assert.ok(chunks.every((c) => !c.choices[0].finish_reason));
        assert.equal((await plain.entry(response.headers.get("x-tokligence-exchange-id"))).outcome, "failed");
      });

      test(`${name}, anthropic client → ${provider}`, async () => {
        const seen = dying();
        const client = new Anthropic({ baseURL: plain.url, apiKey: plain.key, maxRetries: 0 });
        const s = client.messages.stream(request(provider));
        const kinds = [];
        s.on("streamEvent", (e) => kinds.push(e.type));
        s.on("text", () => seen());
        await assert.rejects(s.finalMessage());
        assert.ok(!kinds.includes("message_stop") && !kinds.includes("message_delta"), kinds.join());
        const e = await plain.lastEntry();
        assert.equal(e.outcome, "failed");
        assert.ok(e.usage.output > 0);
      });
    }
  }
});

// C92: what references in gateway.toml come to. C106 and C107: embeddings by
// providers that give floats and take text.
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import OpenAI from "openai";
import { adminKey, call, startGateway } from "./gateway.mjs";
import { chat, json, startVendor } from "./vendor.mjs";

let vendor, gateway, dir;

const special = `a$b #c: "d" 'e' \${A:-dflt} \\n%41`;
const deployment = (name, credential) => `
[[credential]]
name = "${name}"
provider = "provider.openai"
${credential}
[[deployment]]
name = "${name}-main"
provider = "provider.openai"
model = "m"
credential = "${name}"
base_url = "MOCK/v1"
allow_private = true
price = { input = "1", output = "1" }
[[model]]
name = "${name}"
deployments = ["${name}-main"]
`;

before(async () => {
  vendor = await startVendor();
  dir = await mkdtemp(join(tmpdir(), "tokligence-secret-"));
  const secret = join(dir, "key");
  await writeFile(secret, "from-a-file-MARK\n");
  const toml =
    deployment("unset", 'api_key = "env:NO_SUCH_VARIABLE"') +
    deployment("empty", 'api_key = "env:EMPTY_VARIABLE"') +
    deployment("nofile", 'api_key = "file:no-such-file"') +
    deployment("special", 'api_key = "env:SPECIAL"') +
    deployment("literal", 'api_key = "${NOT_A_REFERENCE}"') +
    deployment("secretfile", `api_key = "file:${secret}"`) + `
[[deployment]]
name = "gemini-embedding"
provider = "provider.gemini"
model = "gemini-embedding-001"
credential = "gemini"
base_url = "MOCK/v1beta"
allow_private = true
price = { input = "1" }
[[model]]
name = "gemini-embedding"
deployments = ["gemini-embedding"]
`;
  gateway = await startGateway(vendor.url, toml.replaceAll("MOCK", vendor.url), { env: { EMPTY_VARIABLE: "", SPECIAL: special } });
});

after(async () => {
  await gateway?.stop();
  await vendor?.stop();
  await rm(dir, { recursive: true, force: true });
});

describe("C92 references", () => {
  for (const name of ["unset", "empty", "nofile"]) {
    test(`${name}: not configured, and never called`, async () => {
      vendor.answer = json(chat.whole("ok"));
      const before = vendor.requests.length;
      for (const path of ["/v1/chat/completions", "/v1/messages"]) {
        const r = await gateway.ask(path, { model: name, max_tokens: 9, messages: [{ role: "user", content: "hi" }] });
        assert.equal(r.status, 502);
        assert.match(r.text, /not configured/);
      }
      assert.equal(vendor.requests.length, before);
      const info = (await gateway.admin("GET", "/models")).data.find((m) => m.name === name).deployments[0];
      assert.equal(info.state, "not configured");
      assert.match(gateway.log(), new RegExp({ unset: "NO_SUCH_VARIABLE is not set", empty: "EMPTY_VARIABLE is empty", nofile: "no-such-file" }[name]));
    });
  }

  for (const [name, want] of [["special", special], ["literal", "${NOT_A_REFERENCE}"], ["secretfile", "from-a-file-MARK"]]) {
    test(`${name}: to the letter`, async () => {
      vendor.answer = json(chat.whole("ok"));
      const r = await gateway.ask("/v1/chat/completions", { model: name, messages: [{ role: "user", content: "hi" }] });
      assert.equal(r.status, 200, r.text);
      assert.equal(vendor.last().headers.authorization, `Bearer ${want}`);
    });
  }

  test("elsewhere than in a credential it stops the start, by name", async () => {
    await writeFile(join(gateway.dir, "unset.toml"), '[server]\nlisten = "env:NO_SUCH_ADDRESS"\n[storage]\nurl = "env:EMPTY_VARIABLE"\n');
    for (const args of [["check", "-c", "unset.toml"], ["serve", "-c", "unset.toml"]]) {
      const { code, text } = await gateway.run(...args);
      assert.equal(code, 1, text);
      assert.match(text, /server\.listen.*NO_SUCH_ADDRESS is not set/);
      assert.match(text, /storage\.url.*EMPTY_VARIABLE is empty/);
    }
    const strict = await gateway.run("check", "--strict");
    assert.equal(strict.code, 1, strict.text);
  });

  test("an empty admin key is none", async () => {
    const other = await startGateway(vendor.url, "", { env: { TOKLIGENCE_ADMIN_KEY: "" }, keyless: true });
    try {
      for (const headers of [{ authorization: "Bearer " }, { authorization: "Bearer" }, { "x-api-key": "" }, {}, { authorization: `Bearer ${adminKey}` }]) {
        for (const path of ["/v1/models", "/api/v1/keys", "/metrics"]) assert.equal((await call(other.url + path, { headers })).status, 401);
      }
      const [, key] = other.log().match(/shown this once: +(\S+)/);
      assert.equal((await call(`${other.url}/v1/models`, { headers: { authorization: `Bearer ${key}` } })).status, 200);
    } finally {
      await other.stop();
    }
  });
});

describe("embeddings", () => {
  const vectors = (n) => json({ embeddings: Array.from({ length: n }, () => ({ values: [1.0, -0.5] })) });

  test("C106 base64 where the provider gives floats", async () => {
    vendor.answer = vectors(1);
    const ask = (more) => gateway.ask("/v1/embeddings", { model: "gemini-embedding", input: "x", ...more });
    assert.equal((await ask({ encoding_format: "base64" })).json.data[0].embedding, "AACAPwAAAL8=");
    assert.deepEqual((await ask({})).json.data[0].embedding, [1, -0.5]);
    assert.deepEqual((await ask({ encoding_format: "float" })).json.data[0].embedding, [1, -0.5]);
    const calls = vendor.requests.length;
    for (const encoding_format of ["hex", 5, ""]) {
      const r = await ask({ encoding_format });
      assert.equal(r.status, 400, r.text);
      assert.match(r.text, /encoding_format/);
    }
    assert.equal(vendor.requests.length, calls);
  });

  test("C106 the client's default, and vectors in order", async () => {
    vendor.answer = json({ embeddings: [{ values: [1, -0.5] }, { values: [0.25, 2] }] });
    const openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.key, maxRetries: 0 });
    const r = await openai.embeddings.create({ model: "gemini-embedding", input: ["a", "b"] });
    assert.deepEqual(r.data.map((d) => [d.index, ...Array.from(d.embedding)]), [[0, 1, -0.5], [1, 0.25, 2]]);
    const e = await gateway.lastEntry();
    assert.equal(e.provider, "provider.gemini");
    assert.ok(e.usage.input > 0);
  });

  test("C107 token arrays go on unchanged, or are refused by name", async () => {
    for (const input of [[[101, 202], [303]], [101, 202, 303]]) {
      const calls = vendor.requests.length;
      const refused = await gateway.ask("/v1/embeddings", { model: "gemini-embedding", input });
      assert.equal(refused.status, 400, refused.text);
      assert.equal(refused.json.error.param, "input");
      assert.equal(refused.json.error.type, "invalid_request_error");
      assert.equal(vendor.requests.length, calls);
      const n = Array.isArray(input[0]) ? 2 : 1;
      vendor.answer = json({ object: "list", model: "e", data: Array.from({ length: n }, (_, index) => ({ object: "embedding", index, embedding: [1, -0.5] })), usage: { prompt_tokens: 3, total_tokens: 3 } });
      for (const [encoding_format, want] of [["float", [1, -0.5]], [undefined, [1, -0.5]], ["base64", "AACAPwAAAL8="]]) {
        const r = await gateway.ask("/v1/embeddings", { model: "embedding", input, encoding_format });
        assert.equal(r.status, 200, r.text);
        assert.deepEqual(vendor.last().json.input, input);
        assert.deepEqual(r.json.data.map((d) => d.index), [...Array(n).keys()]);
        assert.deepEqual(r.json.data[0].embedding, want);
      }
    }
  });

  test("a provider without embeddings says so", async () => {
    for (const model of ["bedrock", "anthropic"]) {
      const r = await gateway.ask("/v1/embeddings", { model, input: "x" });
      assert.equal(r.status, 400, r.text);
      assert.match(r.text, /does not serve this endpoint/);
    }
  });
});

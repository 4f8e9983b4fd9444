// Starts the real binary with a store of its own and the mock as every provider.
import { execFile, spawn } from "node:child_process";
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import http from "node:http";
import https from "node:https";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

export const root = resolve(import.meta.dirname, "../..");
const binary = join(root, "bin/tokligence");

// compiled holds what the plugins compile to, named by content: compiled once, not once a gateway.
export const compiled = join(tmpdir(), "tokligence-e2e-compiled");
export const adminKey = "sk-e2e-admin-key-0123456789abcdefghij";

// providers are the four whose adapters are under test. The prices differ, so
// that a ledger line priced as another model shows.
export const providers = {
  openai: { model: "gpt-4o-mini", base: (url) => `${url}/v1`, credential: 'api_key = "env:E2E_KEY"' },
  anthropic: { model: "claude-sonnet-4-5", base: (url) => url, credential: 'api_key = "env:E2E_KEY"' },
  gemini: { model: "gemini-2.5-flash", base: (url) => `${url}/v1beta`, credential: 'api_key = "env:E2E_KEY"' },
  bedrock: {
    model: "anthropic.claude-sonnet-4-5-20250929-v1:0",
    base: (url) => url,
    credential: 'access_key_id = "env:E2E_KEY"\nsecret_access_key = "env:E2E_KEY"',
    options: 'region = "us-east-1"',
  },
};

export const rates = { openai: [1, 2], anthropic: [3, 4], gemini: [5, 6], bedrock: [7, 8] };

const head = (port, server) => `[server]\nlisten = "127.0.0.1:${port}"\n${server ?? ""}\n`;

function config(port, mockURL, extra, server) {
  let toml = head(port, server);
  for (const [name, p] of Object.entries(providers)) {
    const [input, output] = rates[name];
    toml += `
[[plugin]]
id = "provider.${name}"
source = "builtin:${name}"

[[credential]]
name = "${name}"
provider = "provider.${name}"
${p.credential}

[[deployment]]
name = "${name}-main"
provider = "provider.${name}"
model = "${p.model}"
credential = "${name}"
base_url = "${p.base(mockURL)}"
allow_private = true
stream_idle_timeout = "5s"
price = { input = "${input}.00", output = "${output}.00" }
${p.options ? `[deployment.options]\n${p.options}` : ""}

[[model]]
name = "${name}"
deployments = ["${name}-main"]
`;
  }
  return toml + `
[[deployment]]
name = "embedding-main"
provider = "provider.openai"
model = "text-embedding-3-small"
credential = "openai"
base_url = "${mockURL}/v1"
allow_private = true
price = { input = "0.02" }

[[model]]
name = "embedding"
deployments = ["embedding-main"]

[[deployment]]
name = "image-main"
provider = "provider.openai"
model = "gpt-image-1"
credential = "openai"
base_url = "${mockURL}/v1"
allow_private = true
price = { input = "5.00", output = "40.00", image = "0.04" }

[[model]]
name = "image"
deployments = ["image-main"]
${extra ?? ""}`;
}

export async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((r) => server.once("listening", r));
  const { port } = server.address();
  await new Promise((r) => server.close(r));
  return port;
}

// buildGuest builds the guardrail that does what texts say, and returns its path.
// It may ask for a host, and so hold a credential.
export async function buildGuest(host = "") {
  const file = join(compiled, `guest${host && "-" + host}.wasm`);
  await goBuild(file, "./core/cmd/tokligence/testdata/guest", ["-buildmode=c-shared"], { GOOS: "wasip1", GOARCH: "wasm" }, `-X main.hosts=${host}`);
  return file;
}

// goBuild builds a package of this module. Tests of another file may do so at the same
// time, and read it: it comes into its place whole.
export async function goBuild(file, source, flags = [], env = {}, link = "") {
  await mkdir(compiled, { recursive: true });
  const made = `${file}.${process.pid}`;
  await promisify(execFile)("go", ["build", "-trimpath", ...flags, `-ldflags=-s -w ${link}`, "-o", made, source], { cwd: root, env: { ...process.env, ...env } });
  await rename(made, file);
}

// startGateway serves the configuration of all providers at mockURL, and extra.
// options.server is more of [server], or makes it of the port; options.providers is
// the configuration of providers, in place of that of all.
// Without a known admin key (options.keyless) it has no key either. With a certificate (options.tls) it is asked by https; nothing here checks it.
export async function startGateway(mockURL, extra, options = {}) {
  const dir = await mkdtemp(join(tmpdir(), "tokligence-e2e-"));
  const port = await freePort();
  const tls = options.tls ? `tls_cert = "${options.tls.cert}"\ntls_key = "${options.tls.key}"\n` : "";
  const server = typeof options.server === "function" ? options.server(port) : options.server ?? "";
  const all = options.providers ? head(port, tls + server) + options.providers + (extra ?? "") : config(port, mockURL, extra, tls + server);
  await writeFile(join(dir, "gateway.toml"), all);
  await mkdir(compiled, { recursive: true });
  await mkdir(join(dir, "data"));
  await symlink(compiled, join(dir, "data/plugin-cache"));
  const env = { PATH: process.env.PATH, HOME: process.env.HOME, E2E_KEY: "vendor-key-MARK", TOKLIGENCE_ADMIN_KEY: adminKey, ...options.env };
  const child = spawn(binary, ["serve", "-c", "gateway.toml", "--log-level", options.logLevel ?? "info"], { cwd: dir, env });
  let log = "";
  child.stdout.on("data", (d) => (log += d));
  child.stderr.on("data", (d) => (log += d));
  const url = `${tls ? "https" : "http"}://127.0.0.1:${port}`;
  for (let i = 0; ; i++) {
    // A first start compiles every plugin that is declared.
    if (child.exitCode !== null || i > 3600) {
      child.kill();
      throw new Error(`the gateway did not start:\n${log}`);
    }
    if (await call(`${url}/readyz`).then((r) => r.ok, () => false)) break;
    await sleep(50);
  }
  const admin = async (method, path, body) => {
    const r = await call(`${url}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${adminKey}`, "content-type": "application/json" },
      body: body && JSON.stringify(body),
    });
    if (!r.ok) throw new Error(`${method} ${path}: ${r.status} ${r.text}`);
    return r.text ? JSON.parse(r.text) : undefined;
  };
  const newKey = async (spec) => admin("POST", "/keys", { name: "e2e", all_models: true, ...spec });
  const key = !options.keyless && (await newKey({ budget: { amount: "100.00", period: "month" } })).secret;
  return {
    url,
    key,
    dir,
    admin,
    newKey,
    log: () => log,
    // run runs a command of the program against this gateway; it never throws.
    run: (...args) =>
      new Promise((done) => {
        const child = spawn(binary, args, { cwd: dir, env: { ...env, TOKLIGENCE_URL: url } });
        let text = "";
        child.stdout.on("data", (d) => (text += d));
        child.stderr.on("data", (d) => (text += d));
        child.once("close", (code) => done({ code, text }));
      }),
    // ask posts a body and returns { status, headers, text, json }.
    async ask(path, body, headers = { authorization: `Bearer ${key}` }, seen) {
      return call(url + path, { method: "POST", seen, headers: { "content-type": "application/json", ...headers }, body: typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body) });
    },
    // entry is the ledger's line of an exchange: exactly one. It follows the end of a stream that was cut.
    async entry(exchangeID) {
      for (let i = 0; ; i++) {
        const { data } = await admin("GET", `/ledger?exchange_id=${exchangeID}`);
        if (data.length === 1) return data[0];
        if (data.length > 1 || i > 100) throw new Error(`${data.length} entries for ${exchangeID}`);
        await sleep(20);
      }
    },
    async entries(query = "") {
      return (await admin("GET", `/ledger?limit=1000${query}`)).data;
    },
    async lastEntry() {
      return (await admin("GET", "/ledger?limit=1")).data[0];
    },
    async metric(name, match = "") {
      const r = await call(`${url}/metrics`, { headers: { "x-api-key": adminKey } });
      return r.text.split("\n").filter((l) => l.startsWith(`${name}{`) && l.includes(match)).reduce((sum, l) => sum + Number(l.slice(l.lastIndexOf(" "))), 0);
    },
    async stop() {
      // One that is gone already ends no more: its exit is not waited for.
      if (child.exitCode === null && child.signalCode === null) {
        const ended = new Promise((r) => child.once("exit", r));
        child.kill("SIGTERM");
        await ended;
      }
      await rm(dir, { recursive: true, force: true });
      if (child.exitCode !== 0) throw new Error(`the gateway ended with ${child.exitCode ?? child.signalCode}:\n${log}`);
    },
  };
}

// call is fetch without its opinions on certificates, coding and connections;
// seen is told what has come so far.
export function call(url, { method = "GET", headers = {}, body, seen } = {}) {
  return new Promise((done, failed) => {
    const request = (url.startsWith("https") ? https : http).request(url, { method, headers, rejectUnauthorized: false, agent: false }, (res) => {
      let raw = [];
      res.on("data", (d) => {
        raw.push(d);
        seen?.(Buffer.concat(raw).toString());
      });
      res.on("error", failed);
      res.on("end", () => {
        const bytes = Buffer.concat(raw);
        const text = bytes.toString();
        done({ status: res.statusCode, ok: res.statusCode < 300, headers: res.headers, text, bytes, json: text.startsWith("{") ? JSON.parse(text) : undefined });
      });
    });
    request.on("error", failed);
    request.end(body);
  });
}

// Starts the real binary with a store of its own and the mock as every provider.
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const binary = resolve(import.meta.dirname, "../../bin/tokligence");
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

function config(port, mockURL, extra) {
  let toml = `[server]\nlisten = "127.0.0.1:${port}"\n`;
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

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((r) => server.once("listening", r));
  const { port } = server.address();
  await new Promise((r) => server.close(r));
  return port;
}

export async function startGateway(mockURL, extra) {
  const dir = await mkdtemp(join(tmpdir(), "tokligence-e2e-"));
  const port = await freePort();
  await writeFile(join(dir, "gateway.toml"), config(port, mockURL, extra));
  const child = spawn(binary, ["serve", "-c", "gateway.toml"], {
    cwd: dir,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, E2E_KEY: "vendor-key-MARK", TOKLIGENCE_ADMIN_KEY: adminKey },
  });
  let log = "";
  child.stdout.on("data", (d) => (log += d));
  child.stderr.on("data", (d) => (log += d));
  const url = `http://127.0.0.1:${port}`;
  for (let i = 0; ; i++) {
    if (child.exitCode !== null || i > 600) throw new Error(`the gateway did not start:\n${log}`);
    const ok = await fetch(`${url}/readyz`).then((r) => r.ok, () => false);
    if (ok) break;
    await sleep(50);
  }
  const admin = async (method, path, body) => {
    const r = await fetch(`${url}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${adminKey}`, "content-type": "application/json" },
      body: body && JSON.stringify(body),
    });
    const text = await r.text();
    if (!r.ok) throw new Error(`${method} ${path}: ${r.status} ${text}`);
    return text ? JSON.parse(text) : undefined;
  };
  const key = (await admin("POST", "/keys", { name: "e2e", all_models: true, budget: { amount: "100.00", period: "month" } })).secret;
  return {
    url,
    key,
    admin,
    log: () => log,
    // entry is the ledger's line of an exchange: exactly one.
    async entry(exchangeID) {
      const { data } = await admin("GET", `/ledger?exchange_id=${exchangeID}`);
      if (data.length !== 1) throw new Error(`${data.length} entries for ${exchangeID}`);
      return data[0];
    },
    async lastEntry() {
      return (await admin("GET", "/ledger?limit=1")).data[0];
    },
    async stop() {
      const ended = new Promise((r) => child.once("exit", r));
      child.kill("SIGTERM");
      const code = await ended;
      await rm(dir, { recursive: true, force: true });
      if (code !== 0) throw new Error(`the gateway ended with ${code}:\n${log}`);
    },
  };
}

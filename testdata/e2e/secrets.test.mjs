// C85: marked secrets go everywhere that secrets go, everything that can happen
// happens, and then every output is searched for them.
import assert from "node:assert/strict";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { adminKey, buildGuest, call, startGateway } from "./gateway.mjs";
import { chat, claude, event, json, startVendor, stream } from "./vendor.mjs";

// What must never be seen. Those in the middle of a longer secret, since lists may show its ends.
const marks = {
  vendor: "vendor-MARKVENDOR-key",
  aws: "aws-MARKAWS-secret",
  virtual: "sk-tok-MARKVIRTUAL-0123456789",
  oauth: "oauth-MARKOAUTH-0123456789",
  cookie: "s=MARKCOOKIE",
  header: "sk-MARKHEADER-0123456789",
  query: "sk-MARKQUERY-0123456789",
  plugin: "MARKPLUGIN",
  prompt: "MARKPROMPT",
  answer: "MARKANSWER",
};

let vendor, gateway, outputs;

before(async () => {
  vendor = await startVendor();
  const guest = await buildGuest("guard.example");
  const extra = `
[[plugin]]
id = "guardrail.guest"
source = "${guest}"
allow_hosts = ["guard.example"]
credential = "guest"
config = { secret = "env:PLUGIN_SECRET" }

[[credential]]
name = "guest"
provider = "guardrail.guest"
api_key = "env:PLUGIN_SECRET"

[[guardrail]]
name = "guest"
plugin = "guardrail.guest"
stages = ["input", "output"]

[[model]]
name = "guarded"
deployments = ["openai-main"]
guardrails = ["guest"]

[[deployment]]
name = "signed-main"
provider = "provider.bedrock"
model = "us.amazon.nova-lite-v1:0"
credential = "signed"
base_url = "${vendor.url}"
allow_private = true
price = { input = "1", output = "1" }
options = { region = "us-east-1" }

[[credential]]
name = "signed"
provider = "provider.bedrock"
access_key_id = "AKIDEXAMPLE"
secret_access_key = "env:AWS_MARK"

[[model]]
name = "signed"
deployments = ["signed-main"]
`;
  gateway = await startGateway(vendor.url, extra, { logLevel: "debug", env: { E2E_KEY: marks.vendor, AWS_MARK: marks.aws, PLUGIN_SECRET: marks.plugin } });
  outputs = {};
});

after(async () => {
  await gateway?.stop();
  await vendor?.stop();
});

// keep remembers an output under a name; what a client was to be told (its own answer) is told apart.
const keep = (name, ...texts) => (outputs[name] = (outputs[name] ?? "") + texts.map((t) => (typeof t === "string" ? t : JSON.stringify(t))).join("\n") + "\n");
const keepAnswer = (name, r) => {
  keep(name, r.headers, r.text);
  return r;
};

const say = (model, more) => ({ model, max_tokens: 20, messages: [{ role: "user", content: marks.prompt }], ...more });
const paths = ["/v1/chat/completions", "/v1/messages"];
const found = () => Object.entries(outputs).flatMap(([name, text]) => [...text.matchAll(/.{0,80}MARK[A-Z]+.{0,80}/g)].map((m) => `${name}: ${m[0]}`));

describe("C85", () => {
  let key;

  test("keys are made, shown, changed and rotated", async () => {
    key = await gateway.newKey({ name: "marked", secret: marks.virtual, budget: { amount: "10", period: "month" } });
    assert.equal(key.secret, marks.virtual, "shown once, when it is made");
    for (const [method, path, body] of [["GET", "/keys"], ["GET", `/keys/${key.id}`], ["PATCH", `/keys/${key.id}`, { limits: { rpm: 100000 } }], ["GET", "/models"], ["GET", "/plugins"], ["GET", "/usage"]]) {
      keep(`${method} ${path}`, await gateway.admin(method, path, body));
    }
    // The same secret again, and bodies that no key can have.
    for (const body of [{ name: "again", all_models: true, secret: marks.virtual }, { name: "short", secret: "MARKVIRTUAL" }, { secret: { [marks.virtual]: 1 } }, `{"secret": "${marks.virtual}", "name": `]) {
      keepAnswer("refused keys", await gateway.ask("/api/v1/keys", body, { authorization: `Bearer ${adminKey}` }));
    }
  });

  test("requests with secrets in every place", async () => {
    const bearer = { authorization: `Bearer ${marks.virtual}` };
    const hostile = { cookie: marks.cookie, "x-api-key": marks.header, "x-auth-token": marks.header };
    for (const path of paths) {
      vendor.answer = json(chat.whole("ok"));
      assert.equal(keepAnswer("success", await gateway.ask(`${path}?key=${marks.query}`, say("openai"), { ...bearer, ...hostile })).status, 200);
      for (const headers of [{ authorization: `Bearer ${marks.oauth}` }, { authorization: `Basic ${marks.oauth}` }, { "x-api-key": marks.header, cookie: marks.cookie }, { authorization: `Bearer ${marks.oauth}\t${marks.header}` }, {}]) {
        assert.equal(keepAnswer("401", await gateway.ask(`${path}?key=${marks.query}&api_key=${encodeURIComponent(marks.virtual)}`, say("openai"), headers)).status, 401);
      }
      for (const [body, status] of [[`{"model": "openai", "messages": "${marks.prompt}`, 400], [say("openai", { temperature: marks.prompt, stream: marks.prompt }), 400], [{ ...say("openai"), messages: marks.prompt }, 400], ["MARKPROMPT", 400]]) {
        assert.equal(keepAnswer("400", await gateway.ask(path, body, { ...bearer, ...hostile })).status, status);
      }
      keepAnswer("404", await gateway.ask(`${path}/${path}`, say("openai"), { ...bearer, ...hostile }));
      keepAnswer("405", await call(gateway.url + path, { headers: { ...bearer, ...hostile } }));
    }
    const poor = await gateway.newKey({ name: "poor", budget: { amount: "0.000001", period: "month" } });
    for (const path of paths) assert.equal(keepAnswer("402", await gateway.ask(path, say("openai"), { authorization: `Bearer ${poor.secret}` })).status, 402);
  });

  test("nothing of the client reaches the vendor but its prompt", () => {
    assert.ok(vendor.requests.length > 0);
    for (const r of vendor.requests) {
      const text = JSON.stringify([r.path, r.headers, r.body]);
      for (const mark of ["MARKVIRTUAL", "MARKOAUTH", "MARKCOOKIE", "MARKHEADER", "MARKQUERY", "MARKPLUGIN", "MARKAWS"]) assert.ok(!text.includes(mark), `${mark} in ${text}`);
      assert.equal(r.headers.authorization, `Bearer ${marks.vendor}`);
    }
  });

  // The vendor repeats what it was given, in each way that it can fail.
  const echo = (r) => `your key ${r.headers.authorization ?? ""} ${r.headers["x-api-key"] ?? ""} ${r.headers["x-goog-api-key"] ?? ""} is bad${r.path.startsWith("/model/") ? marks.aws : ""}`;
  const failures = {
    401: (r, res) => json({ error: { message: echo(r), type: "authentication_error", code: echo(r), param: echo(r) } }, 401)(r, res),
    403: (r, res) => json({ message: echo(r), __type: echo(r) }, 403)(r, res),
    400: (r, res) => json({ type: "error", error: { message: echo(r), type: "invalid_request_error", code: echo(r), param: echo(r), status: echo(r) } }, 400)(r, res),
    422: (r, res) => json({ detail: echo(r), error: { message: echo(r), type: echo(r), code: echo(r), param: echo(r) } }, 422)(r, res),
    429: (r, res) => json({ error: { message: echo(r) } }, 429, { "retry-after": echo(r) })(r, res),
    500: (r, res) => json(echo(r), 500)(r, res),
    "not JSON": (r, res) => json(`<html>${echo(r)}`)(r, res),
    "not HTTP": (r, res) => res.socket.end(`${echo(r)}\r\n\r\n`),
    "odd headers": (r, res) => json({ error: { message: "no" } }, 400, { "x-request-id": echo(r), "set-cookie": echo(r), "request-id": echo(r), server: echo(r) })(r, res),
    redirect: (r, res) => json("", 302, { location: `http://127.0.0.1:9/?key=${r.headers.authorization}` })(r, res),
    reset: (_, res) => res.socket.resetAndDestroy(),
    "an error in a stream": (r, res) => {
      stream(res);
      res.end(event({ error: { message: echo(r), type: echo(r), code: echo(r) } }));
    },
    "an error after text": (r, res) => {
      stream(res);
      res.write(r.path.includes("messages") ? claude.start(1) + claude.text("hi") : chat.text("hi"));
      setTimeout(() => res.end(event({ type: "error", error: { message: echo(r), type: "api_error", code: echo(r) } }, r.path.includes("messages") ? "error" : "")), 20);
    },
    "garbage in a stream": (r, res) => {
      stream(res);
      res.end(`data: ${echo(r)}\n\n`);
    },
  };
  for (const [name, fail] of Object.entries(failures)) {
    test(`the vendor fails: ${name}`, async () => {
      vendor.answer = fail;
      for (const path of paths) {
        for (const model of ["openai", "anthropic", "gemini", "signed"]) {
          for (const stream of [false, true]) {
            const r = keepAnswer(`vendor ${name}`, await gateway.ask(path, say(model, { stream }), { authorization: `Bearer ${marks.virtual}` }));
            assert.ok(r.status >= 400 || r.text.includes("error"), `${model}: ${r.status} ${r.text}`);
          }
        }
      }
      assert.deepEqual(found(), []);
    });
  }

  test("guardrails fail", async () => {
    vendor.answer = json(chat.whole("ok"));
    for (const command of ["PANIC", "FAIL", "NONSENSE", "LOOP", `FETCH {"url":"https://127.0.0.1:9/","headers":{"authorization":"\${credential.api_key}"}}`]) {
      for (const path of paths) {
        const r = keepAnswer(`guardrail ${command}`, await gateway.ask(path, { ...say("guarded"), messages: [{ role: "user", content: `${command} ` }] }, { authorization: `Bearer ${marks.virtual}` }));
        assert.equal(r.status, 500, r.text);
      }
    }
  });

  test("commands, exports, metrics, the log and the store's files", async () => {
    vendor.answer = json(chat.whole("ok"));
    await writeFile(join(gateway.dir, "faulty.toml"), `[server]
listen = 5
[[plugin]]
id = "guardrail.rules"
source = "builtin:rules"
[[plugin]]
id = "provider.openai"
source = "builtin:openai"
[[credential]]
name = "c"
provider = "provider.openai"
api_key = "${marks.vendor}"
api_kye = "${marks.vendor}"
other = ["${marks.vendor}"]
[[guardrail]]
name = "g"
plugin = "guardrail.rules"
config = { rules = "${marks.plugin}", token = "${marks.plugin}" }
`);
    await writeFile(join(gateway.dir, "broken.toml"), `[[credential]]\nname = "c"\napi_key = "${marks.vendor}\n`);
    const commands = [
      ["check"], ["check", "-c", "faulty.toml"], ["check", "-c", "broken.toml"], ["serve", "-c", "faulty.toml"], ["serve", "-c", "broken.toml"],
      ["plugin", "list"], ["plugin", "list", "--json"], ["plugin", "inspect", "builtin:openai"], ["plugin", "inspect", join(gateway.dir, "faulty.toml")],
      ["models", "list"], ["models", "list", "--json"], ["models", "test"], ["models", "test", "openai"], ["doctor"], ["key", "list"], ["key", "list", "--json"], ["key", "show", key.id, "--json"],
      ["key", "create", "--name", "again", "--secret", marks.virtual], ["key", "list", "--key", marks.oauth],
      ["ledger", "list", "--json"], ["ledger", "export"], ["ledger", "export", "--format", "csv"], ["ledger", "verify"],
    ];
    await Promise.all(commands.map(async (args) => keep(`tokligence ${args.slice(0, 3).join(" ")}`, (await gateway.run(...args)).text)));
    keep("rotate", { ...(await gateway.admin("POST", `/keys/${key.id}/rotate`, { grace: "1h" })), secret: undefined });
    keep("metrics", (await call(`${gateway.url}/metrics`, { headers: { "x-api-key": adminKey } })).text);
    keep("ledger", await gateway.entries());
    await gateway.admin("DELETE", `/keys/${key.id}`);
    keep("the log", gateway.log());
    for (const name of await readdir(join(gateway.dir, "data"))) {
      const path = join(gateway.dir, "data", name);
      if ((await stat(path)).isFile()) keep(`data/${name}`, (await readFile(path)).toString("latin1"));
    }
    assert.ok(Object.keys(outputs).some((n) => n.endsWith(".db")) && gateway.log().includes('"outcome":"ok"'));
    assert.deepEqual(found(), []);
  });
});

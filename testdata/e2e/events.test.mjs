// Webhooks, verified by the library that their receivers use, and mail, taken by
// a server that we did not write.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, mock, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { SMTPServer } from "smtp-server";
import { Webhook, WebhookVerificationError } from "standardwebhooks";
import { startGateway } from "./gateway.mjs";
import { chat, json, startVendor } from "./vendor.mjs";

const mailPassword = "MARKMAIL-password";
const mailFrom = "Gateway <gateway@example.com>";

// until waits for what becomes true within some seconds.
async function until(what, check) {
  for (let i = 0; i < 300; i++) {
    const got = await check();
    if (got) return got;
    await sleep(50);
  }
  assert.fail(`${what}: it did not happen`);
}

describe("webhooks", () => {
  let gateway, receiver, url;
  let got = [];
  let answers = []; // statuses, then 204

  before(async () => {
    receiver = http.createServer((req, res) => {
      let body = "";
      req.on("data", (d) => (body += d));
      req.on("end", () => {
        got.push({ path: req.url, headers: req.headers, body });
        res.writeHead(answers.shift() ?? 204).end();
      });
    });
    await new Promise((r) => receiver.listen(0, "127.0.0.1", r));
    url = `http://127.0.0.1:${receiver.address().port}`;
    gateway = await startGateway("http://127.0.0.1:9", `[security]\nallow_private_hosts = ["127.0.0.1"]\n`);
  });
  after(async () => {
    await gateway?.stop();
    receiver?.close();
  });

  test("are signed, retried with the same id and replayed", async () => {
    const hook = await gateway.admin("POST", "/webhooks", { url: `${url}/hook?token=MARK6`, types: ["key.created"] });
    answers = [500];
    const key = await gateway.newKey({ name: "told" });
    await until("a second attempt", () => got.length === 2);
    const receiverOf = new Webhook(hook.secret);
    for (const m of got) {
      const event = receiverOf.verify(m.body, m.headers);
      assert.equal(event.type, "key.created");
      assert.equal(event.data.id, key.id);
      assert.equal(m.path, "/hook?token=MARK6");
    }
    assert.equal(got[0].headers["webhook-id"], got[1].headers["webhook-id"]);
    assert.ok(!got[0].body.includes(key.secret));
    await until("the end of the delivery", async () => (await gateway.admin("GET", `/webhooks/${hook.id}/deliveries`)).data[0].state === "delivered");

    await gateway.admin("POST", `/events/${got[0].headers["webhook-id"]}/replay`, {});
    await until("the replay", () => got.length === 3);
    receiverOf.verify(got[2].body, got[2].headers);
    assert.equal(got[2].headers["webhook-id"], got[0].headers["webhook-id"]);
  });

  test("are refused by their receiver when changed, foreign or old", async () => {
    const hook = await gateway.admin("POST", "/webhooks", { url, types: [] });
    got = [];
    assert.deepEqual(await gateway.admin("POST", `/webhooks/${hook.id}/test`), { ok: true, status: 204 });
    const [m] = got;
    const receiverOf = new Webhook(hook.secret);
    assert.equal(receiverOf.verify(m.body, m.headers).type, "webhook.test");
    assert.throws(() => receiverOf.verify(m.body.replace("test", "text"), m.headers), WebhookVerificationError);
    assert.throws(() => receiverOf.verify(m.body, { ...m.headers, "webhook-id": "evt_other" }), WebhookVerificationError);
    assert.throws(() => new Webhook("whsec_" + "A".repeat(43) + "=").verify(m.body, m.headers), WebhookVerificationError);
    for (const [minutes, within] of [[4, true], [6, false], [-6, false]]) {
      mock.timers.enable({ apis: ["Date"], now: Number(m.headers["webhook-timestamp"]) * 1000 + minutes * 60_000 });
      try {
        if (within) receiverOf.verify(m.body, m.headers);
        else assert.throws(() => receiverOf.verify(m.body, m.headers), WebhookVerificationError);
      } finally {
        mock.timers.reset();
      }
    }
    const { secret } = await gateway.admin("POST", `/webhooks/${hook.id}/rotate`, { grace: "1h" });
    got = [];
    await gateway.admin("POST", `/webhooks/${hook.id}/test`);
    for (const s of [hook.secret, secret]) new Webhook(s).verify(got[0].body, got[0].headers);
    await gateway.admin("POST", `/webhooks/${hook.id}/rotate`, {});
    await gateway.admin("POST", `/webhooks/${hook.id}/test`);
    assert.throws(() => new Webhook(secret).verify(got[1].body, got[1].headers), WebhookVerificationError);
    assert.ok(!/MARK6|whsec_/.test(gateway.log()), "a secret is in the log");
  });
});

describe("what requests cause", () => {
  let vendor, gateway, receiver;
  const got = [];
  const told = (type) => got.filter((e) => e.type === type);

  before(async () => {
    vendor = await startVendor();
    receiver = http.createServer((req, res) => {
      let body = "";
      req.on("data", (d) => (body += d));
      req.on("end", () => {
        got.push(JSON.parse(body));
        res.writeHead(204).end();
      });
    });
    await new Promise((r) => receiver.listen(0, "127.0.0.1", r));
    gateway = await startGateway(vendor.url, `
[security]
allow_private_hosts = ["127.0.0.1"]

[routing]
cooldown = "1s"

[[deployment]]
name = "unpriced-main"
provider = "provider.openai"
model = "newco/model-9"
credential = "openai"
base_url = "${vendor.url}/v1"
allow_private = true

[[model]]
name = "unpriced"
deployments = ["unpriced-main"]
`);
    await gateway.admin("POST", "/webhooks", { url: `http://127.0.0.1:${receiver.address().port}`, types: ["*"] });
  });
  after(async () => {
    await gateway?.stop();
    receiver?.close();
    await vendor?.stop();
  });

  const ask = (model, key, max_tokens = 4000) =>
    gateway.ask("/v1/chat/completions", { model, max_tokens, messages: [{ role: "user", content: "hi" }] }, { authorization: `Bearer ${key.secret}` });

  test("a budget tells of each threshold, and of a refusal, once", async () => {
    vendor.answer = json(chat.whole("ok", 1000, 4000)); // 9 of 10 thousandths
    const key = await gateway.newKey({ name: "poor", budget: { amount: "0.01", period: "month", thresholds: [50, 80, 100] } });
    assert.equal((await ask("openai", key)).status, 200);
    for (let i = 0; i < 3; i++) assert.equal((await ask("openai", key)).status, 402);
    await until("the events", () => told("budget.exceeded").length && told("budget.threshold").length === 2);
    await sleep(1500); // what is told twice would come now
    assert.deepEqual(told("budget.threshold").map((e) => [e.data.percent, e.data.subject, e.data.amount, e.data.spent]).sort(), [[50, "poor", "0.01", "0.009"], [80, "poor", "0.01", "0.009"]]);
    assert.deepEqual(told("budget.exceeded").map((e) => [e.data.scope, e.data.subject_id]), [["key", key.id]]);
  });

  test("a deployment tells when it cools down and when it is well, and a model that it has no price", async () => {
    const key = await gateway.newKey({ name: "free" });
    vendor.answer = json({ error: { message: "slow down" } }, 429);
    await ask("openai", key);
    await until("the cool-down", () => told("deployment.cooling").length === 1);
    assert.equal(told("deployment.cooling")[0].data.deployment, "openai-main");
    vendor.answer = json(chat.whole("ok", 1, 1));
    await until("an answer", async () => (await ask("openai", key)).status === 200);
    for (let i = 0; i < 3; i++) assert.equal((await ask("unpriced", key)).status, 200);
    await until("the price", () => told("price.missing").length === 1);
    assert.deepEqual(told("price.missing")[0].data, { deployment: "unpriced-main", provider: "provider.openai", model: "newco/model-9" });
  });
});

describe("mail", () => {
  let dir, tls;

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), "tokligence-e2e-mail-"));
    const [key, cert] = [join(dir, "key.pem"), join(dir, "cert.pem")];
    await promisify(execFile)("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost",
      "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", cert]);
    tls = { key: await readFile(key), cert: await readFile(cert), file: cert };
  });
  after(() => rm(dir, { recursive: true, force: true }));

  // sends has a mail server of the options, and a gateway that mails each new key to ops.
  async function sends({ mode, username = "gateway", password = mailPassword, server = {}, events = '"key.created"' }, then) {
    const seen = { mails: [], auths: [], refuse: [] };
    const smtp = new SMTPServer({
      key: tls.key, cert: tls.cert, secure: mode === "tls", authMethods: ["PLAIN", "LOGIN"], ...server,
      onAuth({ username, password }, session, done) {
        seen.auths.push(session.secure);
        if (username === "gateway" && password === mailPassword) done(null, { user: username });
        else done(new Error("no"));
      },
      onRcptTo(address, session, done) {
        const code = seen.refuse.shift();
        done(code && Object.assign(new Error("not now"), { responseCode: code }));
      },
      onData(stream, session, done) {
        let text = "";
        stream.on("data", (d) => (text += d));
        stream.on("end", () => {
          seen.mails.push({ text, secure: session.secure, user: session.user, to: session.envelope.rcptTo.map((r) => r.address), from: session.envelope.mailFrom.address });
          done();
        });
      },
    });
    smtp.on("error", () => {}); // a client that gives up
    await new Promise((r) => smtp.listen(0, "127.0.0.1", r));
    const gateway = await startGateway("http://127.0.0.1:9", `
[smtp]
host = "localhost"
port = ${smtp.server.address().port}
from = "${mailFrom}"
tls = "${mode}"
timeout = "5s"
${username && `username = "${username}"\npassword = "env:SMTP_PASSWORD"`}
[events]
mail = [${events}]
mail_to = ["ops@example.com"]
`, { keyless: true, server: 'public_url = "https://gateway.example.com"', env: { SMTP_PASSWORD: password, SSL_CERT_FILE: tls.file } });
    try {
      await then(gateway, seen);
      assert.ok(!gateway.log().includes("MARKMAIL"), "the password is in the log");
    } finally {
      await gateway.stop();
      await new Promise((r) => smtp.close(r));
    }
  }

  for (const mode of ["starttls", "tls", "none"]) {
    test(`is handed over with ${mode}`, () =>
      sends({ mode, username: mode === "none" ? "" : "gateway", server: mode === "none" ? { authOptional: true, disabledCommands: ["STARTTLS"] } : {} }, async (gateway, seen) => {
        await gateway.newKey({ name: "Grüße <b>" });
        const mail = await until("the mail", () => seen.mails.find((m) => m.text.includes("Gr=C3=BC=C3=9Fe")));
        assert.deepEqual(mail.to, ["ops@example.com"]);
        assert.equal(mail.from, "gateway@example.com");
        assert.equal(mail.secure, mode !== "none");
        assert.equal(mail.user, mode === "none" ? undefined : "gateway");
        assert.match(mail.text, /^Subject: Gateway: key\.created\r$/m);
        assert.match(mail.text, /&lt;b&gt;/);
        assert.ok(seen.auths.every((secure) => secure), "a password came in the clear");
      }));
  }

  test("brings an invitation, whose link nobody else is shown", () =>
    sends({ mode: "starttls", events: "" }, async (gateway, seen) => {
      await gateway.admin("POST", "/invites", { email: "ada@example.com", role: "viewer" });
      const mail = await until("the mail", () => seen.mails[0]);
      assert.deepEqual(mail.to, ["ada@example.com"]);
      const text = mail.text.replaceAll("=\r\n", "");
      const [, link] = /^(https:\/\/gateway\.example\.com\/\S+)\r$/m.exec(text);
      assert.ok(text.includes(`<a href=3D"${link}">`), text);
      const token = link.slice(-20);
      const { data } = await gateway.admin("GET", "/events?type=invite.created");
      assert.equal(data[0].data.email, "ada@example.com");
      assert.ok(!JSON.stringify(data).includes(token) && !gateway.log().includes(token));
    }));

  test("is tried again until the server takes it, and given up when it never will", () =>
    sends({ mode: "starttls" }, async (gateway, seen) => {
      await until("the mail of the first key", () => seen.mails.length === 1);
      seen.refuse = [451];
      await gateway.newKey({ name: "later" });
      const mail = await until("the mail", () => seen.mails.find((m) => m.text.includes("later")));
      assert.equal(seen.mails.length, 2);
      assert.match(mail.text, /^Message-ID: <dlv_\w+@example.com>\r$/im);
      seen.refuse = [550];
      await gateway.newKey({ name: "never" });
      await until("the end", () => /a delivery failed.*"status":550/.test(gateway.log()));
      assert.equal(seen.mails.length, 2);
    }));

  test("is not sent, nor the password, without TLS or to a server that does not know it", async () => {
    await sends({ mode: "starttls", server: { disabledCommands: ["STARTTLS"], allowInsecureAuth: true } }, async (gateway, seen) => {
      await sleep(2000);
      assert.deepEqual([seen.auths, seen.mails], [[], []]);
    });
    await sends({ mode: "starttls", password: mailPassword + "x" }, async (gateway, seen) => {
      await until("an attempt", () => seen.auths.length > 0);
      assert.deepEqual([seen.auths[0], seen.mails], [true, []]);
    });
  });
});

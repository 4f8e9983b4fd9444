// Signing in with a real OpenID provider: who gets in, as what, and what a
// browser cannot be made to do.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { adminKey, call, freePort, startGateway } from "./gateway.mjs";
import { readFile, writeFile } from "node:fs/promises";
import { Browser, programs, startProvider } from "./provider.mjs";

const verified = (name, more) => ({ email: `${name}@example.com`, email_verified: true, name, ...more });
const people = {
  ops: verified("ops", { groups: ["ops", "unknown"] }),
  both: verified("both", { groups: ["read", "ops"] }),
  none: verified("none", { groups: ["nothing"] }),
  text: verified("text", { groups: "ops" }),
  missing: verified("missing"),
  capitals: verified("capitals", { groups: ["OPS"] }),
  odd: verified("odd", { groups: { ops: true } }),
  unverified: { ...verified("unverified", { groups: ["ops"] }), email_verified: false },
  nameless: { groups: ["ops"] },
  elsewhere: { email: "ops@evil.example.org", email_verified: true, groups: ["ops"] },
  leaver: verified("leaver", { groups: ["ops", "dev"] }),
  deleted: verified("deleted", { groups: ["ops"] }),
  owner: verified("owner", { groups: ["read"] }),
  thief: { ...verified("owner", { groups: ["ops"] }), email_verified: false },
};

let gateway, provider, strict;

// mapping is what both gateways share; Acme is made afterwards, as a mapping may name what is not there yet.
const mapping = (issuer, more) => `
[security]
allow_private_hosts = ["127.0.0.1"]
[[sign_in.oidc]]
name = "main"
issuer = "${issuer}"
client_id = "gateway"
client_secret = "env:OIDC_SECRET"
allowed_domains = ["example.com"]
${more}
[[sign_in.oidc.mapping]]
group = "ops"
role = "admin"
[[sign_in.oidc.mapping]]
group = "read"
role = "viewer"
[[sign_in.oidc.mapping]]
group = "dev"
role = "team_admin"
organization = "Acme"
team = "Research"
`;

async function start(issuer, more) {
  const env = { OIDC_SECRET: "MARK-client-secret" };
  const g = await startGateway("http://127.0.0.1:1", mapping(issuer, more), { env, server: (port) => `public_url = "http://127.0.0.1:${port}"` });
  const org = await g.admin("POST", "/orgs", { name: "Acme" });
  const team = await g.admin("POST", "/teams", { name: "Research", organization_id: org.id });
  return Object.assign(g, { org: org.id, team: team.id });
}

before(async () => {
  const port = await freePort();
  gateway = await start(`http://127.0.0.1:${port}`, 'default_role = "member"\ndefault_organization = "Acme"');
  provider = await startProvider(port, `${gateway.url}/api/v1/sign-in/oidc/callback`, people);
  const otherPort = await freePort();
  strict = await start(`http://127.0.0.1:${otherPort}`, "");
  strict.provider = await startProvider(otherPort, `${strict.url}/api/v1/sign-in/oidc/callback`, people, ["groups", "email", "email_verified", "name"]);
});

after(async () => {
  await Promise.all([gateway?.stop(), strict?.stop(), provider?.stop(), strict?.provider.stop()]);
});

// roles are what somebody may do, by place.
async function roles(g, browser) {
  const { json } = await browser.send("GET", `${g.url}/api/v1/me`);
  return [json.user.role ?? "", ...json.memberships.map((m) => `${m.team_id ? "team" : "org"}:${m.role}`)].join(" ").trim();
}

test("C88: the groups of a person give the role, the highest wins, and nobody is an administrator by default", async () => {
  const got = {}, refused = {};
  for (const login of Object.keys(people)) {
    for (const [g, into, no] of [[gateway, got], [strict, refused]]) {
      if (["deleted", "leaver", "owner", "thief"].includes(login)) continue;
      const b = new Browser();
      const r = await b.signIn(g.url, login);
      into[login] = r.status === 200 ? await roles(g, b) : `${r.status} ${r.json.detail}`;
    }
  }
  const domain = "403 addresses of your domain are not let in, or the provider has not verified yours";
  const none = "403 none of your groups at the sign-in provider has a role here, and nobody gave you one";
  const letIn = { ops: "admin", both: "admin", text: "admin", unverified: domain, nameless: domain, elsewhere: domain };
  assert.deepEqual(got, { ...letIn, none: "org:member", missing: "org:member", capitals: "org:member", odd: "org:member" });
  assert.deepEqual(refused, { ...letIn, none, missing: none, capitals: none, odd: none });
  const { data } = await strict.admin("GET", "/users?limit=100");
  assert.deepEqual(data.map((u) => u.name).sort(), ["both", "ops", "text"], "nobody else became a user");
});

test("a role goes with the group, other sessions end, and what was given by hand stays", async () => {
  const b = new Browser();
  assert.equal((await b.signIn(gateway.url, "leaver")).status, 200);
  assert.equal(await roles(gateway, b), "admin team:team_admin");
  const again = new Browser();
  await again.signIn(gateway.url, "leaver");
  assert.equal(await roles(gateway, b), "admin team:team_admin", "the same roles end no session");
  const { json: me } = await b.send("GET", `${gateway.url}/api/v1/me`);
  await gateway.admin("PATCH", `/memberships/${me.memberships[0].id}`, { role: "viewer" });
  assert.equal((await b.send("GET", `${gateway.url}/api/v1/me`)).status, 401, "a role that was lowered by hand ends sessions");
  await b.signIn(gateway.url, "leaver");
  assert.equal(await roles(gateway, b), "admin team:viewer", "what somebody changed stays");
  people.leaver.groups = ["read"];
  const later = new Browser();
  await later.signIn(gateway.url, "leaver");
  assert.equal(await roles(gateway, later), "viewer team:viewer");
  assert.equal((await b.send("GET", `${gateway.url}/api/v1/me`)).status, 401, "the session with more power has ended");
});

test("whoever was deleted does not come back, unless somebody makes them anew", async () => {
  const b = new Browser();
  await b.signIn(gateway.url, "deleted");
  const { json: me } = await b.send("GET", `${gateway.url}/api/v1/me`);
  await gateway.admin("DELETE", `/users/${me.user.id}`);
  assert.equal((await b.send("GET", `${gateway.url}/api/v1/me`)).status, 401);
  const r = await new Browser().signIn(gateway.url, "deleted");
  assert.deepEqual([r.status, r.json.detail], [403, "your user was deleted"]);
  const { id } = await gateway.admin("POST", "/users", { name: "Again", email: "deleted@example.com" });
  const c = new Browser();
  assert.equal((await c.signIn(gateway.url, "deleted")).json.user.id, id);
});

test("a user who is there is taken over by a verified address only", async () => {
  const { id } = await gateway.admin("POST", "/users", { name: "Olive", email: "owner@example.com" });
  assert.equal((await new Browser().signIn(gateway.url, "thief")).status, 403);
  const b = new Browser();
  assert.equal((await b.signIn(gateway.url, "owner")).json.user.id, id);
  people.owner.email = "elsewhere@example.com"; // from now on the subject counts
  assert.equal((await new Browser().signIn(gateway.url, "owner")).json.user.id, id);
  assert.equal((await new Browser().signIn(gateway.url, "thief")).status, 403);
});

test("whoever was invited gets in without a group, to accept", async () => {
  const { token, link } = await strict.admin("POST", "/invites", { email: "guest@example.com", team_id: strict.team });
  assert.equal(link, `${strict.url}/accept-invite#token=${token}`);
  people.guest = verified("guest");
  const b = new Browser();
  assert.equal((await b.signIn(strict.url, "guest")).status, 200);
  assert.equal(await roles(strict, b), "");
  const r = await b.send("POST", `${strict.url}/api/v1/invites/accept`, { json: { token } });
  assert.equal(r.status, 200, r.text);
  assert.equal(await roles(strict, b), "team:member");
  assert.equal((await new Browser().signIn(strict.url, "guest")).status, 200);
  people.thief.email = "guest@example.com";
  assert.equal((await new Browser().signIn(strict.url, "thief")).status, 403, "an address that is not verified is no invitation");
});

test("a flow is finished once, by the browser that began it, with what was sent", async () => {
  const callback = `${gateway.url}/api/v1/sign-in/oidc/callback`;
  const refused = async (what, b, address) => {
    const r = await b.send("GET", address);
    assert.equal(r.status, 401, `${what}: ${r.text}`);
    assert.equal(b.cookies(`${gateway.url}/api/v1/me`), "", `${what}: there is a session`);
  };
  const tamper = (b, change) => {
    const c = [...b.jar.values()].find((c) => c.name === "tokligence_sign_in");
    c.value = Buffer.from(JSON.stringify({ ...JSON.parse(Buffer.from(c.value, "base64url")), ...change })).toString("base64url");
  };
  const began = async () => {
    const b = new Browser();
    return [b, await b.visit(gateway.url, "ops")];
  };
  let [b, address] = await began();
  await refused("another state", b, address.replace(/state=[^&]+/, "state=x"));
  await refused("after one failed", b, address);
  [b, address] = await began();
  await refused("another browser", new Browser(), address);
  await refused("no state", b, address.replace(/state=[^&]+/, ""));
  [b, address] = await began();
  tamper(b, { nonce: "x" });
  await refused("another nonce", b, address);
  [b, address] = await began();
  tamper(b, { verifier: "x".repeat(43) });
  await refused("another verifier", b, address);
  [b, address] = await began();
  tamper(b, { until: "2020-01-01T00:00:00Z" });
  await refused("too late", b, address);
  [b, address] = await began();
  await refused("another issuer", b, address.replace(/iss=[^&]+/, "iss=https%3A%2F%2Fevil.example.com"));
  [b, address] = await began();
  const flow = [...b.jar.values()].find((c) => c.name === "tokligence_sign_in");
  assert.match(flow.line, /; Path=\/api\/v1\/sign-in\/oidc; .*HttpOnly; SameSite=Lax/);
  assert.equal((await b.send("GET", address)).status, 200);
  const replay = new Browser();
  replay.jar.set("flow", flow);
  await refused("a replay with the same cookie", replay, address);
  b = new Browser();
  await b.send("GET", `${gateway.url}/api/v1/sign-in/oidc`);
  const { state } = JSON.parse(Buffer.from([...b.jar.values()][0].value, "base64url"));
  await refused("refused by the provider", b, `${callback}?error=access_denied&error_description=no&state=${state}`);
});

test("a browser returns to where it came from, and to no other host", async () => {
  const b = new Browser();
  const r = await b.signIn(gateway.url, "ops", "?return_to=%2Fkeys%3Fx%3D1");
  assert.deepEqual([r.status, r.headers.location], [303, "/keys?x=1"]);
  assert.equal(await roles(gateway, b), "admin");
  const no = await new Browser().signIn(strict.url, "none", "?return_to=%2Fkeys");
  assert.equal(no.status, 303);
  assert.match(no.headers.location, /^\/keys#sign_in_error=none\+of\+your\+groups/);
  assert.equal((await new Browser().send("GET", `${gateway.url}/api/v1/sign-in/oidc?return_to=https%3A%2F%2Fevil.example.com`)).status, 400);
});

test("a program's token from the provider stands for a key", async () => {
  const token = async () => {
    const body = new URLSearchParams({ grant_type: "client_credentials", client_id: "ci", client_secret: "MARK-ci-secret" }).toString();
    const r = await call(`${provider.issuer}/token`, { method: "POST", headers: { "content-type": "application/x-www-form-urlencoded" }, body });
    return r.json.access_token;
  };
  const models = (secret) => call(`${gateway.url}/v1/models`, { headers: { authorization: `Bearer ${secret}` } });
  const { id, name } = await gateway.newKey({ name: "programs of research", team_id: gateway.team, role: "viewer" });
  assert.equal((await models(await token())).status, 401, "nobody's tokens are taken yet");
  const file = `${gateway.dir}/gateway.toml`;
  await writeFile(file, `${await readFile(file, "utf8")}
[[jwt]]
name = "programs"
issuer = "${provider.issuer}"
audience = "models"
models_claim = "models"
end_user_claim = "client_id"
[[jwt.keys]]
claim = "team"
value = "research"
key = "${id}"
`);
  const secret = await token();
  let r;
  for (let i = 0; i < 100 && (r = await models(secret)).status !== 200; i++) await new Promise((r) => setTimeout(r, 100)); // the file was saved
  assert.deepEqual([r.status, r.json.data.map((m) => m.id)], [200, ["openai"]], "the models of the claim");
  assert.equal((await call(`${gateway.url}/api/v1/keys`, { headers: { authorization: `Bearer ${secret}` } })).status, 403, "no token opens the admin API");
  programs.models = ["embedding", "nothing"];
  assert.deepEqual((await models(await token())).json.data.map((m) => m.id), ["embedding"]);
  programs.team = "other";
  const other = await models(await token());
  assert.deepEqual([other.status, other.json.error.message], [403, "the token is valid, but stands for no key here"]);
  const [head, payload, signature] = secret.split(".");
  const claims = { ...JSON.parse(Buffer.from(payload, "base64url")), models: ["anthropic"] };
  assert.equal((await models([head, Buffer.from(JSON.stringify(claims)).toString("base64url"), signature].join("."))).status, 401);
  await gateway.ask("/v1/chat/completions", { model: "openai", messages: [{ role: "user", content: "x" }] }, { authorization: `Bearer ${secret}` });
  const entry = await gateway.lastEntry();
  assert.deepEqual([entry.key.name, entry.team.name, entry.end_user], [name, "Research", "ci"]);
  await gateway.admin("POST", `/keys/${id}/block`);
  assert.equal((await models(secret)).status, 401);
});

test("no secret is logged or on record, and a provider that is away is no fault of the person", async () => {
  const headers = { authorization: `Bearer ${adminKey}` };
  const audit = await call(`${gateway.url}/api/v1/audit?limit=1000`, { headers });
  assert.match(audit.text, /"action":"session.create".*"outcome":"refused"/);
  for (const text of [gateway.log(), strict.log(), audit.text]) assert.doesNotMatch(text, /MARK|code=|eyJ/);
  await strict.provider.stop();
  const r = await new Browser().send("GET", `${strict.url}/api/v1/sign-in/oidc`);
  assert.equal(r.status, 303, "what it says of itself is known");
  const fresh = await start("http://127.0.0.1:1", "");
  try {
    assert.equal((await new Browser().send("GET", `${fresh.url}/api/v1/sign-in/oidc`)).status, 502);
    const ways = await call(`${fresh.url}/api/v1/sign-in`);
    assert.deepEqual(ways.json, { password: true, reset_by_mail: false, providers: ["main"] });
  } finally {
    await fresh.stop();
  }
});

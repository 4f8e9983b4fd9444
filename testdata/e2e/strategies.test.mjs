// Strategies as plugins, and what they lead to in the ledger: who was tried, in
// which order, and who answered.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { compiled, goBuild, startGateway } from "./gateway.mjs";
import { chat, events, json, startVendor } from "./vendor.mjs";

let vendor, gateway;
const failing = new Set();

const deployments = (alias, strategy, list) =>
  Object.entries(list).map(([name, more]) => `
[[deployment]]
name = "${alias}-${name}"
provider = "provider.openai"
model = "${alias}-${name}"
credential = "openai"
base_url = "MOCK/v1"
allow_private = true
price = { input = "1", output = "1" }
${more}
`).join("") + `
[[model]]
name = "${alias}"
deployments = [${Object.keys(list).map((n) => `"${alias}-${n}"`).join(", ")}]
strategy = "strategy.${strategy}"
`;

before(async () => {
  vendor = await startVendor();
  const sticky = join(compiled, "sticky.wasm");
  await goBuild(sticky, "./sdk-examples/plugins/strategy-extism", ["-buildmode=c-shared"], { GOOS: "wasip1", GOARCH: "wasm" });
  const toml = `
[routing]
cooldown = "1m"

[[plugin]]
id = "strategy.weighted"
source = "builtin:weighted"
[[plugin]]
id = "strategy.priority"
source = "builtin:priority"
[[plugin]]
id = "strategy.sticky-until-full"
source = "${sticky}"
config = { headroom = 0.5 }
` +
    deployments("weights", "weighted", { a: "weight = 3", b: "weight = 1", c: "weight = 0" }) +
    deployments("drawn", "weighted", { a: "weight = 1", b: "weight = 1" }) +
    deployments("tiers", "priority", { late: "priority = 3", first: "priority = 1", second: "priority = 2" }) +
    deployments("all", "priority", { one: "priority = 1", two: "priority = 2\nretries = 1" }) +
    deployments("streams", "priority", { one: "priority = 1", two: "priority = 2" }) +
    deployments("sticky", "sticky-until-full", { b: "rpm = 10", a: "rpm = 10\npriority = 0", c: "" }) +
    deployments("falls", "priority", { one: "priority = 1", two: "priority = 2" }).replace(/$/, 'fallbacks = ["weights"]\n');
  gateway = await startGateway(vendor.url, toml.replaceAll("MOCK", vendor.url));
  vendor.answer = (request, res) => {
    const { model, stream } = request.json;
    if (failing.has(model)) return json({ error: { message: "down" } }, 500)(request, res);
    (stream ? events(chat.text("ok"), chat.finish(), chat.usage(1, 1), chat.done) : json(chat.whole("ok", 1, 1)))(request, res);
  };
});

after(async () => {
  await gateway?.stop();
  await vendor?.stop();
});

// ask sends one request and returns its answer with its one entry, and who was called.
async function ask(model, more) {
  const before = vendor.requests.length;
  const r = await gateway.ask("/v1/chat/completions", { model, messages: [{ role: "user", content: "hi" }], max_tokens: 5, ...more });
  const entry = await gateway.entry(r.headers["x-tokligence-exchange-id"]);
  const called = vendor.requests.slice(before).map((q) => q.json.model);
  assert.deepEqual(entry.attempts.map((a) => a.deployment), called, "the entry names who was called, in that order");
  if (r.status === 200) {
    assert.equal(entry.deployment, called.at(-1));
    assert.equal(r.headers["x-tokligence-deployment"], called.at(-1));
    assert.equal(r.headers["x-tokligence-attempts"], String(called.length));
    assert.equal(Math.round(Number(entry.amount) * 1e6), 2, "one answer is paid, however many were tried");
  }
  return { ...r, entry, called };
}

const tried = (r) => r.entry.attempts.map((a) => `${a.deployment} ${a.status}${a.error ? ` ${a.error}` : ""}`);

test("weighted: the share of each, and none for zero", async () => {
  const count = {};
  for (let i = 0; i < 10; i++) {
    for (const r of await Promise.all(Array.from({ length: 20 }, () => gateway.ask("/v1/chat/completions", { model: "weights", messages: [{ role: "user", content: "hi" }] })))) {
      const name = r.headers["x-tokligence-deployment"];
      count[name] = (count[name] ?? 0) + 1;
    }
  }
  // 150 of 200 with a standard deviation of 6: five of them to either side.
  assert.ok(count["weights-a"] >= 120 && count["weights-a"] <= 180, JSON.stringify(count));
  assert.equal(count["weights-c"], undefined);
  assert.match((await gateway.lastEntry()).reason, /weight/);
});

test("weighted: the other one when the drawn one fails, and only the healthy one then", async () => {
  failing.add("drawn-a");
  let failovers = 0;
  for (let i = 0; i < 30; i++) {
    const r = await ask("drawn");
    assert.equal(r.status, 200);
    if (r.called.length === 1) continue;
    assert.deepEqual(tried(r), ["drawn-a 500 upstream_unavailable", "drawn-b 200"]);
    failovers++;
  }
  assert.equal(failovers, 3, "after three failures it cools down and is not asked again");
});

describe("priority", () => {
  test("the first tier while it works", async () => {
    const r = await ask("tiers");
    assert.deepEqual(tried(r), ["tiers-first 200"]);
    assert.match(r.entry.reason, /priority/);
  });

  test("the next tiers in their order when it fails", async () => {
    failing.add("tiers-first").add("tiers-second");
    for (let i = 0; i < 3; i++) assert.deepEqual(tried(await ask("tiers")), ["tiers-first 500 upstream_unavailable", "tiers-second 500 upstream_unavailable", "tiers-late 200"]);
    assert.deepEqual(tried(await ask("tiers")), ["tiers-late 200"]);
  });

  test("when all fail, retries come last and each try is in the entry", async () => {
    failing.add("all-one").add("all-two");
    const r = await ask("all");
    assert.equal(r.status, 502);
    assert.deepEqual(r.called, ["all-one", "all-two", "all-two"]);
    assert.equal(r.entry.outcome, "failed");
    assert.equal(Number(r.entry.amount), 0);
  });

  test("a stream fails over before its first byte", async () => {
    failing.add("streams-one");
    const r = await ask("streams", { stream: true });
    assert.ok(r.text.endsWith(chat.done));
    assert.deepEqual(tried(r), ["streams-one 500 upstream_unavailable", "streams-two 200"]);
  });

  test("another alias when all of one failed", async () => {
    failing.add("falls-one").add("falls-two");
    const r = await ask("falls");
    assert.equal(r.status, 200);
    assert.equal(r.called.length, 3);
    assert.deepEqual(r.called.slice(0, 2), ["falls-one", "falls-two"]);
    assert.match(r.called[2], /^weights-[ab]$/);
    assert.equal(r.entry.requested_model, "falls");
  });
});

test("an Extism guest: one deployment until half of its limit is used, then the next", async () => {
  const order = [];
  for (let i = 0; i < 14; i++) order.push((await ask("sticky")).called.join());
  assert.deepEqual([...new Set(order)], ["sticky-a", "sticky-b", "sticky-c"], order.join());
  assert.ok(order.filter((n) => n === "sticky-a").length >= 5 && order.filter((n) => n === "sticky-b").length >= 5, order.join());
  assert.equal((await gateway.lastEntry()).reason, "first with room");
  failing.add("sticky-c");
  const r = await ask("sticky");
  assert.equal(r.status, 200);
  assert.equal(tried(r)[0], "sticky-c 500 upstream_unavailable");
  assert.equal(r.called.length, 2);
  const info = (await gateway.admin("GET", "/plugins")).data.find((p) => p.id === "strategy.sticky-until-full");
  assert.ok(info.calls > 10 && info.faults === 0);
});

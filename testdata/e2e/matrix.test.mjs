// Every client × provider × feature, by the clients as their vendors publish them,
// and the table of it, which MATRIX.md has to have.
import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { root } from "./gateway.mjs";
import { beside, clients } from "./matrix/clients.mjs";
import * as other from "./matrix/endpoints.mjs";
import { startEar } from "./matrix/ear.mjs";
import * as errors from "./matrix/errors.mjs";
import { features, jobOf, script } from "./matrix/features.mjs";
import { alias, aliases, except, offered, price, providers } from "./matrix/providers.mjs";
import { start } from "./matrix/setup.mjs";
import { headings, render } from "./matrix/table.mjs";
import { answerOf, unspoken } from "./matrix/unspoken.mjs";
import { wires } from "./matrix/wires.mjs";

let all, tap, gateway, ear;
const asks = new Map(); // client → key → what asks with it
const found = new Map(); // dialect, provider and feature → the mark that all of its clients came to
before(async () => {
  all = await start((mock) => [script, other.script, errors.script].forEach((s) => s(mock)));
  ({ tap, gateway } = all);
  ear = await startEar();
  tap.instead = (request) => errors.instead(request, ear) ?? answerOf(request);
});
for (const c of [...clients, ...beside]) c.prepare?.().catch(() => {}); // open tells what is wrong
after(async () => {
  for (const c of [...clients, ...beside]) await c.close?.();
  await ear?.stop();
  await all?.stop();
});

// opened is what asks with the client, opened when it is first wanted.
async function opened(client, key = gateway.key) {
  if (!asks.has(client)) asks.set(client, new Map());
  const of = asks.get(client);
  if (!of.has(key)) of.set(key, await client.open({ ...gateway, key }));
  return of.get(key);
}

// cell asks one question and holds the answer, what the vendor got and the ledger to it.
async function cell(client, name, feature) {
  const row = providers[name];
  const says = except(row, client.dialect, feature);
  const from = tap.seen.length;
  const ask = await opened(client);
  const result = await ask(jobOf(feature, alias(name, feature))).catch((e) => ({ error: { status: e.status, message: e.message } }));
  const seen = tap.seen.slice(from);
  if (says?.mark === "400") {
    assert.equal(result.error?.status, 400, JSON.stringify(result));
    assert.ok(result.error.message.includes(says.member), `${result.error.message} names ${says.member}`);
    assert.equal(seen.length, 0, "nothing was sent to the vendor");
    return;
  }
  if (feature !== "error") assert.equal(result.error, undefined);
  const wire = wires[row.native?.[client.dialect] ?? row.wire];
  assert.equal(seen.length, feature === "tools" ? 2 : 1);
  const vendor = Object.fromEntries(["image", "schema", "results", "thinks"].map((k) => [k, () => wire[k](seen.at(-1).body)]));
  for (const s of seen) {
    assert.equal(s.provider, name);
    assert.match(s.path, row.path ?? wire.path);
    if (row.bearer) assert.equal(s.headers.authorization, `Bearer ${row.bearer}`);
  }
  features[feature].check(result, vendor, says ? {} : client.shows);
  const e = await gateway.lastEntry();
  assert.equal(e.provider, `provider.${row.plugin}`);
  assert.equal(e.requested_model, alias(name, feature));
  assert.equal(e.outcome, feature === "error" ? "failed" : "ok");
  const [input, output] = price(Object.keys(providers).indexOf(name));
  // Dollars per million tokens are micro-dollars a token.
  assert.equal(Math.round(Number(e.amount) * 1e6), e.usage.input * input + e.usage.output * output + (e.usage.searches ?? 0) * 1e4); // a search is a cent
  if (result.usage && feature !== "tools") assert.equal(result.usage.output, e.usage.output);
}

for (const client of clients) {
  for (const [name, row] of Object.entries(providers).filter(([, row]) => row.model)) {
    describe(`${client.title} → ${row.title}`, () => {
      for (const feature of Object.keys(features)) {
        const mark = except(row, client.dialect, feature)?.mark ?? "✓";
        const at = `${client.dialect} ${name} ${feature}`;
        if (mark === "–") found.set(at, mark);
        else
          test(feature, async () => {
            await cell(client, name, feature).catch((e) => {
              found.set(at, "fails");
              throw e;
            });
            if (found.get(at) !== "fails") found.set(at, mark);
          });
      }
    });
  }
}

// besides asks one question of an endpoint beside conversations and holds what came of it.
async function besides(client, name, endpoint) {
  const row = providers[name], e = other.endpoints[endpoint];
  const own = row.models?.[endpoint]; // else it is carried otherwise
  const from = tap.seen.length;
  const ask = await opened(client);
  e.check(await ask({ ...other.jobOf(endpoint, alias(name, endpoint), row.sound), ...(own && e.own?.ask) }), row);
  const seen = tap.seen.slice(from);
  assert.equal(seen.length > 0, Boolean(own || e.over.asks));
  for (const s of seen) {
    assert.equal(s.provider, name);
    for (const has of [...e.sent, ...((own && e.own?.sent) || [])]) assert.ok(has(s), `${s.path} ${s.text}`);
    if (e.at) assert.equal(e.at.test(s.path), Boolean(own), s.path);
    const names = (decodeURIComponent(s.path) + s.text).includes(own ?? row.model);
    assert.equal(names, !row.nameless?.includes(endpoint), `${s.path} ${s.text} names ${own ?? row.model}: ${names}`);
  }
  const entry = await gateway.lastEntry();
  assert.deepEqual([entry.endpoint, entry.requested_model, entry.outcome], [endpoint, alias(name, endpoint), "ok"]);
  if (seen.length > 0) assert.equal(entry.provider, `provider.${row.plugin}`);
}

// A cell says "–" or "✗" only as long as it is true: whoever adds an endpoint to a
// plugin, or a plugin, has to fill it.
describe("what a provider has not", () => {
  for (const [name, row] of Object.entries(providers)) {
    test(row.title, async () => {
      const ask = await opened(beside[0]);
      const from = tap.seen.length;
      for (const endpoint of beside[0].endpoints.filter((e) => !offered(row, e))) {
        for (const [as] of aliases(name)) {
          await assert.rejects(ask(other.jobOf(endpoint, as)), { status: 400, message: `400 the model "${as}" does not serve this endpoint` }, `${endpoint} of ${as}`);
        }
      }
      assert.deepEqual(tap.seen.slice(from).map((s) => s.path), []);
    });
  }
});

test("every provider of the binary has a row", async () => {
  // echo answers by itself; see echo.test.mjs.
  const rows = new Set(["echo", ...Object.values(providers).map((row) => row.plugin)]);
  assert.deepEqual([...rows].sort(), (await readdir(join(root, "plugins/providers"))).sort());
});

for (const client of beside) {
  describe(`${client.title}, other endpoints`, () => {
    for (const endpoint of client.endpoints) {
      for (const [name, row] of Object.entries(providers).filter(([, row]) => offered(row, endpoint))) {
        test(`${endpoint} → ${row.title}`, async () => {
          const at = `${endpoint} ${name}`;
          await besides(client, name, endpoint).catch((e) => {
            found.set(at, "fails");
            throw e;
          });
          if (found.get(at) !== "fails") found.set(at, "✓");
        });
      }
    }
  });
}

// failed holds the next entry behind that of an exchange to what went wrong. It follows
// the end of a stream.
async function failed(before, model, kind) {
  for (let i = 0; ; i++) {
    const e = await gateway.lastEntry();
    if (e.exchange_id === before && i < 200) await sleep(20);
    else return assert.deepEqual([e.exchange_id === before, e.requested_model, e.outcome, e.usage.output > 0], [false, model, "failed", Boolean(kind.stream)]);
  }
}

for (const client of clients) {
  describe(`${client.title}, what it raises`, () => {
    for (const [name, kind] of Object.entries(errors.kinds)) {
      for (const vendor of errors.vendors[client.dialect]) {
        test(`${kind.title}, ${vendor}`, async () => {
          const ask = await opened(client, kind.key);
          const job = { ...jobOf(kind.stream ? "stream" : "whole", vendor), question: kind.question, seen: kind.stream ? ear.url : undefined };
          const before = (await gateway.lastEntry())?.exchange_id;
          const e = await ask(job).then(assert.fail, errors.of);
          errors.check(kind, client, e);
          if (!kind.key) await failed(before, vendor, kind);
          found.set(`${client.title} ${name}`, e);
        });
      }
    }
  });
}

test("MATRIX.md says what was found", async () => {
  assert.deepEqual(Object.keys(headings), Object.keys(features));
  const text = render({ found, providers, clients, beside, endpoints: other.endpoints, unspoken });
  const file = join(root, "MATRIX.md");
  if (process.env.MATRIX === "write") await writeFile(file, text);
  assert.equal(await readFile(file, "utf8"), text, "run npm test with MATRIX=write");
});

// Every client × provider × feature, by the clients as their vendors publish them,
// and the table of it, which MATRIX.md has to have.
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import OpenAI from "openai";
import { after, before, describe, test } from "node:test";
import { root } from "./gateway.mjs";
import { clients } from "./matrix/clients.mjs";
import * as other from "./matrix/endpoints.mjs";
import { features, jobOf, script } from "./matrix/features.mjs";
import { alias, except, price, providers } from "./matrix/providers.mjs";
import { start } from "./matrix/setup.mjs";
import { headings, render } from "./matrix/table.mjs";
import { wires } from "./matrix/wires.mjs";

let all, tap, gateway;
const asks = new Map(); // client → what asks with it
const found = new Map(); // dialect, provider and feature → the mark that all of its clients came to
before(async () => {
  all = await start((mock) => (script(mock), other.script(mock)));
  ({ tap, gateway } = all);
});
after(async () => {
  for (const c of clients) await c.close?.();
  await all?.stop();
});

// opened is what asks with the client, opened when it is first wanted.
async function opened(client) {
  if (!asks.has(client)) asks.set(client, await client.open(gateway));
  return asks.get(client);
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
  assert.equal(Math.round(Number(e.amount) * 1e6), e.usage.input * input + e.usage.output * output);
  if (result.usage && feature !== "tools") assert.equal(result.usage.output, e.usage.output);
}

for (const client of clients) {
  for (const [name, row] of Object.entries(providers)) {
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

for (const [endpoint, { title, ask, sent }] of Object.entries(other.endpoints)) {
  describe(title, () => {
    for (const [name, row] of Object.entries(providers).filter(([, p]) => p.models?.[endpoint])) {
      test(row.title, async () => {
        found.set(`${endpoint} ${name}`, "fails");
        const from = tap.seen.length;
        await ask(new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.key, maxRetries: 0 }), alias(name, endpoint));
        const seen = tap.seen.slice(from);
        assert.ok(seen.length > 0);
        for (const s of seen) {
          assert.equal(s.provider, name);
          assert.ok(s.text.includes(sent), `${s.text} has ${sent}`);
          assert.ok((s.path + s.text).includes(row.models[endpoint]), `${s.path} ${s.text} names ${row.models[endpoint]}`);
        }
        const e = await gateway.lastEntry();
        assert.deepEqual([e.endpoint, e.provider, e.outcome], [endpoint, `provider.${row.plugin}`, "ok"]);
        found.set(`${endpoint} ${name}`, "✓");
      });
    }
  });
}

test("MATRIX.md says what was found", async () => {
  assert.deepEqual(Object.keys(headings), Object.keys(features));
  const text = render({ found, providers, except, clients, endpoints: other.endpoints });
  const file = join(root, "MATRIX.md");
  if (process.env.MATRIX === "write") await writeFile(file, text);
  assert.equal(await readFile(file, "utf8"), text, "run npm test with MATRIX=write");
});

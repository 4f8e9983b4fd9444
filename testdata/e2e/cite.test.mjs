// What a text was found by, told by Gemini in bytes, as OpenAI's clients read it: in characters.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import OpenAI from "openai";
import { startGateway } from "./gateway.mjs";
import { event, events, json, startVendor } from "./vendor.mjs";

let vendor, gateway, client;
before(async () => {
  vendor = await startVendor();
  gateway = await startGateway(vendor.url);
  const { secret } = await gateway.newKey({}); // without a budget, which would want a price of searches
  client = new OpenAI({ apiKey: secret, baseURL: `${gateway.url}/v1`, maxRetries: 0 });
});
after(async () => {
  await gateway?.stop();
  await vendor?.stop();
});

// A text that a sandbox does not see, since it is long, and then a sentence that is cited.
const long = "Grüße 😀 aus Köln. ".repeat(60);
const sentence = "Der Dom ist 157 m hoch – schön.";
const text = long + sentence;
const bytes = (s) => Buffer.byteLength(s);
const groundingMetadata = {
  webSearchQueries: ["dom"],
  groundingChunks: [{ web: { uri: "https://dom.example/", title: "Dom" } }],
  groundingSupports: [{ segment: { startIndex: bytes(long), endIndex: bytes(text) }, groundingChunkIndices: [0] }],
};
const usageMetadata = { promptTokenCount: 3, candidatesTokenCount: 9 };
const answer = (parts, more) => ({ candidates: [{ index: 0, content: { role: "model", parts: parts.map((text) => ({ text })) }, ...more }], usageMetadata, modelVersion: "gemini-2.5-flash" });
const whole = json(answer([text], { finishReason: "STOP", groundingMetadata }));
// Pieces of any length; where was told comes with the last.
const streamed = events(event(answer([long])), event(answer([sentence.slice(0, 9)])), event(answer([sentence.slice(9)])), event(answer([], { finishReason: "STOP", groundingMetadata })));
const ask = { model: "gemini", messages: [{ role: "user", content: "how high?" }], web_search_options: {} };

const cites = (said, { start_index, end_index, url, title }) => {
  assert.deepEqual([url, title], ["https://dom.example/", "Dom"]);
  assert.equal([...said].slice(start_index, end_index).join(""), sentence);
};

test("chat, whole", async () => {
  vendor.answer = whole;
  const { message } = (await client.chat.completions.create(ask)).choices[0];
  assert.equal(message.content, text);
  assert.equal(message.annotations.length, 1);
  cites(message.content, message.annotations[0].url_citation);
  assert.equal((await gateway.lastEntry()).usage.searches, 1);
});

test("chat, streamed", async () => {
  vendor.answer = streamed;
  let said = "", notes = [];
  for await (const { choices } of await client.chat.completions.create({ ...ask, stream: true })) {
    said += choices[0]?.delta.content ?? "";
    notes.push(...(choices[0]?.delta.annotations ?? []));
  }
  assert.equal(said, text);
  assert.equal(notes.length, 1);
  cites(said, notes[0].url_citation);
});

test("responses, whole and streamed", async () => {
  const search = { model: "gemini", input: "how high?", tools: [{ type: "web_search" }] };
  const check = ({ output }) => {
    const part = output.find((o) => o.type === "message").content[0];
    assert.equal(part.text, text);
    assert.equal(part.annotations.length, 1);
    cites(part.text, part.annotations[0]);
  };
  vendor.answer = whole;
  check(await client.responses.create(search));
  vendor.answer = streamed;
  for await (const e of await client.responses.create({ ...search, stream: true })) if (e.type === "response.completed") check(e.response);
});

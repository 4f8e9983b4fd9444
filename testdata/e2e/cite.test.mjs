// What a text was found by, told by Gemini in bytes and by Claude in blocks, as OpenAI's
// clients read it: in characters.
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
const gemini = { whole, streamed };

// Claude cites from a block of its own.
const citation = { type: "web_search_result_location", url: "https://dom.example/", title: "Dom", cited_text: "157", encrypted_index: "E" };
const spent = { input_tokens: 3, output_tokens: 9, server_tool_use: { web_search_requests: 1 } };
const message = { id: "msg_1", type: "message", role: "assistant", model: "claude-sonnet-4-5", stop_sequence: null };
const told = (type, more) => event({ type, ...more }, type);
const block = (index, deltas) =>
  told("content_block_start", { index, content_block: { type: "text", text: "" } }) +
  deltas.map((delta) => told("content_block_delta", { index, delta })).join("") +
  told("content_block_stop", { index });
const piece = (text) => ({ type: "text_delta", text });
const claude = {
  whole: json({ ...message, content: [{ type: "text", text: long }, { type: "text", text: sentence, citations: [citation] }], stop_reason: "end_turn", usage: spent }),
  streamed: events(
    told("message_start", { message: { ...message, content: [], stop_reason: null, usage: { input_tokens: 3, output_tokens: 1 } } }),
    block(0, [piece(long)]),
    block(1, [piece(sentence.slice(0, 9)), { type: "citations_delta", citation }, piece(sentence.slice(9))]),
    told("message_delta", { delta: { stop_reason: "end_turn", stop_sequence: null }, usage: spent }),
    told("message_stop", {}),
  ),
};
const ask = { messages: [{ role: "user", content: "how high?" }], web_search_options: {} };

const cites = (said, { start_index, end_index, url, title }) => {
  assert.deepEqual([url, title], ["https://dom.example/", "Dom"]);
  assert.equal([...said].slice(start_index, end_index).join(""), sentence);
};

for (const [model, answers] of Object.entries({ gemini, anthropic: claude })) {
  test(`${model}: chat, whole`, async () => {
    vendor.answer = answers.whole;
    const { message } = (await client.chat.completions.create({ ...ask, model })).choices[0];
    assert.equal(message.content, text);
    assert.equal(message.annotations.length, 1);
    cites(message.content, message.annotations[0].url_citation);
    assert.equal((await gateway.lastEntry()).usage.searches, 1);
  });

  test(`${model}: chat, streamed`, async () => {
    vendor.answer = answers.streamed;
    let said = "", notes = [];
    for await (const { choices } of await client.chat.completions.create({ ...ask, model, stream: true })) {
      said += choices[0]?.delta.content ?? "";
      notes.push(...(choices[0]?.delta.annotations ?? []));
    }
    assert.equal(said, text);
    assert.equal(notes.length, 1);
    cites(said, notes[0].url_citation);
  });
}

test("gemini: responses, whole and streamed", async () => {
  const search = { model: "gemini", input: "how high?", tools: [{ type: "web_search" }] };
  const check = ({ output }) => {
    const part = output.find((o) => o.type === "message").content[0];
    assert.equal(part.text, text);
    assert.equal(part.annotations.length, 1);
    cites(part.text, part.annotations[0]);
  };
  vendor.answer = gemini.whole;
  check(await client.responses.create(search));
  vendor.answer = gemini.streamed;
  for await (const e of await client.responses.create({ ...search, stream: true })) if (e.type === "response.completed") check(e.response);
});

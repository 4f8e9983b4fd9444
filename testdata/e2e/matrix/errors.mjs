// What a client's library raises where something goes wrong: every client, with a
// vendor that speaks its dialect and with one that the gateway translates for.
import assert from "node:assert/strict";

const said = "something of the vendor's own";
const broken = "The server had an error.";
const fails = (status, type) => [new RegExp(`fail with ${status}`), { error: { message: `${said} vendor-key-MARK`, type }, status, retryAfter: status === 429 ? 7 : undefined }];

// script tells the mock how the vendor fails.
export function script(mock) {
  mock.onMessage(...fails(400, "invalid_request_error"));
  mock.onMessage(...fails(401, "authentication_error"));
  mock.onMessage(...fails(429, "rate_limit_error"));
  mock.onMessage(...fails(500, "server_error"));
  mock.onMessage(...fails(529, "overloaded_error"));
}

// kinds are what goes wrong. status is the one that the client sees, by dialect where
// they differ; undefined within a stream, which has begun with 200. raises names the
// class that the client's library documents for it, by family.
export const kinds = {
  request: { title: "400 of the vendor", question: "fail with 400", status: 400, raises: "bad", says: said },
  key: { title: "unknown key", question: "say hello", key: "sk-unknown", status: 401, raises: "key" },
  credential: { title: "401 of the vendor", question: "fail with 401", status: 502, raises: "server" },
  rate: { title: "429 of the vendor", question: "fail with 429", status: 429, raises: "rate", retry: "7" },
  broken: { title: "500 of the vendor", question: "fail with 500", status: 502, raises: "server" },
  full: { title: "529 of the vendor", question: "fail with 529", status: 529, raises: "full", retry: "1" },
  stream: { title: "an error within a stream", question: "break off", stream: true, raises: "stream", says: broken },
};

// raises are the classes that each library documents: openai's README for Node and
// Python (LangChain passes them on), anthropic's, ai's reference of errors, openai-go's
// README. A stream that has begun has no status any more.
const openai = { bad: "BadRequestError", key: "AuthenticationError", rate: "RateLimitError", server: "InternalServerError", full: "InternalServerError", stream: "APIError" };
const all = (name, stream) => ({ ...Object.fromEntries(Object.keys(openai).map((k) => [k, name])), stream });
export const raises = {
  openai,
  // Its helper for streams hands the event on, and misses the end.
  openaiResponsesPython: { ...openai, stream: "RuntimeError" },
  anthropic: { ...openai, full: "OverloadedError" },
  anthropicPython: { ...openai, full: "OverloadedError", stream: "APIStatusError" },
  ai: all("APICallError", "StreamProviderError"),
  go: all("*openai.Error", "*ssestream.StreamError"),
  goResponses: all("*openai.Error", "response.failed"), // which the library hands on as an event
};

// vendors are one that speaks the dialect and one that does not.
export const vendors = { chat: ["openai", "anthropic"], responses: ["openai", "anthropic"], messages: ["anthropic", "openai"] };

const message = broken;
const event = (data, name) => (name ? `event: ${name}\n` : "") + `data: ${JSON.stringify(data)}\n\n`;
// begun are streams of each vendor's wire: some text, and the error with which they
// break off, in its own words.
// https://platform.openai.com/docs/api-reference/responses-streaming/error, https://docs.anthropic.com/en/api/messages-streaming#error-events
const begun = {
  openai: [event({ id: "c", object: "chat.completion.chunk", created: 1, model: "m", choices: [{ index: 0, delta: { role: "assistant", content: "So far" }, finish_reason: null }] }), event({ error: { message, type: "server_error", param: null, code: null } })],
  responses: [event({ type: "response.created", sequence_number: 0, response: { id: "resp_1", object: "response", created_at: 1, model: "m", status: "in_progress", output: [] } }, "response.created")
    + event({ type: "response.output_item.added", sequence_number: 1, output_index: 0, item: { id: "msg_1", type: "message", role: "assistant", status: "in_progress", content: [] } }, "response.output_item.added")
    + event({ type: "response.content_part.added", sequence_number: 2, item_id: "msg_1", output_index: 0, content_index: 0, part: { type: "output_text", text: "", annotations: [] } }, "response.content_part.added")
    + event({ type: "response.output_text.delta", sequence_number: 3, item_id: "msg_1", output_index: 0, content_index: 0, delta: "So far", logprobs: [] }, "response.output_text.delta"),
    event({ type: "error", sequence_number: 4, code: "server_error", message, param: null }, "error")],
  anthropic: [event({ type: "message_start", message: { id: "msg_1", type: "message", role: "assistant", model: "m", content: [], stop_reason: null, stop_sequence: null, usage: { input_tokens: 11, output_tokens: 1 } } }, "message_start")
    + event({ type: "content_block_start", index: 0, content_block: { type: "text", text: "" } }, "content_block_start")
    + event({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "So far" } }, "content_block_delta"),
    event({ type: "error", error: { type: "api_error", message } }, "error")],
};

// instead is the vendor's answer where its stream breaks off: when the client has told
// ear that it has seen the text. See tap.mjs.
export function instead({ path, text }, ear) {
  if (!text.includes("break off")) return undefined;
  const [body, end] = begun[path.endsWith("/messages") ? "anthropic" : path.endsWith("/responses") ? "responses" : "openai"];
  return { type: "text/event-stream", body, end: ear.heard().then(() => end) };
}

// of reads an error as the library raised it.
export const of = (e) => ({ class: e.class ?? e.constructor.name, status: e.status, message: e.message, retry: e.retry ?? e.headers?.get?.("retry-after") ?? e.responseHeaders?.["retry-after"] });

// check holds an error of a client to its kind.
export function check(kind, client, e) {
  assert.equal(e.class, client.raises[kind.raises], JSON.stringify(e));
  if (kind.status) assert.equal(e.status, kind.status);
  if (kind.says) assert.ok(e.message.includes(kind.says), e.message);
  if (kind.retry) assert.equal(e.retry, kind.retry);
  assert.doesNotMatch(e.message, /127\.0\.0\.1|MARK/);
}

// A vendor that does exactly what a test scripts, down to the byte and the moment.
import { createServer } from "node:http";
import { crc32 } from "node:zlib";

// startVendor serves answer(request, response), which a test sets. What it was
// asked stands in requests, newest last: { path, headers, body, json }.
export async function startVendor() {
  const vendor = { requests: [], answer: undefined };
  const server = createServer(async (req, res) => {
    const raw = [];
    for await (const d of req) raw.push(d);
    const body = Buffer.concat(raw).toString();
    const request = { path: req.url, headers: req.headers, body, json: body.startsWith("{") ? JSON.parse(body) : undefined, gone: new Promise((r) => res.once("close", r)) };
    vendor.requests.push(request);
    try {
      await vendor.answer(request, res);
    } catch (e) {
      res.destroy(e);
    }
  });
  await new Promise((r) => server.listen(0, "127.0.0.1", r));
  vendor.url = `http://127.0.0.1:${server.address().port}`;
  vendor.last = () => vendor.requests.at(-1);
  vendor.stop = () => {
    server.closeAllConnections();
    return new Promise((r) => server.close(r));
  };
  return vendor;
}

// json answers with a body.
export const json = (body, status = 200, headers = {}) => (_, res) => {
  res.writeHead(status, { "content-type": "application/json", ...headers });
  res.end(typeof body === "string" ? body : JSON.stringify(body));
};

// events answers with a stream of the given texts.
export const events = (...texts) => (_, res) => {
  stream(res);
  for (const t of texts) res.write(t);
  res.end();
};

// stream sends the head of an event stream.
export function stream(res, headers = {}) {
  res.writeHead(200, { "content-type": "text/event-stream", ...headers });
  res.flushHeaders();
}

export const event = (data, name) => (name ? `event: ${name}\n` : "") + `data: ${JSON.stringify(data)}\n\n`;

// chat is OpenAI's stream, claude is Anthropic's.
export const chat = {
  chunk: (delta, finish_reason = null, index = 0) => event({ id: "x1", object: "chat.completion.chunk", created: 1, model: "vendor-model", choices: [{ index, delta, finish_reason }] }),
  text: (content, index) => chat.chunk({ content }, null, index),
  finish: (reason = "stop", index) => chat.chunk({}, reason, index),
  usage: (prompt_tokens, completion_tokens) => event({ id: "x1", object: "chat.completion.chunk", created: 1, model: "vendor-model", choices: [], usage: { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens } }),
  done: "data: [DONE]\n\n",
  whole: (content, prompt_tokens = 3, completion_tokens = 2, message = {}) => ({
    id: "x1", object: "chat.completion", created: 1, model: "vendor-model",
    choices: [{ index: 0, message: { role: "assistant", content, ...message }, finish_reason: message.tool_calls ? "tool_calls" : "stop" }],
    usage: { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens },
  }),
};

export const claude = {
  start: (input_tokens) => event({ type: "message_start", message: { id: "msg_1", type: "message", role: "assistant", model: "claude-vendor", content: [], stop_reason: null, stop_sequence: null, usage: { input_tokens, output_tokens: 1 } } }, "message_start")
    + event({ type: "content_block_start", index: 0, content_block: { type: "text", text: "" } }, "content_block_start"),
  text: (text) => event({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text } }, "content_block_delta"),
  end: (output_tokens) => event({ type: "content_block_stop", index: 0 }, "content_block_stop")
    + event({ type: "message_delta", delta: { stop_reason: "end_turn", stop_sequence: null }, usage: { output_tokens } }, "message_delta")
    + event({ type: "message_stop" }, "message_stop"),
};

// frame is one message of AWS's binary event stream, with string headers.
// https://docs.aws.amazon.com/transcribe/latest/dg/streaming-setting-up.html
function frame(headers, payload) {
  const heads = Buffer.concat(Object.entries(headers).map(([name, value]) => {
    const b = Buffer.alloc(1 + name.length + 3);
    b[0] = name.length;
    b.write(name, 1);
    b[1 + name.length] = 7; // a string
    b.writeUInt16BE(Buffer.byteLength(value), 2 + name.length);
    return Buffer.concat([b, Buffer.from(value)]);
  }));
  const body = Buffer.from(JSON.stringify(payload));
  const out = Buffer.alloc(12 + heads.length + body.length + 4);
  out.writeUInt32BE(out.length, 0);
  out.writeUInt32BE(heads.length, 4);
  out.writeUInt32BE(crc32(out.subarray(0, 8)), 8);
  heads.copy(out, 12);
  body.copy(out, 12 + heads.length);
  out.writeUInt32BE(crc32(out.subarray(0, -4)), out.length - 4);
  return out;
}

export const bedrock = {
  head: { "content-type": "application/vnd.amazon.eventstream" },
  event: (type, payload) => frame({ ":message-type": "event", ":event-type": type, ":content-type": "application/json" }, payload),
  exception: (type, payload) => frame({ ":message-type": "exception", ":exception-type": type, ":content-type": "application/json" }, payload),
  start: () => bedrock.event("messageStart", { role: "assistant" }),
  text: (text) => bedrock.event("contentBlockDelta", { contentBlockIndex: 0, delta: { text } }),
  end: (inputTokens, outputTokens) => Buffer.concat([bedrock.event("contentBlockStop", { contentBlockIndex: 0 }), bedrock.event("messageStop", { stopReason: "end_turn" }),
    bedrock.event("metadata", { usage: { inputTokens, outputTokens, totalTokens: inputTokens + outputTokens }, metrics: { latencyMs: 1 } })]),
};

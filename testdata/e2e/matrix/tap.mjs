// Stands between the gateway and the mock and keeps what the gateway sent, as it was
// sent: the mock's own journal keeps its translation. The first part of the path is
// the provider's name and is not passed on. Where the mock speaks otherwise than the
// vendor does, mend puts it right; what it does not speak at all, the tap answers
// itself. At /token it gives what clouds give for a credential.
import http from "node:http";
import { WebSocket, WebSocketServer } from "ws";
import { answerOf } from "./unspoken.mjs";

const accessToken = "access-token-MARK";

// startTap forwards to the mock. seen holds the requests, newest last:
// { provider, path, headers, bytes, text, body } with body parsed where it is JSON. mend gives
// what is different of a request, { path, text }, and of an answer's text, by provider.
export async function startTap(mockURL, mend = {}) {
  const tap = { seen: [], instead: answerOf };
  const to = new URL(mockURL);
  const server = http.createServer(async (req, res) => {
    const raw = [];
    for await (const d of req) raw.push(d);
    const bytes = Buffer.concat(raw);
    if (req.url === "/token") return res.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ access_token: accessToken, token_type: "Bearer", expires_in: 3600 }));
    const [, provider, path] = /^\/([^/]+)(.*)$/.exec(req.url);
    const request = { provider, path, headers: req.headers, bytes, text: bytes.toString() };
    request.body = request.text.startsWith("{") ? JSON.parse(request.text) : undefined;
    tap.seen.push(request);
    const own = tap.instead(request);
    if (own) {
      res.writeHead(200, { "content-type": own.type }).write(own.body);
      return res.end(await own.end);
    }
    const mends = mend[provider] ?? {};
    const sent = { path, text: bytes, ...mends.request?.(request) };
    const headers = { ...req.headers, host: to.host, "content-length": Buffer.byteLength(sent.text) };
    const up = http.request({ host: to.hostname, port: to.port, method: req.method, path: sent.path, headers }, async (answer) => {
      res.writeHead(answer.statusCode, answer.headers);
      if (!mends.answer || /^audio\//.test(answer.headers["content-type"])) return answer.pipe(res);
      let text = "";
      for await (const d of answer.setEncoding("utf8")) text += d;
      res.end(mends.answer(text));
    });
    up.on("error", (e) => res.destroy(e));
    up.end(sent.text);
  });
  // A session is passed on message by message, and kept as the text of one request. The
  // mock has one address for OpenAI's, and one for Google's, which is Gemini's.
  const sessions = new WebSocketServer({ noServer: true });
  server.on("upgrade", (req, socket, head) => {
    const [, provider, path] = /^\/([^/]+)(.*)$/.exec(req.url);
    const query = new URL(path, mockURL).searchParams;
    const request = { provider, path, headers: req.headers, bytes: Buffer.alloc(0), text: "" };
    tap.seen.push(request);
    const address = path.includes("BidiGenerateContent") ? "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent" : `/v1/realtime?model=${encodeURIComponent(query.get("model") ?? query.get("deployment"))}`;
    const up = new WebSocket(`${mockURL.replace("http", "ws")}${address}`);
    up.once("open", () => sessions.handleUpgrade(req, socket, head, (down) => {
      down.on("message", (m) => up.send((request.text += m, m.toString())));
      up.on("message", (m) => down.send(m.toString()));
      down.on("close", () => up.close());
      up.on("close", () => down.close());
    }));
    up.once("error", () => socket.destroy());
  });
  await new Promise((r) => server.listen(0, "127.0.0.1", r));
  tap.url = `http://127.0.0.1:${server.address().port}`;
  tap.stop = () => {
    server.closeAllConnections();
    return new Promise((r) => server.close(r));
  };
  return tap;
}

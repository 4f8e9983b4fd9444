// Stands between the gateway and the mock and keeps what the gateway sent, as it was
// sent: the mock's own journal keeps its translation. The first part of the path is
// the provider's name and is not passed on.
import http from "node:http";

// startTap forwards to the mock. seen holds the requests, newest last:
// { provider, path, headers, body } with body parsed where it is JSON.
export async function startTap(mockURL, adapt = {}) {
  const tap = { seen: [] };
  const to = new URL(mockURL);
  const server = http.createServer(async (req, res) => {
    const raw = [];
    for await (const d of req) raw.push(d);
    let bytes = Buffer.concat(raw);
    const [, provider, path] = /^\/([^/]+)(.*)$/.exec(req.url);
    const request = { provider, path, headers: req.headers, text: bytes.toString() };
    request.body = request.text.startsWith("{") ? JSON.parse(request.text) : undefined;
    tap.seen.push(request);
    const sent = adapt[provider]?.(request) ?? { path, bytes };
    const headers = { ...req.headers, host: to.host, "content-length": Buffer.byteLength(sent.bytes) };
    const up = http.request({ host: to.hostname, port: to.port, method: req.method, path: sent.path, headers }, (answer) => {
      res.writeHead(answer.statusCode, answer.headers);
      answer.pipe(res);
    });
    up.on("error", (e) => res.destroy(e));
    up.end(sent.bytes);
  });
  await new Promise((r) => server.listen(0, "127.0.0.1", r));
  tap.url = `http://127.0.0.1:${server.address().port}`;
  tap.stop = () => {
    server.closeAllConnections();
    return new Promise((r) => server.close(r));
  };
  return tap;
}

// What clients tell while a stream is under way: that its first text has come.
import http from "node:http";

// startEar listens at url. heard is kept with the next call.
export async function startEar() {
  let told = () => {};
  const server = http.createServer((_, res) => (told(), res.end())).listen(0, "127.0.0.1");
  await new Promise((r) => server.once("listening", r));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    heard: () => new Promise((r) => (told = r)),
    stop: () => (server.closeAllConnections(), new Promise((r) => server.close(r))),
  };
}

// tell calls the address of a job at the first piece of a stream, where it has one.
export const tell = async (job, piece) => void (piece === 1 && job.seen && (await fetch(job.seen)));

// Clients that are programs of other languages: a job is a line of JSON on their
// standard input, what came of it is a line on their standard output.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

// program returns open and close of a client that is the command, which runs once for
// each open.
export function program(command, ...args) {
  const running = [];
  return {
    async open({ url, key }) {
      let stderr = "";
      const child = spawn(command, args, { env: { PATH: process.env.PATH, HOME: process.env.HOME, GATEWAY_URL: url, GATEWAY_KEY: key } });
      running.push(child);
      child.stderr.on("data", (d) => (stderr += d));
      child.stdin.on("error", () => {}); // that it has gone is told by its output
      await new Promise((started, failed) => child.once("spawn", started).once("error", failed));
      const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
      return async (job) => {
        child.stdin.write(JSON.stringify(job) + "\n");
        const { value, done } = await lines.next();
        if (done) throw new Error(`${command} ended: ${stderr}`);
        const result = JSON.parse(value);
        if (result.error) throw Object.assign(new Error(result.error.message), result.error);
        return result;
      };
    },
    close: () => running.forEach((child) => child.stdin.end()),
  };
}

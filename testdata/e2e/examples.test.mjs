// The example programs of sdk-examples/clients, each with the libraries that it says.
import { LLMock } from "@copilotkit/aimock";
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readdirSync } from "node:fs";
import { cp, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { root, startGateway } from "./gateway.mjs";
import { python } from "./matrix/clients/python.mjs";

const run = promisify(execFile);
const examples = join(root, "sdk-examples/clients");
const programs = {
  python: (file) => [python, ["-B", file]],
  node: (file) => [process.execPath, [file]],
  go: () => ["go", ["run", "."]],
};

let mock, gateway, dir;
before(async () => {
  mock = new LLMock({ port: 0, chunkSize: 7, logLevel: "silent" });
  mock.onMessage("Say hello.", { content: "Hello, hello, hello!" });
  mock.on({ userMessage: /weather in Paris/, hasToolResult: false }, { toolCalls: [{ name: "weather", arguments: '{"city":"Paris"}' }] });
  mock.on({ toolResultContains: "sunny in Paris" }, { content: "It is sunny." });
  await mock.start();
  gateway = await startGateway(mock.url);
  // The Node programs look for their libraries beside themselves, as they would where somebody has installed them.
  dir = await mkdtemp(join(tmpdir(), "tokligence-examples-"));
  await cp(examples, dir, { recursive: true });
  await symlink(join(import.meta.dirname, "node_modules"), join(dir, "node/node_modules"));
});
after(async () => {
  await gateway?.stop();
  await mock?.stop();
  if (dir) await rm(dir, { recursive: true, force: true });
});

// Most of their time is that of a start.
describe("examples", { concurrency: 2 }, () => {
  for (const language of readdirSync(examples).filter((f) => f in programs)) {
    const files = language === "go" ? ["main.go"] : readdirSync(join(examples, language)).filter((f) => /\.(mjs|py)$/.test(f));
    for (const file of files) {
      for (const model of ["openai", "anthropic"]) {
        test(`${language}/${file} with ${model}`, async () => {
          const [command, args] = programs[language](file);
          const env = { ...process.env, OPENAI_BASE_URL: `${gateway.url}/v1`, OPENAI_API_KEY: gateway.key, ANTHROPIC_BASE_URL: gateway.url, ANTHROPIC_API_KEY: gateway.key };
          const { stdout } = await run(command, [...args, model], { cwd: join(dir, language), env });
          assert.equal(stdout, "Hello, hello, hello!\nIt is sunny.\n");
        });
      }
    }
  }
});

test("every language is run", () => {
  assert.deepEqual(readdirSync(examples).filter((f) => f !== "README.md").sort(), Object.keys(programs).sort());
});

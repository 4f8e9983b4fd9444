// Coding agents, headless, on a task that takes a tool: the mock has the model call
// it, the agent does it and reports, and the model has the last word.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { providers } from "./matrix/providers.mjs";
import { start } from "./matrix/setup.mjs";

const task = "Write the word BERLIN into the file city.txt";
const word = "The file city.txt is written.";
const bin = join(import.meta.dirname, "agents/node_modules/.bin");

let all, mock, gateway, dir;
before(async () => {
  all = await start();
  ({ mock, gateway } = all);
});
after(() => all?.stop());

// scripted has the model call tool(dir) for the task, and speak when it sees the result.
// An agent asks for more than its task, titles say: that gets a word too.
function scripted(tool) {
  mock.clearFixtures();
  const asked = (r) => r.messages.some((m) => m.role === "user" && JSON.stringify(m.content).includes(task));
  const done = (r) => r.messages.some((m) => m.role === "tool");
  mock.on({ predicate: (r) => asked(r) && !done(r) && r.tools?.some((t) => t.function.name === tool.name) }, { toolCalls: [tool] });
  mock.on({ predicate: (r) => done(r) }, { content: word });
  mock.on({ predicate: () => true }, { content: "A city" });
}

// agent runs the program in a folder and a home of its own, and gives what it wrote.
function agent(program, args, env) {
  return new Promise((done, failed) => {
    const child = spawn(join(bin, program), args, { cwd: join(dir, "work"), env: { PATH: process.env.PATH, HOME: join(dir, "home"), ...env }, stdio: ["ignore", "pipe", "pipe"], timeout: 120_000 });
    let stdout = "", stderr = "";
    child.stdout.on("data", (d) => (stdout += d));
    child.stderr.on("data", (d) => (stderr += d));
    child.once("error", failed);
    child.once("close", (code, signal) => done({ code, signal, stdout, stderr }));
  });
}

// settled holds the entries since then to the alias: at least the call and the last word, none of them failed.
async function settled(name, endpoint, since) {
  const entries = (await gateway.entries()).slice(0, -since || undefined);
  const of = entries.filter((e) => e.endpoint === endpoint);
  assert.ok(of.length >= 2, `${of.length} entries of ${endpoint}`);
  for (const e of of) {
    assert.equal(e.provider, `provider.${providers[name].plugin}`);
    assert.equal(e.outcome, "ok");
  }
}

async function inFolder(run) {
  dir = await mkdtemp(join(tmpdir(), "tokligence-agent-"));
  await mkdir(join(dir, "work"));
  await mkdir(join(dir, "home"));
  try {
    await run();
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

describe("Claude Code", () => {
  for (const name of ["anthropic", "openai", "gemini", "bedrock"]) {
    test(`finishes a task with ${providers[name].title}`, () => inFolder(async () => {
      const file = join(dir, "work/city.txt");
      scripted({ name: "Write", arguments: JSON.stringify({ file_path: file, content: "BERLIN\n" }) });
      const since = (await gateway.entries()).length;
      const r = await agent("claude", ["-p", task, "--output-format", "json", "--model", name, "--permission-mode", "acceptEdits"], {
        ANTHROPIC_BASE_URL: gateway.url, ANTHROPIC_AUTH_TOKEN: gateway.key, ANTHROPIC_DEFAULT_HAIKU_MODEL: name,
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1", DISABLE_AUTOUPDATER: "1", DISABLE_TELEMETRY: "1", DISABLE_ERROR_REPORTING: "1",
      });
      assert.equal(r.code, 0, `${r.signal} ${r.stdout} ${r.stderr}`);
      const said = JSON.parse(r.stdout);
      assert.equal(said.is_error, false, r.stdout);
      assert.equal(said.result, word);
      assert.equal(await readFile(file, "utf8"), "BERLIN\n");
      await settled(name, "messages", since);
    }));
  }
});

describe("Codex", () => {
  for (const name of ["openai", "anthropic"]) {
    test(`finishes a task with ${providers[name].title}`, () => inFolder(async () => {
      const file = join(dir, "work/city.txt");
      scripted({ name: "exec_command", arguments: JSON.stringify({ cmd: `echo BERLIN > ${file}` }) });
      const since = (await gateway.entries()).length;
      await writeFile(join(dir, "home/config.toml"), `
model = "${name}"
model_provider = "gateway"
check_for_update_on_startup = false
[model_providers.gateway]
name = "gateway"
base_url = "${gateway.url}/v1"
env_key = "GATEWAY_KEY"
wire_api = "responses"
request_max_retries = 0
stream_max_retries = 0
[analytics]
enabled = false
`);
      const last = join(dir, "home/last.txt");
      const r = await agent("codex", ["exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", "-o", last, task], { CODEX_HOME: join(dir, "home"), GATEWAY_KEY: gateway.key });
      assert.equal(r.code, 0, `${r.signal} ${r.stdout} ${r.stderr}`);
      assert.equal((await readFile(last, "utf8")).trim(), word);
      assert.equal(await readFile(file, "utf8"), "BERLIN\n");
      await settled(name, "responses", since);
    }));
  }
});

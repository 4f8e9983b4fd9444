// openai-go, in a program of its own module.
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { compiled } from "../../gateway.mjs";
import { program } from "./process.mjs";

const source = join(import.meta.dirname, "golang");
const binary = join(compiled, "openai-go-client");
const running = program(binary);

export const client = {
  title: "openai-go", dialect: "chat", shows: { reasoning: true },
  packages: [/github\.com\/openai\/openai-go\/v\d+ v\S+/.exec(readFileSync(join(source, "go.mod"), "utf8"))[0].replace(/ v/, " ")],
  async open(gateway) {
    await promisify(execFile)("go", ["build", "-o", binary, "."], { cwd: source });
    return running.open(gateway);
  },
  close: running.close,
};

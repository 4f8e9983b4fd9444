// openai-go, in a program of its own module.
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { compiled } from "../../gateway.mjs";
import { raises } from "../errors.mjs";
import { program } from "./process.mjs";

const source = join(import.meta.dirname, "golang");
const binary = join(compiled, "openai-go-client");
const packages = [/github\.com\/openai\/openai-go\/v\d+ v\S+/.exec(readFileSync(join(source, "go.mod"), "utf8"))[0].replace(/ v/, " ")];

// prepare builds the program, once; that takes longer than all it is asked.
let built;
const prepare = () => (built ??= promisify(execFile)("go", ["build", "-o", binary, "."], { cwd: source }));

function opens(...args) {
  const running = program(binary, ...args);
  return { prepare, open: async (gateway) => (await prepare(), running.open(gateway)), close: running.close };
}

export const clients = [
  { title: "openai-go", dialect: "chat", shows: { reasoning: true }, raises: raises.go, packages, ...opens() },
  { title: "openai-go, responses", dialect: "responses", shows: { reasoning: true }, raises: raises.goResponses, packages, ...opens("responses") },
];
export const other = { title: "openai-go", packages, endpoints: ["completions", "embeddings", "moderations", "images", "image_edits", "image_variations", "speech", "transcriptions", "translations"], ...opens() };

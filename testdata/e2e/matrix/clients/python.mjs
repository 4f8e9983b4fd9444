// The vendors' packages for Python, in the environment that make test sets up of requirements.txt.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { program } from "./process.mjs";

const e2e = join(import.meta.dirname, "../..");
export const python = join(e2e, ".venv/bin/python");
const pinned = (name) => [readFileSync(join(e2e, "requirements.txt"), "utf8").split("\n").find((l) => l.startsWith(`${name}==`)).replace("==", " ")];
const script = (file) => program(python, "-B", join(import.meta.dirname, file));

export const clients = [
  { title: "openai (Python)", dialect: "chat", packages: pinned("openai"), shows: { reasoning: true }, ...script("openai_chat.py") },
  { title: "openai (Python), responses", dialect: "responses", packages: pinned("openai"), shows: { reasoning: true }, ...script("openai_responses.py") },
  { title: "anthropic (Python)", dialect: "messages", packages: pinned("anthropic"), shows: { reasoning: true }, ...script("anthropic_messages.py") },
];

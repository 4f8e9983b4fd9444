// The vendors' packages for Python, in the environment that make test sets up of requirements.txt.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { raises } from "../errors.mjs";
import { program } from "./process.mjs";

const e2e = join(import.meta.dirname, "../..");
export const python = join(e2e, ".venv/bin/python");
const pinned = (name) => [readFileSync(join(e2e, "requirements.txt"), "utf8").split("\n").find((l) => l.startsWith(`${name}==`)).replace("==", " ")];
const script = (file, ...args) => program(python, "-B", join(import.meta.dirname, file), ...args);

export const clients = [
  { title: "openai (Python)", dialect: "chat", packages: pinned("openai"), shows: { reasoning: true }, raises: raises.openai, ...script("openai_chat.py") },
  { title: "openai (Python), responses", dialect: "responses", packages: pinned("openai"), shows: { reasoning: true }, raises: raises.openaiResponsesPython, ...script("openai_responses.py") },
  { title: "anthropic (Python)", dialect: "messages", packages: pinned("anthropic"), shows: { reasoning: true }, raises: raises.anthropicPython, ...script("anthropic_messages.py") },
];

const azure = ["completions", "embeddings", "images", "image_edits", "speech", "transcriptions", "translations", "realtime"];
export const others = [
  { title: "openai (Python)", packages: pinned("openai"), endpoints: [...azure, "rerank", "moderations", "image_variations"], ...script("openai_other.py", "openai") },
  { title: "AzureOpenAI of openai (Python)", packages: pinned("openai"), endpoints: azure, ...script("openai_other.py", "azure") },
  { title: "anthropic (Python)", packages: pinned("anthropic"), endpoints: ["count_tokens"], ...script("anthropic_other.py") },
];

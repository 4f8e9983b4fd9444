// MATRIX.md, made of what the tests found.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { kinds } from "./errors.mjs";
import { endpoints } from "./endpoints.mjs";
import { except, offered } from "./providers.mjs";

const intro = `# What works with what

Every cell below is a request that a test makes: an unmodified client library, through the gateway, to a mock of the vendor
([aimock](https://github.com/CopilotKit/aimock)). The test reads the client's result, what the vendor got and the ledger's entry.
\`npm test\` in \`testdata/e2e\` runs all of it; with \`MATRIX=write\` it writes this file, else it fails where the two differ.

✓ works. 400: refused with an error that names the member. –: the vendor, or the dialect, has no words for it.
✗: the vendor has it, and the gateway does not carry it. Numbers are notes, which name the document that says so.
`;

export const dialects = {
  chat: "OpenAI chat completions, `/v1/chat/completions`",
  responses: "OpenAI Responses, `/v1/responses`",
  messages: "Anthropic Messages, `/v1/messages`",
};

// wireOf is the wire that a dialect is; see wires.mjs.
const wireOf = { chat: "openai", responses: "responses", messages: "anthropic" };

export const headings = { whole: "whole", stream: "stream", tools: "tools", image: "image", structured: "structured output", reasoning: "reasoning", error: "vendor's error" };

// render makes the document. found is, by dialect, row and feature, or by endpoint and
// row, the mark that the tests came to; clients and beside are those that ran.
export function render({ found, providers, clients, beside, endpoints, unspoken }) {
  const notes = [];
  const note = (mark, why) => (why ? `${mark} (${(notes.includes(why) ? notes : (notes.push(why), notes)).indexOf(why) + 1})` : mark);
  const features = Object.keys(headings);
  const rows = Object.entries(providers);
  const cell = (dialect, [name, row], feature) => note(found.get(`${dialect} ${name} ${feature}`) ?? "not run", except(row, dialect, feature)?.why);
  let text = intro;
  for (const [dialect, title] of Object.entries(dialects)) {
    const own = rows.filter(([, row]) => (row.native?.[dialect] ?? row.wire) === wireOf[dialect]).map(([, row]) => row.title);
    text += `\n## ${title}\n\nAsked with ${clients.filter((c) => c.dialect === dialect).map((c) => c.title).join("; ")}. It is the own API of ${own.join("; ")}; for the others the gateway translates.\n\n`;
    text += table(["provider", ...Object.values(headings)], rows.filter(([, row]) => row.model).map((r) => [r[1].title, ...features.map((f) => cell(dialect, r, f))]));
  }
  text += `\n## Errors\n\nWhat each client raises, with the status that it sees, the same with a vendor that speaks its dialect and with one that does not. Where the vendor
refuses the gateway's own key, that is no fault of the client's; \`Retry-After\` arrives; the vendor's words do, but for what looks like a secret.\n\n`;
  text += table(["client", ...Object.values(kinds).map((k) => k.title)], clients.map((c) => [c.title, ...Object.keys(kinds).map((k) => raised(found.get(`${c.title} ${k}`)))]));
  text += `\n## Other endpoints\n\nThe plugin's name is that of \`source = "builtin:…"\`.\n\n`;
  text += table(["provider", "plugin", ...Object.values(endpoints).map((e) => e.title)], rows.map(([name, row]) => [row.title, row.plugin, ...Object.keys(endpoints).map((e) => note(...other(found, name, row, e)))]));
  text += `\n` + table(["endpoint", "in keys and the ledger", "path", "asked with"], Object.entries(endpoints).map(([name, e]) => [e.title, `\`${name}\``, `\`${e.path}\``, beside.filter((c) => c.endpoints.includes(name)).map((c) => c.title).join(", ")]));
  text += `\nRealtime sessions, \`/v1/realtime\`, are held in [a test of their own](testdata/e2e/realtime.test.mjs): by openai (Node), AzureOpenAI and openai (Python),
with the mock as OpenAI and as Gemini, and with servers that transcribe as vLLM, Together and ElevenLabs do.\n`;
  text += `\nNotes:\n\n${notes.map((n, i) => `${i + 1}. ${n}`).join("\n")}\n`;
  text += `\n## Where the mock is not the vendor\n\naimock speaks OpenAI's chat completions, Responses, realtime, embeddings, moderations, images and audio, Anthropic's Messages, Gemini and Vertex AI,
Bedrock's Converse, Azure, Cohere's chat, embed and rerank, Ollama, OpenRouter and ElevenLabs' speech. [mends.mjs](testdata/e2e/matrix/mends.mjs) tells where its words
are not the vendor's, and puts them right. What it does not speak at all, the test answers in the vendor's shape:\n\n${unspoken.map((u) => `- [${u.title}](${u.source})\n`).join("")}`;
  const packages = new Map([...beside, ...clients].map((c) => [c.title, c.packages.join(", ")]));
  return text + `\n## Clients\n\n` + table(["client", "packages"], [...packages]);
}

// raised is the class and status of an error.
const raised = (e) => (e ? `\`${e.class}\`${e.status >= 400 ? ` ${e.status}` : ""}` : "not run");

// other is the mark of a row for an endpoint, and why.
function other(found, name, row, endpoint) {
  const says = except(row, "", endpoint);
  if (!offered(row, endpoint)) return [says?.mark ?? "–", says?.why ?? row.has];
  return [found.get(`${endpoint} ${name}`) ?? "not run", says?.why ?? (row.models?.[endpoint] ? undefined : endpoints[endpoint].over.why)];
}

export function table(head, rows) {
  const line = (cells) => `| ${cells.join(" | ")} |\n`;
  return line(head) + `|${head.map((_, i) => (i === 0 ? "---" : ":-:")).join("|")}|\n` + rows.map(line).join("");
}

// installed names a package with the version that is installed.
export const installed = (...names) => names.map((n) => `${n} ${JSON.parse(readFileSync(join(import.meta.dirname, "../node_modules", n, "package.json"))).version}`);

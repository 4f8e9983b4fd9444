// MATRIX.md, made of what the tests found.
import { readFileSync } from "node:fs";
import { join } from "node:path";

const intro = `# What works with what

Every cell below is a request that a test makes: an unmodified client library, through the gateway, to a mock of the vendor
([aimock](https://github.com/CopilotKit/aimock)). The test reads the client's result, what the vendor got and the ledger's entry.
\`npm test\` in \`testdata/e2e\` runs all of it; with \`MATRIX=write\` it writes this file, else it fails where the two differ.

✓ works. 400: refused with an error that names the member. –: one of the two sides has no words for it. Numbers are notes.
`;

export const dialects = {
  chat: "OpenAI chat completions, `/v1/chat/completions`",
  responses: "OpenAI Responses, `/v1/responses`",
  messages: "Anthropic Messages, `/v1/messages`",
};

export const headings = { whole: "whole", stream: "stream", tools: "tools", image: "image", structured: "structured output", reasoning: "reasoning", error: "vendor's error" };

// render makes the document. found is, by dialect, row and feature, the mark that
// the tests came to: "✓", or what except says; clients are those that ran.
export function render({ found, providers, except, clients, endpoints }) {
  const notes = [];
  const note = (why) => (notes.includes(why) ? notes : (notes.push(why), notes)).indexOf(why) + 1;
  const cell = (dialect, name, feature) => {
    const says = except(providers[name], dialect, feature);
    const mark = found.get(`${dialect} ${name} ${feature}`) ?? "not run";
    return says?.why ? `${mark} (${note(says.why)})` : mark;
  };
  const features = Object.keys(headings);
  let text = intro;
  for (const [dialect, title] of Object.entries(dialects)) {
    text += `\n## ${title}\n\nAsked with ${clients.filter((c) => c.dialect === dialect).map((c) => c.title).join(", ")}.\n\n`;
    text += table(["provider", ...Object.values(headings)], Object.entries(providers).map(([name, p]) => [p.title, ...features.map((f) => cell(dialect, name, f))]));
  }
  text += `\n## Other endpoints\n\nAsked with openai (Node). –: the vendor has none, its plugin does not speak to it, or no test asks here.\n\n`;
  const titles = Object.values(endpoints).map((e) => `${e.title} \`${e.path}\``);
  text += table(["provider", ...titles], Object.entries(providers).map(([name, p]) => [p.title, ...Object.keys(endpoints).map((e) => (p.models?.[e] ? found.get(`${e} ${name}`) ?? "not run" : "–"))]));
  if (notes.length > 0) text += `\nNotes:\n\n${notes.map((n, i) => `${i + 1}. ${n}`).join("\n")}\n`;
  return text + `\n## Clients\n\n` + table(["client", "packages"], clients.map((c) => [c.title, c.packages.join(", ")]));
}

export function table(head, rows) {
  const line = (cells) => `| ${cells.join(" | ")} |\n`;
  return line(head) + `|${head.map((_, i) => (i === 0 ? "---" : ":-:")).join("|")}|\n` + rows.map(line).join("");
}

// installed names a package with the version that is installed.
export const installed = (...names) => names.map((n) => `${n} ${JSON.parse(readFileSync(join(import.meta.dirname, "../node_modules", n, "package.json"))).version}`);

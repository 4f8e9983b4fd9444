// The clients of the matrix. Each has title, dialect (what it speaks), packages, shows
// (what of an answer its library lets one see) and open(gateway), which returns what does a job:
// (job) → { text, reasoning, usage: { input, output }, pieces, calls, value }; it throws
// what the library throws, with the HTTP status as status. prepare, where there is
// one, does beforehand what takes long; close ends what open began.
import { dialects } from "./table.mjs";
import { clients as ai } from "./clients/ai.mjs";
import { client as anthropic } from "./clients/anthropic.mjs";
import { clients as go, other as goOther } from "./clients/go.mjs";
import { clients as langchain } from "./clients/langchain.mjs";
import { client as openai } from "./clients/openai.mjs";
import { clients as node } from "./clients/other.mjs";
import { others, clients as python } from "./clients/python.mjs";
import { client as responses } from "./clients/responses.mjs";

const all = [openai, responses, anthropic, ...python, ...ai, ...langchain, ...go];
export const clients = Object.keys(dialects).flatMap((dialect) => all.filter((c) => c.dialect === dialect));

// The clients of the endpoints beside conversations; see clients/other.mjs.
export const beside = [...node, ...others, goOther];

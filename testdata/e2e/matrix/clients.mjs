// The clients of the matrix. Each has title, dialect (what it speaks), packages, shows
// (what of an answer its library lets one see) and open(gateway), which returns what does a job:
// (job) → { text, reasoning, usage: { input, output }, pieces, calls, value }; it throws
// what the library throws, with the HTTP status as status.
import { dialects } from "./table.mjs";
import { clients as ai } from "./clients/ai.mjs";
import { client as anthropic } from "./clients/anthropic.mjs";
import { client as go } from "./clients/go.mjs";
import { client as langchain } from "./clients/langchain.mjs";
import { client as openai } from "./clients/openai.mjs";
import { clients as python } from "./clients/python.mjs";
import { client as responses } from "./clients/responses.mjs";

const all = [openai, responses, anthropic, ...python, go, ...ai, langchain];
export const clients = Object.keys(dialects).flatMap((dialect) => all.filter((c) => c.dialect === dialect));

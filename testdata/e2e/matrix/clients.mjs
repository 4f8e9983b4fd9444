// The clients of the matrix. Each has title, dialect (what it speaks), shows (what of
// an answer its library lets one see) and open(gateway), which returns what does a job:
// (job) → { text, reasoning, usage: { input, output }, pieces, calls, value }; it throws
// what the library throws, with the HTTP status as status.
import { clients as ai } from "./clients/ai.mjs";
import { client as anthropic } from "./clients/anthropic.mjs";
import { client as langchain } from "./clients/langchain.mjs";
import { client as openai } from "./clients/openai.mjs";

export const clients = [openai, ...ai.filter((c) => c.dialect === "chat"), langchain, anthropic, ...ai.filter((c) => c.dialect === "messages")];

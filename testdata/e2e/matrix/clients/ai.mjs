// Vercel's ai package with its providers.
import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, jsonSchema, Output, stepCountIs, streamText, tool } from "ai";
import { tell } from "../ear.mjs";
import { raises } from "../errors.mjs";
import { installed } from "../table.mjs";

globalThis.AI_SDK_LOG_WARNINGS = false;

export const clients = [
  // OpenAI's own chat completions have no reasoning text, so this one shows none.
  {
    title: "ai with @ai-sdk/openai", dialect: "chat", packages: installed("ai", "@ai-sdk/openai"), shows: {}, raises: raises.ai,
    open: ({ url, key }) => asks(createOpenAI({ baseURL: `${url}/v1`, apiKey: key }).chat, { openai: { reasoningEffort: "high", forceReasoning: true } }),
  },
  {
    title: "ai with @ai-sdk/openai, responses", dialect: "responses", packages: installed("ai", "@ai-sdk/openai"), shows: { reasoning: true }, raises: raises.ai,
    open: ({ url, key }) => asks(createOpenAI({ baseURL: `${url}/v1`, apiKey: key }).responses, { openai: { reasoningEffort: "high", reasoningSummary: "auto", forceReasoning: true } }),
  },
  {
    title: "ai with @ai-sdk/openai-compatible", dialect: "chat", packages: installed("ai", "@ai-sdk/openai-compatible"), shows: { reasoning: true }, raises: raises.ai,
    open: ({ url, key }) => asks(createOpenAICompatible({ name: "gateway", baseURL: `${url}/v1`, apiKey: key, includeUsage: true, supportsStructuredOutputs: true }), { gateway: { reasoningEffort: "high" } }),
  },
  {
    title: "ai with @ai-sdk/anthropic", dialect: "messages", packages: installed("ai", "@ai-sdk/anthropic"), shows: { reasoning: true }, raises: raises.ai,
    open: ({ url, key }) => asks(createAnthropic({ baseURL: `${url}/v1`, apiKey: key }), { anthropic: { thinking: { type: "enabled", budgetTokens: 2048 } } }, { anthropic: { structuredOutputMode: "outputFormat" } }),
  },
];

function asks(provider, thinking, structured) {
  return async (job) => {
    const base = { model: provider(job.model), prompt: job.question, maxOutputTokens: 4000, maxRetries: 0 };
    try {
      switch (job.feature) {
        case "stream":
          return await streamed(job, base);
        case "tools": {
          const calls = [];
          const execute = ({ city }) => (calls.push({ name: job.tool.name, arguments: { city } }), job.results[city]);
          const tools = { [job.tool.name]: tool({ description: job.tool.description, inputSchema: jsonSchema(job.tool.schema), execute }) };
          return { ...whole(await generateText({ ...base, tools, stopWhen: stepCountIs(2) })), calls };
        }
        case "image": {
          const content = [{ type: "text", text: job.question }, { type: "file", mediaType: "image/png", data: job.image }];
          return whole(await generateText({ ...base, prompt: [{ role: "user", content }] }));
        }
        case "structured":
          return { value: (await generateText({ ...base, providerOptions: structured, output: Output.object({ schema: jsonSchema(job.schema), name: "city" }) })).output };
        case "reasoning":
          return await streamed(job, { ...base, providerOptions: thinking });
        default:
          return whole(await generateText(base));
      }
    } catch (e) {
      throw Object.assign(e, { status: e.statusCode });
    }
  };
}

const usage = (u) => ({ input: u.inputTokens, output: u.outputTokens });
const whole = (r) => ({ text: r.text, reasoning: r.reasoningText, usage: usage(r.usage) });

async function streamed(job, ask) {
  let pieces = 0, failed;
  const r = streamText({ ...ask, onError: ({ error }) => (failed ??= error) });
  for await (const _ of r.textStream) await tell(job, ++pieces);
  if (failed) throw failed;
  return { text: await r.text, reasoning: await r.reasoningText, usage: usage(await r.usage), pieces };
}

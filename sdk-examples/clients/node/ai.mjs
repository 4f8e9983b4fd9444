// A streamed answer and a tool call, with Vercel's AI SDK: node ai.mjs MODEL
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, jsonSchema, stepCountIs, streamText, tool } from "ai";

const gateway = createOpenAICompatible({ name: "tokligence", baseURL: process.env.OPENAI_BASE_URL, apiKey: process.env.OPENAI_API_KEY });
const model = gateway(process.argv[2]);

for await (const text of streamText({ model, prompt: "Say hello." }).textStream) process.stdout.write(text);
console.log();

const weather = tool({
  inputSchema: jsonSchema({ type: "object", properties: { city: { type: "string" } }, required: ["city"] }),
  execute: async ({ city }) => `sunny in ${city}`,
});
const { text } = await generateText({ model, prompt: "What is the weather in Paris?", tools: { weather }, stopWhen: stepCountIs(3) });
console.log(text);

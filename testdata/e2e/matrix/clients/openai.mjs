// The openai package for Node, chat completions.
import OpenAI from "openai";
import { tell } from "../ear.mjs";
import { raises } from "../errors.mjs";
import { installed } from "../table.mjs";

export const client = { title: "openai (Node)", dialect: "chat", packages: installed("openai"), shows: { reasoning: true }, raises: raises.openai, open };

function open({ url, key }) {
  const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
  return async (job) => {
    const user = { role: "user", content: job.question };
    const base = { model: job.model, messages: [user], max_completion_tokens: 4000 };
    switch (job.feature) {
      case "stream":
        return streamed(job, await openai.chat.completions.create({ ...base, stream: true, stream_options: { include_usage: true } }));
      case "tools": {
        const tools = [{ type: "function", function: { name: job.tool.name, description: job.tool.description, parameters: job.tool.schema } }];
        const first = await openai.chat.completions.stream({ ...base, tools }).finalChatCompletion();
        const said = first.choices[0].message;
        const calls = said.tool_calls.map((c) => ({ id: c.id, name: c.function.name, arguments: JSON.parse(c.function.arguments) }));
        const results = calls.map((c) => ({ role: "tool", tool_call_id: c.id, content: job.results[c.arguments.city] }));
        const then = await openai.chat.completions.create({ ...base, tools, messages: [user, said, ...results] });
        return { ...whole(then), calls: calls.map(({ name, arguments: args }) => ({ name, arguments: args })) };
      }
      case "image":
        return whole(await openai.chat.completions.create({ ...base, messages: [{ role: "user", content: [{ type: "text", text: job.question }, { type: "image_url", image_url: { url: `data:image/png;base64,${job.image}` } }] }] }));
      case "structured": {
        const r = await openai.chat.completions.parse({ ...base, response_format: { type: "json_schema", json_schema: { name: "city", strict: true, schema: job.schema } } });
        return { value: JSON.parse(r.choices[0].message.content) };
      }
      case "reasoning":
        return streamed(job, await openai.chat.completions.create({ ...base, reasoning_effort: "high", stream: true, stream_options: { include_usage: true } }));
      default:
        return whole(await openai.chat.completions.create(base));
    }
  };
}

const usage = (u) => u && { input: u.prompt_tokens, output: u.completion_tokens };

function whole(r) {
  const { content, reasoning_content } = r.choices[0].message;
  return { text: content, reasoning: reasoning_content, usage: usage(r.usage) };
}

async function streamed(job, stream) {
  const r = { text: "", reasoning: "", pieces: 0 };
  for await (const c of stream) {
    const delta = c.choices[0]?.delta;
    if (delta?.content) (r.text += delta.content), await tell(job, ++r.pieces);
    r.reasoning += delta?.reasoning_content ?? "";
    if (c.usage) r.usage = usage(c.usage);
  }
  return r;
}

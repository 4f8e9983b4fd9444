// The openai package for Node, Responses.
import OpenAI from "openai";
import { tell } from "../ear.mjs";
import { raises } from "../errors.mjs";
import { installed } from "../table.mjs";

export const client = { title: "openai (Node), responses", dialect: "responses", packages: installed("openai"), shows: { reasoning: true }, raises: raises.openai, open };

function open({ url, key }) {
  const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
  return async (job) => {
    const base = { model: job.model, input: job.question, max_output_tokens: 4000 };
    switch (job.feature) {
      case "stream":
        return streamed(openai, job, base);
      case "tools": {
        const tools = [{ type: "function", name: job.tool.name, description: job.tool.description, parameters: job.tool.schema, strict: false }];
        const said = await openai.responses.stream({ ...base, tools }).finalResponse();
        const calls = said.output.filter((i) => i.type === "function_call").map((c) => ({ id: c.call_id, name: c.name, arguments: JSON.parse(c.arguments) }));
        const results = calls.map((c) => ({ type: "function_call_output", call_id: c.id, output: job.results[c.arguments.city] }));
        const then = await openai.responses.create({ ...base, tools, input: [{ role: "user", content: job.question }, ...said.output, ...results] });
        return { ...whole(then), calls: calls.map(({ name, arguments: args }) => ({ name, arguments: args })) };
      }
      case "image": {
        const content = [{ type: "input_text", text: job.question }, { type: "input_image", image_url: `data:image/png;base64,${job.image}`, detail: "auto" }];
        return whole(await openai.responses.create({ ...base, input: [{ role: "user", content }] }));
      }
      case "structured": {
        const format = { type: "json_schema", name: "city", strict: true, schema: job.schema };
        return { value: JSON.parse(whole(await openai.responses.create({ ...base, text: { format } })).text) };
      }
      case "reasoning":
        return streamed(openai, job, { ...base, reasoning: { effort: "high", summary: "auto" } });
      default:
        return whole(await openai.responses.create(base));
    }
  };
}

const thought = (item) => [...(item.summary ?? []), ...(item.content ?? [])].map((p) => p.text).join("");

const whole = (r) => ({
  text: r.output_text, reasoning: r.output.filter((i) => i.type === "reasoning").map(thought).join(""),
  usage: r.usage && { input: r.usage.input_tokens, output: r.usage.output_tokens },
});

async function streamed(openai, job, base) {
  let pieces = 0;
  const stream = openai.responses.stream(base);
  stream.on("response.output_text.delta", () => tell(job, ++pieces));
  return { ...whole(await stream.finalResponse()), pieces };
}

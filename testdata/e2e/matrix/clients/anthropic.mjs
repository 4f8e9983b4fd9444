// The @anthropic-ai/sdk package for Node.
import Anthropic from "@anthropic-ai/sdk";
import { tell } from "../ear.mjs";
import { raises } from "../errors.mjs";
import { installed } from "../table.mjs";

export const client = { title: "@anthropic-ai/sdk (Node)", dialect: "messages", packages: installed("@anthropic-ai/sdk"), shows: { reasoning: true }, raises: raises.anthropic, open };

function open({ url, key }) {
  const anthropic = new Anthropic({ baseURL: url, apiKey: key, maxRetries: 0 });
  return async (job) => {
    const user = { role: "user", content: job.question };
    const base = { model: job.model, max_tokens: 4000, messages: [user] };
    switch (job.feature) {
      case "stream":
        return streamed(job, anthropic.messages.stream(base));
      case "tools": {
        const tools = [{ name: job.tool.name, description: job.tool.description, input_schema: job.tool.schema }];
        const said = await anthropic.messages.stream({ ...base, tools }).finalMessage();
        const uses = said.content.filter((b) => b.type === "tool_use");
        const results = uses.map((u) => ({ type: "tool_result", tool_use_id: u.id, content: job.results[u.input.city] }));
        const then = await anthropic.messages.create({ ...base, tools, messages: [user, { role: "assistant", content: said.content }, { role: "user", content: results }] });
        return { ...whole(then), calls: uses.map((u) => ({ name: u.name, arguments: u.input })) };
      }
      case "image":
        return whole(await anthropic.messages.create({ ...base, messages: [{ role: "user", content: [{ type: "image", source: { type: "base64", media_type: "image/png", data: job.image } }, { type: "text", text: job.question }] }] }));
      case "structured":
        return { value: JSON.parse(whole(await anthropic.messages.create({ ...base, output_config: { format: { type: "json_schema", schema: job.schema } } })).text) };
      case "reasoning":
        return streamed(job, anthropic.messages.stream({ ...base, thinking: { type: "enabled", budget_tokens: 2048 } }));
      default:
        return whole(await anthropic.messages.create(base));
    }
  };
}

function whole(m) {
  const of = (type, member) => m.content.filter((b) => b.type === type).map((b) => b[member]).join("");
  return { text: of("text", "text"), reasoning: of("thinking", "thinking"), usage: { input: m.usage.input_tokens, output: m.usage.output_tokens } };
}

async function streamed(job, stream) {
  let pieces = 0;
  stream.on("text", () => tell(job, ++pieces));
  return { ...whole(await stream.finalMessage()), pieces };
}

// LangChain's @langchain/openai, chat completions and Responses.
import { ChatOpenAI } from "@langchain/openai";
import { tell } from "../ear.mjs";
import { raises } from "../errors.mjs";
import { installed } from "../table.mjs";

const common = { packages: installed("@langchain/openai", "@langchain/core"), shows: { reasoning: true }, raises: raises.openai };
export const clients = [
  { title: "@langchain/openai", dialect: "chat", ...common, open: (gateway) => open(gateway, false) },
  { title: "@langchain/openai, responses", dialect: "responses", ...common, open: (gateway) => open(gateway, true) },
];

function open({ url, key }, useResponsesApi) {
  return async (job) => {
    // It has a setting for the effort of models whose names it knows; for others there are modelKwargs.
    const modelKwargs = job.feature !== "reasoning" ? {} : useResponsesApi ? { reasoning: { effort: "high", summary: "auto" } } : { reasoning_effort: "high" };
    const model = new ChatOpenAI({ model: job.model, apiKey: key, maxTokens: 4000, maxRetries: 0, streamUsage: true, useResponsesApi, modelKwargs, configuration: { baseURL: `${url}/v1` } });
    const user = { role: "user", content: job.question };
    switch (job.feature) {
      case "stream":
      case "reasoning":
        return streamed(model, job, user);
      case "tools": {
        const bound = model.bindTools([{ type: "function", function: { name: job.tool.name, description: job.tool.description, parameters: job.tool.schema } }]);
        const said = await bound.invoke([user]);
        const results = said.tool_calls.map((c) => ({ role: "tool", tool_call_id: c.id, content: job.results[c.args.city] }));
        return { ...whole(await bound.invoke([user, said, ...results])), calls: said.tool_calls.map((c) => ({ name: c.name, arguments: c.args })) };
      }
      case "image":
        return whole(await model.invoke([{ role: "user", content: [{ type: "text", text: job.question }, { type: "image_url", image_url: { url: `data:image/png;base64,${job.image}` } }] }]));
      case "structured":
        return { value: await model.withStructuredOutput({ title: "city", ...job.schema }, { method: "jsonSchema", strict: true }).invoke([user]) };
      default:
        return whole(await model.invoke([user]));
    }
  };
}

const whole = (m) => ({
  text: m.text, reasoning: m.additional_kwargs.reasoning_content ?? m.additional_kwargs.reasoning?.summary?.map((s) => s.text).join(""),
  usage: m.usage_metadata && { input: m.usage_metadata.input_tokens, output: m.usage_metadata.output_tokens },
});

async function streamed(model, job, user) {
  let pieces = 0, all;
  for await (const chunk of await model.stream([user])) {
    if (chunk.text) await tell(job, ++pieces);
    all = all ? all.concat(chunk) : chunk;
  }
  return { ...whole(all), pieces };
}

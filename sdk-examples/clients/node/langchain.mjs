// A streamed answer and a tool call, with LangChain: node langchain.mjs MODEL
import { ChatOpenAI } from "@langchain/openai";

const model = new ChatOpenAI({ model: process.argv[2], configuration: { baseURL: process.env.OPENAI_BASE_URL } }); // and OPENAI_API_KEY

for await (const chunk of await model.stream("Say hello.")) process.stdout.write(chunk.text);
console.log();

const weather = { name: "weather", parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] } };
const withTools = model.bindTools([{ type: "function", function: weather }]);
const messages = [{ role: "user", content: "What is the weather in Paris?" }];
for (;;) {
  const said = await withTools.invoke(messages);
  if (!said.tool_calls.length) {
    console.log(said.text);
    break;
  }
  messages.push(said, ...said.tool_calls.map((c) => ({ role: "tool", tool_call_id: c.id, content: `sunny in ${c.args.city}` })));
}

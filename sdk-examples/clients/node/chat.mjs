// A streamed answer and a tool call, with OpenAI's library: node chat.mjs MODEL
import OpenAI from "openai";

const client = new OpenAI(); // OPENAI_BASE_URL and OPENAI_API_KEY
const model = process.argv[2];

for await (const chunk of await client.chat.completions.create({ model, stream: true, messages: [{ role: "user", content: "Say hello." }] })) {
  process.stdout.write(chunk.choices[0]?.delta.content ?? "");
}
console.log();

const weather = { name: "weather", parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] } };
const messages = [{ role: "user", content: "What is the weather in Paris?" }];
for (;;) {
  const answer = await client.chat.completions.create({ model, messages, tools: [{ type: "function", function: weather }] });
  const said = answer.choices[0].message;
  if (!said.tool_calls) {
    console.log(said.content);
    break;
  }
  messages.push(said);
  for (const call of said.tool_calls) {
    const { city } = JSON.parse(call.function.arguments);
    messages.push({ role: "tool", tool_call_id: call.id, content: `sunny in ${city}` });
  }
}

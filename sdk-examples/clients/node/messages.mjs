// A streamed answer and a tool call, with Anthropic's library: node messages.mjs MODEL
import Anthropic from "@anthropic-ai/sdk";

const client = new Anthropic(); // ANTHROPIC_BASE_URL and ANTHROPIC_API_KEY
const model = process.argv[2];

const stream = client.messages.stream({ model, max_tokens: 500, messages: [{ role: "user", content: "Say hello." }] });
stream.on("text", (text) => process.stdout.write(text));
await stream.finalMessage();
console.log();

const weather = { name: "weather", input_schema: { type: "object", properties: { city: { type: "string" } }, required: ["city"] } };
const messages = [{ role: "user", content: "What is the weather in Paris?" }];
for (;;) {
  const answer = await client.messages.create({ model, max_tokens: 500, messages, tools: [weather] });
  if (answer.stop_reason !== "tool_use") {
    console.log(answer.content[0].text);
    break;
  }
  const uses = answer.content.filter((block) => block.type === "tool_use");
  const results = uses.map((u) => ({ type: "tool_result", tool_use_id: u.id, content: `sunny in ${u.input.city}` }));
  messages.push({ role: "assistant", content: answer.content }, { role: "user", content: results });
}

// Where each vendor's own request keeps what the matrix asks for: so that a cell is
// only green when the vendor got it in the vendor's words.
// Each function takes the vendor's body. image gives the base64, schema the JSON
// Schema, results the texts of tool results in order, thinks whatever turns thinking on.
const parts = (turns, key) => turns.flatMap((t) => (Array.isArray(t[key]) ? t[key] : []));
const text = (content) => (typeof content === "string" ? content : content.map((p) => p.text ?? "").join(""));
const dataOf = (url) => url?.split("base64,")[1];
const toolTexts = (messages) => messages.filter((m) => m.role === "tool").map((m) => text(m.content));

export const wires = {
  // https://platform.openai.com/docs/api-reference/chat/create
  openai: {
    path: /\/chat\/completions$/,
    image: (b) => dataOf(parts(b.messages, "content").find((p) => p.type === "image_url")?.image_url.url),
    schema: (b) => b.response_format?.json_schema?.schema,
    results: (b) => toolTexts(b.messages),
    thinks: (b) => b.reasoning_effort,
  },
  // https://platform.openai.com/docs/api-reference/responses/create
  responses: {
    path: /\/responses$/,
    image: (b) => dataOf(parts(b.input, "content").find((p) => p.type === "input_image")?.image_url),
    schema: (b) => b.text?.format?.schema,
    results: (b) => b.input.filter((i) => i.type === "function_call_output").map((i) => text(i.output)),
    thinks: (b) => b.reasoning?.effort,
  },
  // https://docs.perplexity.ai/api-reference/agent-post
  agent: {
    path: /^\/v1\/(agent|responses)$/,
    image: (b) => dataOf(parts(b.input, "content").find((p) => p.type === "input_image")?.image_url),
    schema: (b) => b.response_format?.json_schema?.schema,
    results: (b) => b.input.filter((i) => i.type === "function_call_output").map((i) => text(i.output)),
    thinks: (b) => b.reasoning?.effort,
  },
  // https://docs.anthropic.com/en/api/messages
  anthropic: {
    path: /\/v1\/messages$/,
    image: (b) => parts(b.messages, "content").find((p) => p.type === "image")?.source.data,
    schema: (b) => b.output_config?.format?.schema,
    results: (b) => parts(b.messages, "content").filter((p) => p.type === "tool_result").map((p) => text(p.content)),
    thinks: (b) => b.thinking?.budget_tokens ?? b.output_config?.effort,
  },
  // https://ai.google.dev/api/generate-content
  gemini: {
    path: /:(generateContent|streamGenerateContent\?alt=sse)$/,
    image: (b) => parts(b.contents, "parts").find((p) => p.inlineData)?.inlineData.data,
    schema: (b) => b.generationConfig?.responseJsonSchema ?? b.generationConfig?.responseSchema,
    results: (b) => parts(b.contents, "parts").filter((p) => p.functionResponse).map((p) => JSON.stringify(p.functionResponse.response)),
    thinks: (b) => b.generationConfig?.thinkingConfig?.includeThoughts,
  },
  // https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
  converse: {
    path: /^\/model\/[^/]+\/converse(-stream)?$/,
    image: (b) => parts(b.messages, "content").find((p) => p.image)?.image.source.bytes,
    schema: (b) => JSON.parse(b.outputConfig?.textFormat?.structure?.jsonSchema?.schema ?? "null"),
    results: (b) => parts(b.messages, "content").filter((p) => p.toolResult).map((p) => text(p.toolResult.content)),
    thinks: (b) => b.additionalModelRequestFields?.thinking,
  },
  // https://docs.cohere.com/reference/chat
  cohere: {
    path: /^\/v2\/chat$/,
    image: (b) => dataOf(parts(b.messages, "content").find((p) => p.type === "image_url")?.image_url.url),
    schema: (b) => b.response_format?.json_schema,
    results: (b) => toolTexts(b.messages),
    thinks: (b) => b.thinking?.type === "enabled",
  },
  // https://docs.ollama.com/api/chat
  ollama: {
    path: /^\/api\/chat$/,
    image: (b) => b.messages.find((m) => m.images)?.images[0],
    schema: (b) => b.format,
    results: (b) => toolTexts(b.messages),
    thinks: (b) => b.think,
  },
};

// Where the mock's answers are not the vendor's: by provider, for the tap.

// The first piece of a stream names the role; the mock begins with a thought that does not.
const begun = (text) => text.replace('"delta":{"reasoning', '"delta":{"role":"assistant","reasoning');

const reasoned = (text) => begun(text).replaceAll('"reasoning_content":', '"reasoning":');

// Ollama's member is thinking, and its counts are never 0 at the end. https://docs.ollama.com/api/chat
const thinking = (text) => text.replaceAll('"reasoning_content":', '"thinking":').replaceAll('"prompt_eval_count":0', '"prompt_eval_count":11').replaceAll('"eval_count":0', '"eval_count":7');

// Mistral's content is a list where it thinks. https://docs.mistral.ai/capabilities/reasoning
const thinks = (text) => `[{"type":"thinking","thinking":[{"type":"text","text":${text}}]}]`;
const blocks = (text) => {
  if (text.startsWith("data:")) return begun(text).replaceAll(/"reasoning_content":("(?:[^"\\]|\\.)*")/g, (_, thought) => `"content":${thinks(thought)}`);
  const answer = JSON.parse(text);
  for (const { message } of answer.choices ?? []) {
    if (message.reasoning_content) message.content = [...JSON.parse(thinks(JSON.stringify(message.reasoning_content))), { type: "text", text: message.content }];
    delete message.reasoning_content;
  }
  return JSON.stringify(answer);
};

// Perplexity's agent speaks as OpenAI's Responses do but for a few words: events have no names, calls come
// whole, and there are no thoughts. https://docs.perplexity.ai/api-reference/agent-post
const told = ["created", "in_progress", "completed", "failed", "incomplete", "output_item.added", "output_item.done", "output_text.delta", "output_text.done"].map((kind) => `response.${kind}`);
const thoughtless = (response) => ({ ...response, output: response.output?.filter((item) => item.type !== "reasoning") });
const agent = (text) => {
  if (!text.startsWith("event:")) return text.startsWith('{"id"') ? JSON.stringify(thoughtless(JSON.parse(text))) : text;
  const events = text.split("\n").filter((line) => line.startsWith("data:")).map((line) => JSON.parse(line.slice(5)));
  const whole = events.filter((e) => e.type === "response.output_item.done").map((e) => e.item);
  return events
    .filter((e) => told.includes(e.type) && e.item?.type !== "reasoning")
    .map((e, sequence_number) => ({ ...e, sequence_number, ...(e.response && { response: thoughtless(e.response) }), ...(e.item?.type === "function_call" && { item: whole.find((item) => item.id === e.item.id) }) }))
    .map((e) => `data: ${JSON.stringify(e)}\n\n`)
    .join("");
};

// These count in every stream, asked or not; the mock, when asked.
const counting = ({ body }) => (body?.stream ? { text: JSON.stringify({ ...body, stream_options: { include_usage: true } }) } : {});

export const mends = {
  // The mock knows Claude by Anthropic's own path, with the model in the body, and of Vertex AI's
  // embeddings nothing. https://cloud.google.com/vertex-ai/generative-ai/docs/partner-models/claude/use-claude
  "vertex-claude": {
    request: ({ path, body: { anthropic_version, ...body } }) => ({ path: "/v1/messages", text: JSON.stringify({ ...body, model: /models\/([^:]+):/.exec(path)[1] }) }),
  },
  // Mistral's own path on Vertex AI, and that of open models.
  "vertex-mistral": { request: (r) => ({ path: "/v1/chat/completions", ...counting(r) }), answer: blocks },
  "vertex-open": { request: () => ({ path: "/v1/chat/completions" }), answer: begun },
  // https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api
  vertex: {
    request: ({ path, body }) => (path.endsWith(":predict") ? { path: "/v1/embeddings", text: JSON.stringify({ model: "text-embedding-005", input: body.instances.map((i) => i.content) }) } : {}),
    answer: (text) => (text.startsWith('{"object":"list"') ? JSON.stringify({ predictions: JSON.parse(text).data.map((d) => ({ embeddings: { values: d.embedding, statistics: { token_count: 11 } } })) }) : text),
  },
  // The mock answers /api/embed as the older /api/embeddings.
  ollama: {
    answer: (text) => (text.includes('"embedding":') ? JSON.stringify({ embeddings: [JSON.parse(text).embedding], prompt_eval_count: 11 }) : thinking(text)),
  },
  // The mock knows only chat and embeddings at a deployment's path.
  "azure-deployments": {
    request: ({ path }) => ({ path: path.replace(/^\/openai\/deployments\/[^/]+\/(images|audio)/, "/v1/$1") }),
  },
  // Cohere's thoughts are blocks of type "thinking"; the mock writes them as a text before the text.
  // https://docs.cohere.com/docs/reasoning
  cohere: {
    answer: (text) => (text.includes('"index":1') ? text.replaceAll(/("index":0,"delta":\{"message":\{"content":\{)"type":"text",?("text")?/g, (_, head, words) => head + (words ? '"thinking"' : '"type":"thinking"')) : text),
  },
  // The gateway asks for a batch of embeddings, of which the mock knows the single one only.
  // https://ai.google.dev/api/embeddings#method:-models.batchembedcontents
  gemini: {
    request: ({ path, body }) => (path.endsWith(":batchEmbedContents") ? { path: path.replace("batchEmbedContents", "embedContent"), text: JSON.stringify(body.requests[0]) } : {}),
    answer: (text) => (text.startsWith('{"embedding":') ? JSON.stringify({ embeddings: [JSON.parse(text).embedding] }) : text),
  },
  // The mock has the path of whole sound alone. https://elevenlabs.io/docs/api-reference/text-to-speech/stream
  elevenlabs: { request: ({ path }) => ({ path: path.replace(/\/stream(\?.*)?$/, "") }) },
  // The member of these is reasoning. https://console.groq.com/docs/reasoning https://docs.together.ai/docs/reasoning-overview
  groq: { answer: reasoned },
  cerebras: { answer: reasoned },
  huggingface: { answer: reasoned },
  together: { answer: reasoned },
  perplexity: { request: ({ path }) => ({ path: path.replace("/v1/agent", "/v1/responses") }), answer: agent },
  mistral: { request: counting, answer: blocks },
  // Jina's word for the coding is embedding_type. https://api.jina.ai/openapi.json
  jina: { request: ({ path, body }) => (body?.embedding_type ? { path, text: JSON.stringify({ ...body, encoding_format: body.embedding_type }) } : {}) },
  deepseek: { answer: begun },
  xai: { answer: begun },
  fireworks: { answer: begun },
  openrouter: { answer: begun },
  vllm: { answer: begun },
  llamacpp: { answer: begun },
  lmstudio: { answer: begun },
  local: { answer: begun },
};

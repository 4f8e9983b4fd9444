// Where the mock's answers are not the vendor's: by provider, for the tap.

// The first piece of a stream names the role; the mock begins with a thought that does not.
const begun = (text) => text.replace('"delta":{"reasoning_content":', '"delta":{"role":"assistant","reasoning_content":');

export const mends = {
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
  // Groq's member is reasoning. https://console.groq.com/docs/reasoning
  groq: { answer: (text) => begun(text).replaceAll('"reasoning_content":', '"reasoning":') },
  local: { answer: begun },
};

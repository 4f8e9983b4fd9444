// Where the mock's answers are not the vendor's: by provider, for the tap.
export const mends = {
  // Cohere's thoughts are blocks of type "thinking"; the mock writes them as a text before the text.
  // https://docs.cohere.com/docs/reasoning
  cohere: {
    answer: (text) => (text.includes('"index":1') ? text.replaceAll(/("index":0,"delta":\{"message":\{"content":\{)"type":"text",?("text")?/g, (_, head, words) => head + (words ? '"thinking"' : '"type":"thinking"')) : text),
  },
};

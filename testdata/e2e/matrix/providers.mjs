// The providers of the matrix: one row each. To add one, add a row; what it cannot do
// stands in except, with why. Everything else has to work.

const apiKey = 'api_key = "env:E2E_KEY"';
const serviceAccount = 'service_account = "env:E2E_GOOGLE"';
const place = 'project = "p"\nlocation = "europe-west1"';

// refused says that the gateway answers 400 and names the member; none says that
// the two sides have no words for it; but says that it works, and what is to be known.
// why is printed below the table.
const refused = (member, why) => ({ mark: "400", member, why });
const none = (why) => ({ mark: "–", why });
const but = (why) => ({ mark: "✓", why });
const silent = but("the effort is passed on; OpenAI's chat completions do not return what the model thought");

// A row:
//   title       how people call it
//   plugin      of provider.<plugin>; base is its base_url below the mock's address
//   models      by feature, where the vendor has another model for it; by endpoint (see
//               endpoints.mjs), where it has that at all
//   wire        what the vendor speaks (see wires.mjs)
//   native      by dialect, the wire of a vendor that has it itself
//   path        where it is not the wire's
//   bearer      the token that the vendor has to see, where core fetches one
//   credential, options   TOML, beside what every deployment here has
//   except      by feature, or by "dialect feature": refused(…), none(…) or but(…)
export const providers = {
  openai: {
    title: "OpenAI", plugin: "openai", wire: "openai", model: "gpt-5-mini", base: "/v1", credential: apiKey,
    models: { embeddings: "text-embedding-3-small", images: "gpt-image-1", image_edits: "gpt-image-1", speech: "gpt-4o-mini-tts", transcriptions: "gpt-4o-transcribe", translations: "whisper-1", moderations: "omni-moderation-latest" },
    // The mock is not at the vendor's address, at which no option would be needed.
    options: "responses = true", native: { responses: "responses" },
    except: { "chat reasoning": silent, "messages reasoning": silent },
  },
  azure: {
    title: "Azure OpenAI", plugin: "azure", wire: "openai", model: "gpt-5-mini", base: "/openai/v1", credential: apiKey, native: { responses: "responses" },
    models: { embeddings: "text-embedding-3-small", images: "gpt-image-1", image_edits: "gpt-image-1", speech: "gpt-4o-mini-tts", transcriptions: "gpt-4o-transcribe", translations: "whisper" },
    except: { "chat reasoning": silent, "messages reasoning": silent },
  },
  "azure-deployments": {
    title: "Azure OpenAI, by `api-version`", plugin: "azure-deployments", wire: "openai", model: "my-gpt", base: "", credential: apiKey,
    path: /^\/openai\/deployments\/my-gpt\/chat\/completions\?api-version=2024-10-21$/,
    models: { embeddings: "my-embeddings", images: "my-images", image_edits: "my-images", speech: "my-speech", transcriptions: "my-transcripts", translations: "my-whisper" },
    except: { reasoning: silent },
  },
  anthropic: { title: "Anthropic", plugin: "anthropic", wire: "anthropic", model: "claude-sonnet-4-5", base: "", credential: apiKey },
  gemini: { title: "Google Gemini", plugin: "gemini", wire: "gemini", model: "gemini-2.5-flash", base: "/v1beta", credential: apiKey, models: { embeddings: "gemini-embedding-001" } },
  bedrock: {
    title: "Amazon Bedrock", plugin: "bedrock", wire: "converse", model: "anthropic.claude-sonnet-4-5-20250929-v1:0", base: "",
    credential: 'access_key_id = "env:E2E_KEY"\nsecret_access_key = "env:E2E_KEY"', options: 'region = "us-east-1"',
  },
  cohere: {
    title: "Cohere", plugin: "cohere", wire: "cohere", model: "command-a-03-2025", base: "", credential: apiKey,
    models: { image: "command-a-vision-07-2025", reasoning: "command-a-reasoning-08-2025", embeddings: "embed-v4.0", rerank: "rerank-v4.0-pro" },
  },
  vertex: {
    title: "Vertex AI: Gemini", plugin: "vertex", wire: "gemini", model: "gemini-2.5-flash", base: "/v1", credential: serviceAccount, options: place,
    bearer: "access-token-MARK", models: { embeddings: "text-embedding-005" },
  },
  "vertex-claude": {
    title: "Vertex AI: Claude", plugin: "vertex", wire: "anthropic", path: /:(rawPredict|streamRawPredict)$/, model: "claude-sonnet-4-5@20250929", base: "/v1",
    credential: serviceAccount, options: place, bearer: "access-token-MARK",
  },
  ollama: { title: "Ollama", plugin: "ollama", wire: "ollama", model: "gpt-oss:20b", base: "", credential: "", models: { embeddings: "embeddinggemma" } },
  groq: {
    title: "Groq", plugin: "groq", wire: "openai", model: "openai/gpt-oss-120b", base: "/openai/v1", credential: apiKey,
    models: { image: "meta-llama/llama-4-scout-17b-16e-instruct", transcriptions: "whisper-large-v3-turbo", translations: "whisper-large-v3" },
  },
  deepseek: {
    title: "DeepSeek", plugin: "deepseek", wire: "openai", model: "deepseek-chat", base: "", credential: apiKey, models: { reasoning: "deepseek-reasoner" },
    except: { image: none("DeepSeek's API takes text only"), structured: none("DeepSeek's API has json_object and no json_schema") },
  },
  mistral: {
    title: "Mistral", plugin: "mistral", wire: "openai", model: "mistral-medium-latest", base: "/v1", credential: apiKey,
    models: { reasoning: "magistral-medium-latest", embeddings: "mistral-embed", moderations: "mistral-moderation-latest", transcriptions: "voxtral-mini-latest" },
  },
  xai: { title: "xAI", plugin: "xai", wire: "openai", model: "grok-4", base: "/v1", credential: apiKey, native: { responses: "responses" } },
  together: { title: "Together", plugin: "together", wire: "openai", model: "Qwen/Qwen3.5-397B-A17B", base: "/v1", credential: apiKey },
  fireworks: { title: "Fireworks", plugin: "fireworks", wire: "openai", model: "accounts/fireworks/models/qwen3-vl-235b-a22b-thinking", base: "/inference/v1", credential: apiKey },
  openrouter: { title: "OpenRouter", plugin: "openrouter", wire: "openai", model: "openai/gpt-5-mini", base: "/api/v1", credential: apiKey },
  huggingface: { title: "Hugging Face", plugin: "huggingface", wire: "openai", model: "openai/gpt-oss-120b", base: "/v1", credential: apiKey },
  perplexity: {
    title: "Perplexity", plugin: "perplexity", wire: "openai", model: "sonar-pro", base: "", credential: apiKey, models: { reasoning: "sonar-reasoning-pro" },
    except: { tools: refused("tools", "Perplexity's chat completions take no tools") },
  },
  local: { title: "vLLM, llama.cpp, LM Studio and other OpenAI-compatible servers", plugin: "openai-compatible", wire: "openai", model: "qwen3-32b", base: "/v1", credential: "", models: { embeddings: "bge-m3" } },
};

// alias is the model's name at the gateway for a feature.
export const alias = (name, feature) => (providers[name].models?.[feature] ? `${name}-${feature}` : name);

// except is what a row says of a feature asked in a dialect; undefined means that it works.
export const except = (row, dialect, feature) => row.except?.[`${dialect} ${feature}`] ?? row.except?.[feature];

// toml is the configuration of all rows, with the vendors at url. Prices differ by
// row, so that an entry priced as another provider's shows.
export function toml(url) {
  const rows = Object.entries(providers);
  const models = ([name, p]) => [[name, p.model], ...Object.entries(p.models ?? {}).map(([feature, model]) => [`${name}-${feature}`, model])];
  const plugins = [...new Set(rows.map(([, p]) => p.plugin))].map((id) => `[[plugin]]\nid = "provider.${id}"\nsource = "builtin:${id}"\n`);
  // The clouds' token service is here as well.
  return `[security]\nallow_private_hosts = ["127.0.0.1"]\n\n` + plugins.join("\n") + rows.map(([name, p], i) => `${p.credential && `
[[credential]]
name = "${name}"
provider = "provider.${p.plugin}"
${p.credential}
`}${models([name, p]).map(([as, model]) => `
[[deployment]]
name = "${as}"
provider = "provider.${p.plugin}"
model = "${model}"
${p.credential && `credential = "${name}"`}
base_url = "${url}/${name}${p.base}"
allow_private = true
price = { input = "${price(i)[0]}.00", output = "${price(i)[1]}.00" }
${p.options ? `[deployment.options]\n${p.options}` : ""}

[[model]]
name = "${as}"
deployments = ["${as}"]
`).join("")}`).join("");
}

// price is that of row number i, in dollars a million tokens.
export const price = (i) => [2 * i + 1, 2 * i + 2];

// The providers of the matrix: one row each. To add one, add a row; what it cannot do
// stands in except, with why and the document that says so. Everything else has to work.

import { endpoints } from "./endpoints.mjs";

const apiKey = 'api_key = "env:E2E_KEY"';
const serviceAccount = 'service_account = "env:E2E_GOOGLE"';
const place = 'project = "p"\nlocation = "europe-west1"';

// refused says that the gateway answers 400 and names the member; none says that
// the vendor, or the dialect, has no words for it; missing says that the vendor has it
// and the gateway does not carry it; but says that it works, and what is to be known.
// why is printed below the table, with the document that says so.
const refused = (member, why) => ({ mark: "400", member, why });
const none = (why) => ({ mark: "–", why });
const missing = (why) => ({ mark: "✗", why });
const but = (why) => ({ mark: "✓", why });
const live = but("over Google's [Live API](https://ai.google.dev/gemini-api/docs/live-api), by models that have it");
const silent = but("the effort is passed on; OpenAI's chat completions do not return what the model thought");

const openaiHas = "OpenAI's [API reference](https://platform.openai.com/docs/api-reference) has no rerank";
const retired = none("OpenAI has [retired](https://developers.openai.com/api/reference/resources/images) them");
const openaiModels = {
  embeddings: "text-embedding-3-small", images: "gpt-image-1", image_edits: "gpt-image-1", speech: "gpt-4o-mini-tts", transcriptions: "gpt-4o-transcribe",
  translations: "whisper-1", moderations: "omni-moderation-latest", realtime: "gpt-realtime-2",
};
const azureHas = "Azure's [inference API](https://learn.microsoft.com/azure/ai-foundry/openai/reference) is OpenAI's completions, chat, responses, embeddings, images and audio";
// What Google's models draw, say and hear. OpenAI's voices stand for its own; its sound is WAV.
const google = (more) => ({ image_edits: "gemini-2.5-flash-image", speech: "gemini-2.5-flash-preview-tts", transcriptions: "gemini-2.5-flash", translations: "gemini-2.5-flash", count_tokens: "gemini-2.5-flash", ...more });
const kore = '[deployment.options.voices]\nalloy = "Kore"';

// A row:
//   title       how people call it
//   plugin      of provider.<plugin>; base is its base_url below the mock's address
//   model       the one that converses; none where the vendor has no such models
//   models      by feature, where the vendor has another model for it; by endpoint (see
//               endpoints.mjs), where it has that at all
//   has         what the vendor's own documents list of the endpoints: why the others are "–"
//   wire        what the vendor speaks (see wires.mjs)
//   sound       the format of its speech, where that is not MP3
//   nameless    endpoints to which the vendor is told no model
//   vector      what it embeds, where that is no vector of fractions
//   native      by dialect, the wire of a vendor that has it itself
//   path        where it is not the wire's
//   bearer      the token that the vendor has to see, where core fetches one
//   credential, options   TOML, beside what every deployment here has
//   except      by feature, by "dialect feature" or by endpoint: refused(…), none(…), missing(…) or but(…)
export const providers = {
  openai: {
    title: "OpenAI", plugin: "openai", wire: "openai", model: "gpt-5-mini", base: "/v1", credential: apiKey,
    models: { completions: "gpt-3.5-turbo-instruct", ...openaiModels },
    has: openaiHas,
    // The mock is not at the vendor's address, at which no option would be needed.
    options: "responses = true\nrealtime = true", native: { responses: "responses" },
    except: {
      "chat reasoning": silent, "messages reasoning": silent,
      image_variations: retired,
    },
  },
  "openai-pro": {
    title: "OpenAI: models that have responses alone", plugin: "openai", wire: "responses", model: "gpt-5-pro", base: "/v1", credential: apiKey,
    models: openaiModels, has: openaiHas,
    options: 'responses = true\nchat_over = "responses"\nrealtime = true', native: { responses: "responses" }, // as above
    except: { image_variations: retired },
  },
  azure: {
    title: "Azure OpenAI", plugin: "azure", wire: "openai", model: "gpt-5-mini", base: "/openai/v1", credential: apiKey, native: { responses: "responses" },
    models: {
      completions: "gpt-35-turbo-instruct", embeddings: "text-embedding-3-small", images: "gpt-image-1", image_edits: "gpt-image-1", speech: "gpt-4o-mini-tts",
      transcriptions: "gpt-4o-transcribe", translations: "whisper", realtime: "gpt-realtime-2",
    },
    has: azureHas,
    except: { "chat reasoning": silent, "messages reasoning": silent },
  },
  "azure-deployments": {
    title: "Azure OpenAI, by `api-version`", plugin: "azure-deployments", wire: "openai", model: "my-gpt", base: "", credential: apiKey,
    path: /^\/openai\/deployments\/my-gpt\/chat\/completions\?api-version=2024-10-21$/,
    models: { completions: "my-instruct", embeddings: "my-embeddings", images: "my-images", image_edits: "my-images", speech: "my-speech", transcriptions: "my-transcripts", translations: "my-whisper", realtime: "my-voice" },
    has: azureHas,
    except: { reasoning: silent },
  },
  anthropic: {
    title: "Anthropic", plugin: "anthropic", wire: "anthropic", model: "claude-sonnet-4-5", base: "", credential: apiKey, models: { count_tokens: "claude-sonnet-4-5" },
    has: "Anthropic's [API](https://docs.anthropic.com/en/api) is messages, token counts, batches, files and models",
  },
  gemini: {
    title: "Google Gemini", plugin: "gemini", wire: "gemini", model: "gemini-2.5-flash", base: "/v1beta", credential: apiKey, models: google({ embeddings: "gemini-embedding-001", images: "imagen-3.0-generate-001", realtime: "gemini-3.8-live" }),
    options: kore, sound: "wav",
    except: { realtime: live },
    has: "Google's [methods of models](https://ai.google.dev/api) generate, embed, count tokens and predict: there is no such one",
  },
  bedrock: {
    title: "Amazon Bedrock", plugin: "bedrock", wire: "converse", model: "anthropic.claude-sonnet-4-5-20250929-v1:0", base: "",
    models: { count_tokens: "anthropic.claude-sonnet-4-5-20250929-v1:0", embeddings: "amazon.titan-embed-text-v2:0", rerank: "cohere.rerank-v3-5:0", images: "amazon.nova-canvas-v1:0", image_edits: "amazon.nova-canvas-v1:0" },
    credential: 'access_key_id = "env:E2E_KEY"\nsecret_access_key = "env:E2E_KEY"', options: 'region = "us-east-1"',
    has: "Bedrock's [models](https://docs.aws.amazon.com/bedrock/latest/userguide/models-supported.html) converse, embed, rank and make pictures and videos; none is called in such a way",
  },
  cohere: {
    title: "Cohere", plugin: "cohere", wire: "cohere", model: "command-a-03-2025", base: "", credential: apiKey,
    models: { image: "command-a-vision-07-2025", reasoning: "command-a-reasoning-08-2025", embeddings: "embed-v4.0", rerank: "rerank-v4.0-pro" },
    has: "Cohere's [API](https://docs.cohere.com/reference/about) is chat, embed, rerank, parse and tools for data sets",
  },
  vertex: {
    title: "Vertex AI: Gemini", plugin: "vertex", wire: "gemini", model: "gemini-2.5-flash", base: "/v1", credential: serviceAccount, options: `${place}\n${kore}`,
    bearer: "access-token-MARK", models: google({ embeddings: "text-embedding-005", images: "gemini-2.5-flash-image", realtime: "gemini-live-2.5-flash-native-audio" }), sound: "wav",
    except: { realtime: live },
    has: "[Vertex AI's models of Google](https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference) generate, embed, count tokens and predict: there is no such one",
  },
  "vertex-claude": {
    title: "Vertex AI: Claude", plugin: "vertex", wire: "anthropic", path: /:(rawPredict|streamRawPredict)$/, model: "claude-sonnet-4-5@20250929", base: "/v1",
    credential: serviceAccount, options: place, bearer: "access-token-MARK", models: { count_tokens: "claude-sonnet-4-5@20250929" },
    has: "[Claude on Vertex AI](https://cloud.google.com/vertex-ai/generative-ai/docs/partner-models/claude) is messages and token counts",
  },
  "vertex-mistral": {
    title: "Vertex AI: Mistral", plugin: "vertex", wire: "openai", path: /\/publishers\/mistralai\/models\/mistral-medium-3:(rawPredict|streamRawPredict)$/, model: "mistral-medium-3", base: "/v1",
    credential: serviceAccount, options: place, bearer: "access-token-MARK", has: "[Mistral on Vertex AI](https://cloud.google.com/vertex-ai/generative-ai/docs/partner-models/mistral) is chat and completions of code",
  },
  "vertex-open": {
    title: "Vertex AI: Llama and other open models", plugin: "vertex", wire: "openai", path: /\/endpoints\/openapi\/chat\/completions$/, model: "meta/llama-4-maverick-17b-128e-instruct-maas", base: "/v1",
    credential: serviceAccount, options: place, bearer: "access-token-MARK", has: "[Open models on Vertex AI](https://cloud.google.com/vertex-ai/generative-ai/docs/maas/call-open-model-apis) are called by chat completions",
  },
  ollama: {
    title: "Ollama", plugin: "ollama", wire: "ollama", model: "gpt-oss:20b", base: "", credential: "", models: { embeddings: "embeddinggemma" },
    has: "Ollama's [API](https://docs.ollama.com/api) is generate, chat and embed",
  },
  groq: {
    title: "Groq", plugin: "groq", wire: "openai", model: "openai/gpt-oss-120b", base: "/openai/v1", credential: apiKey,
    models: {
      image: "meta-llama/llama-4-scout-17b-16e-instruct", embeddings: "nomic-embed-text-v1_5", speech: "canopylabs/orpheus-v1-english",
      transcriptions: "whisper-large-v3-turbo", translations: "whisper-large-v3",
    },
    has: "Groq's [API](https://console.groq.com/docs/api-reference) is chat completions, responses, embeddings, speech, transcriptions and translations",
  },
  deepseek: {
    title: "DeepSeek", plugin: "deepseek", wire: "openai", model: "deepseek-chat", base: "", credential: apiKey, models: { reasoning: "deepseek-reasoner", completions: "deepseek-chat" },
    has: "DeepSeek's [API](https://api-docs.deepseek.com/api/deepseek-api) is chat completions and, in beta, the middle of a text (FIM)",
    except: {
      completions: but("its [FIM](https://api-docs.deepseek.com/guides/fim_completion), in beta at an address of its own; models that always think complete over chat, and `suffix` is refused"),
      image: none("a message of a user in DeepSeek's [API](https://api-docs.deepseek.com/api/create-chat-completion) is text"),
      structured: none("`response_format` in DeepSeek's [API](https://api-docs.deepseek.com/api/create-chat-completion) is `text` or `json_object`: there is no schema"),
    },
  },
  mistral: {
    title: "Mistral", plugin: "mistral", wire: "openai", model: "mistral-medium-latest", base: "/v1", credential: apiKey,
    models: { reasoning: "magistral-medium-latest", completions: "codestral-latest", embeddings: "mistral-embed", moderations: "mistral-moderation-latest", speech: "voxtral-mini-tts-3", transcriptions: "voxtral-mini-latest" },
    options: '[deployment.options.voices]\nalloy = "gb_jane_neutral"',
    has: "Mistral's [API](https://docs.mistral.ai/api) is chat, FIM, agents, embeddings, classification, moderation, OCR, speech and transcriptions",
    except: {
      completions: but("[FIM](https://docs.mistral.ai/api/endpoint/fim) with Codestral; other models complete over chat, and `suffix` is refused"),
      realtime: none("what [transcribes live](https://docs.mistral.ai/studio/audio/speech-to-text/transcribe-in-realtime) at Mistral's ends with what was said first (`input_audio.end`), where OpenAI's sessions go on"),
    },
  },
  xai: {
    title: "xAI", plugin: "xai", wire: "openai", model: "grok-4", base: "/v1", credential: apiKey, native: { responses: "responses" }, models: { images: "grok-imagine-image", image_edits: "grok-imagine-image", speech: "grok-tts", transcriptions: "grok-stt", realtime: "grok-voice-latest" },
    options: '[deployment.options.voices]\nalloy = "eve"', nameless: ["speech", "transcriptions"],
    has: "xAI's [API](https://docs.x.ai/developers/rest-api-reference/inference) is chat, responses, images, videos and voice",
    except: {
      realtime: but("[speech to speech](https://docs.x.ai/developers/models/speech-to-speech), sold by the second of sound and by the text: a session has an entry of its own for them"),
    },
  },
  together: {
    title: "Together", plugin: "together", wire: "openai", model: "Qwen/Qwen3.5-397B-A17B", base: "/v1", credential: apiKey,
    models: { completions: "meta-llama/Meta-Llama-3.1-8B", embeddings: "BAAI/bge-base-en-v1.5", rerank: "Salesforce/Llama-Rank-V1", images: "black-forest-labs/FLUX.1-schnell", speech: "cartesia/sonic", transcriptions: "openai/whisper-large-v3", translations: "openai/whisper-large-v3" },
    except: { realtime: but("sessions that transcribe, as [Together's](https://docs.together.ai/reference/audio-transcriptions-realtime) do; the client says where a turn ends") },
    has: "Together's [API](https://docs.together.ai/reference) is chat, completions, embeddings, rerank, images, videos and audio",
  },
  fireworks: {
    title: "Fireworks", plugin: "fireworks", wire: "openai", model: "accounts/fireworks/models/qwen3-vl-235b-a22b-thinking", base: "/inference/v1", credential: apiKey,
    models: { completions: "accounts/fireworks/models/llama-v3p1-8b-instruct", embeddings: "accounts/fireworks/models/qwen3-embedding-8b", rerank: "accounts/fireworks/models/qwen3-reranker-8b" },
    has: "Fireworks' [API](https://docs.fireworks.ai/api-reference/introduction) has no such endpoint in OpenAI's shape",
  },
  openrouter: {
    title: "OpenRouter", plugin: "openrouter", wire: "openai", model: "openai/gpt-5-mini", base: "/api/v1", credential: apiKey, native: { responses: "responses" },
    models: {
      completions: "openai/gpt-3.5-turbo-instruct", embeddings: "openai/text-embedding-3-small", rerank: "cohere/rerank-v3.5", images: "openai/gpt-image-1",
      speech: "openai/gpt-4o-mini-tts", transcriptions: "openai/whisper-1",
    },
    has: "OpenRouter's [API](https://openrouter.ai/docs/api-reference/overview) is chat, responses, messages, embeddings, rerank, images, speech and transcriptions",
  },
  huggingface: {
    title: "Hugging Face", plugin: "huggingface", wire: "openai", model: "openai/gpt-oss-120b", base: "/v1", credential: apiKey,
    has: "Hugging Face's router speaks like OpenAI for [chat and responses](https://huggingface.co/docs/inference-providers/index); its other tasks each have the API of the provider that is chosen",
  },
  perplexity: {
    title: "Perplexity", plugin: "perplexity", wire: "agent", model: "perplexity/sonar", base: "", credential: apiKey, native: { responses: "agent" },
    models: { reasoning: "openai/gpt-6-luna", embeddings: "pplx-embed-v1-4b" }, vector: [64, -32, 127],
    has: "Perplexity's [API](https://docs.perplexity.ai/api-reference) is its agent, which speaks much like OpenAI's Responses, search, decisions and embeddings",
    except: { reasoning: but("the effort is passed on; the answers of Perplexity's [Agent API](https://docs.perplexity.ai/api-reference/agent-post) have no thoughts") },
  },
  cerebras: {
    title: "Cerebras", plugin: "cerebras", wire: "openai", model: "gpt-oss-120b", base: "/v1", credential: apiKey, models: { completions: "llama3.1-8b" },
    has: "Cerebras' [API](https://inference-docs.cerebras.ai/api-reference/chat-completions) is chat completions and completions",
  },
  vllm: {
    title: "vLLM", plugin: "vllm", wire: "openai", model: "Qwen/Qwen3-32B", base: "/v1", credential: "",
    models: { completions: "facebook/opt-125m", count_tokens: "Qwen/Qwen3-32B", embeddings: "BAAI/bge-m3", rerank: "BAAI/bge-reranker-base", transcriptions: "openai/whisper-large-v3", translations: "openai/whisper-large-v3" },
    except: { realtime: but("sessions that transcribe: [vLLM's](https://docs.vllm.ai/en/stable/api/vllm/entrypoints/openai/realtime/connection/) do nothing else, and the client says where a turn ends. Each turn has an entry, by its seconds") },
    has: "[vLLM](https://docs.vllm.ai/en/stable/serving/online_serving.html) serves completions, chat, responses, messages, embeddings, rerank, transcriptions and translations",
  },
  llamacpp: {
    title: "llama.cpp", plugin: "llamacpp", wire: "openai", model: "qwen3-32b", base: "/v1", credential: "", models: { completions: "qwen3-32b", count_tokens: "qwen3-32b", embeddings: "bge-m3", rerank: "bge-reranker" },
    has: "[llama.cpp's server](https://github.com/ggml-org/llama.cpp/tree/master/tools/server) serves completions, chat, embeddings and rerank",
  },
  lmstudio: {
    title: "LM Studio", plugin: "lmstudio", wire: "openai", model: "qwen3-32b", base: "/v1", credential: "", models: { completions: "qwen3-32b", embeddings: "nomic-embed" },
    has: "[LM Studio](https://lmstudio.ai/docs/developer/openai-compat) serves chat, responses, embeddings and completions",
  },
  local: {
    title: "any other OpenAI-compatible server", plugin: "openai-compatible", wire: "openai", model: "qwen3-32b", base: "/v1", credential: "",
    models: {
      completions: "qwen3-32b", embeddings: "bge-m3", moderations: "guard", images: "flux", image_edits: "flux", image_variations: "flux", speech: "kokoro", transcriptions: "whisper", translations: "whisper",
      realtime: "voice",
    },
    options: "realtime = true",
    has: "what OpenAI's [API reference](https://platform.openai.com/docs/api-reference) has not, a profile of its own has to say",
  },
  voyage: {
    title: "Voyage AI", plugin: "voyage", base: "/v1", credential: apiKey, models: { embeddings: "voyage-3.5", rerank: "rerank-2.5" },
    has: "Voyage's [API](https://docs.voyageai.com/reference) is embeddings and rerank",
  },
  jina: {
    title: "Jina AI", plugin: "jina", base: "/v1", credential: apiKey, models: { embeddings: "jina-embeddings-v4", rerank: "jina-reranker-v3" },
    has: "Jina's [API](https://api.jina.ai/openapi.json) is embeddings, rerank and classification",
  },
  elevenlabs: {
    title: "ElevenLabs", plugin: "elevenlabs", base: "", credential: apiKey, models: { speech: "eleven_multilingual_v2", transcriptions: "scribe_v2" },
    options: '[deployment.options.voices]\nalloy = "JBFqnCBsd6RMkjVDRZzb"',
    except: { realtime: but("sessions that transcribe, as [ElevenLabs'](https://elevenlabs.io/docs/api-reference/speech-to-text/v-1-speech-to-text-realtime) do; the client says where a turn ends") },
    has: "ElevenLabs' [API](https://elevenlabs.io/docs/api-reference) is speech, transcripts, voices and music",
  },
  deepgram: {
    title: "Deepgram", plugin: "deepgram", base: "", credential: apiKey, models: { speech: "aura-2-thalia-en", transcriptions: "nova-3" },
    except: { realtime: none("what [transcribes live](https://developers.deepgram.com/reference/speech-to-text/listen-streaming) at Deepgram's takes bytes and finds turns by itself: OpenAI's sessions have no words for it") },
    has: "Deepgram's [API](https://developers.deepgram.com/reference) is transcripts, speech and reading of text",
  },
};

// alias is the model's name at the gateway for a feature.
export const alias = (name, feature) => (providers[name].models?.[feature] ? `${name}-${feature}` : name);

// aliases are all of a row's names at the gateway, with the vendor's for each.
export const aliases = (name) => {
  const { model, models = {} } = providers[name];
  return [...(model ? [[name, model]] : []), ...Object.entries(models).map(([feature, model]) => [`${name}-${feature}`, model])];
};

// offered says whether the row has the endpoint, by the vendor's own or carried otherwise.
export const offered = (row, endpoint) => Boolean(row.models?.[endpoint] || (endpoints[endpoint].over && row.model));

// except is what a row says of a feature asked in a dialect; undefined means that it works.
export const except = (row, dialect, feature) => row.except?.[`${dialect} ${feature}`] ?? row.except?.[feature];

// toml is the configuration of all rows, with the vendors at url. Prices differ by
// row, so that an entry priced as another provider's shows.
export function toml(url) {
  const rows = Object.entries(providers);
  const plugins = [...new Set(rows.map(([, p]) => p.plugin))].map((id) => `[[plugin]]\nid = "provider.${id}"\nsource = "builtin:${id}"\n`);
  // The clouds' token service is here as well.
  return `[security]\nallow_private_hosts = ["127.0.0.1"]\n\n` + plugins.join("\n") + rows.map(([name, p], i) => `${p.credential && `
[[credential]]
name = "${name}"
provider = "provider.${p.plugin}"
${p.credential}
`}${aliases(name).map(([as, model]) => `
[[deployment]]
name = "${as}"
provider = "provider.${p.plugin}"
model = "${model}"
${p.credential && `credential = "${name}"`}
base_url = "${url}/${name}${p.base}"
allow_private = true
price = { input = "${price(i)[0]}.00", output = "${price(i)[1]}.00", search = "0.01" }
${p.options ? `[deployment.options]\n${p.options}` : ""}

[[model]]
name = "${as}"
deployments = ["${as}"]
`).join("")}`).join("");
}

// price is that of row number i, in dollars a million tokens.
export const price = (i) => [2 * i + 1, 2 * i + 2];

// Command vertex is the provider plugin of Google Cloud's Vertex AI: Gemini, Claude
// and embedding models there. README.md says what differs from the models' own APIs.
//
// Wire format: https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference,
// …/text-embeddings-api, https://docs.anthropic.com/en/api/claude-on-vertex-ai, and the
// npm packages @google/genai 2.32 and @anthropic-ai/vertex-sdk 1.1.
package main

import pdk "github.com/tokligence/gateway/pdk/go"

func init() { pdk.Register(New()) }

func main() {}

// Command gemini is the provider plugin of Google's Generative Language API
// (v1beta): chat completions over generateContent, embeddings over
// batchEmbedContents. README.md has the rules of the translation.
//
// Wire format: https://ai.google.dev/api/generate-content,
// https://ai.google.dev/api/embeddings and the type definitions of the npm
// package @google/genai 2.32.
package main

import pdk "github.com/tokligence/gateway/pdk/go"

func init() { pdk.Register(New()) }

func main() {}

// Command jina is the provider plugin of Jina AI's API: embeddings of texts and
// pictures, and rerank. README.md has the rules.
//
// Wire format: https://api.jina.ai/openapi.json and https://jina.ai/embeddings.
package main

import pdk "github.com/tokligence/gateway/pdk/go"

func init() { pdk.Register(New()) }

func main() {}

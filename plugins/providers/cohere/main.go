// Command cohere is the provider plugin of Cohere's API, version 2: chat
// completions and embeddings are translated, rerank passes through. README.md has
// the rules.
//
// Wire format: https://docs.cohere.com/reference/chat, /reference/embed and
// /reference/rerank, and the type definitions of the npm package cohere-ai 8.1.
package main

import pdk "github.com/tokligence/gateway/pdk/go"

func init() { pdk.Register(New()) }

func main() {}

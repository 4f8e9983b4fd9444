// Command ollama is the provider plugin of Ollama's own API: chat, completions of
// a prompt and embeddings. README.md has the rules.
//
// Wire format: https://docs.ollama.com/api and the type definitions of Ollama's Go
// package api and of the npm package ollama 0.6.
package main

import pdk "github.com/tokligence/gateway/pdk/go"

func init() { pdk.Register(New()) }

func main() {}

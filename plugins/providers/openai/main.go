// Command openai is the provider plugin of OpenAI's API and of the many servers
// that speak it: vLLM, SGLang, llama.cpp, Ollama and hosted ones. The canonical
// form is OpenAI's, so that every body passes through; README.md has the rules.
//
// Wire format: https://platform.openai.com/docs/api-reference and the type
// definitions of the npm package openai 7.57.
package main

import pdk "github.com/tokligence/gateway/pdk/go"

func init() { pdk.Register(New()) }

func main() {}

// Command gemini is the provider plugin of Google's Generative Language API
// (v1beta). README.md has the rules of the translation, and package gemini makes it.
package main

import (
	pdk "github.com/tokligence/gateway/pdk/go"
	"github.com/tokligence/gateway/plugins/codec/gemini"
)

func init() { pdk.Register(gemini.New()) }

func main() {}

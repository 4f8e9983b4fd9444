// Command rules is the guardrail plugin of that name, built to Wasm.
package main

import pdk "github.com/tokligence/gateway/pdk/go"

func init() { pdk.Register(New()) }

func main() {}

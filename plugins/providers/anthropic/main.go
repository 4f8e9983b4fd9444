// Command anthropic is the provider plugin of Anthropic's Messages API and of
// servers that speak it. Messages and count_tokens pass through; chat
// completions are translated. README.md has the rules.
//
// Wire format: https://docs.anthropic.com/en/api/messages and the type
// definitions of the npm package @anthropic-ai/sdk 1.13.
package main

import pdk "github.com/tokligence/gateway/pdk/go"

func init() { pdk.Register(New()) }

func main() {}

// Command anthropic is the provider plugin of Anthropic's Messages API and of
// servers that speak it. README.md has the rules, and package anthropic makes them.
package main

import (
	pdk "github.com/tokligence/gateway/pdk/go"
	"github.com/tokligence/gateway/plugins/codec/anthropic"
)

func init() { pdk.Register(anthropic.New()) }

func main() {}

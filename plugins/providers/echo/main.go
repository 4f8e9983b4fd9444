// Command echo is the provider plugin that answers by itself: with the last
// thing that was said to it, at a set pace, or with the failure that it is asked
// for. It needs no account and no network. README.md has what can be asked of it.
package main

import pdk "github.com/tokligence/gateway/pdk/go"

func init() { pdk.Register(New()) }

func main() {}

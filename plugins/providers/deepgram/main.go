// Command deepgram is the provider plugin of Deepgram: speech to text and text to
// speech. README.md has the rules.
//
// Wire format: https://developers.deepgram.com/reference and the npm package
// @deepgram/sdk 5.13.
package main

import pdk "github.com/tokligence/gateway/pdk/go"

func init() { pdk.Register(New()) }

func main() {}

// Command elevenlabs is the provider plugin of ElevenLabs: text to speech and
// speech to text. README.md has the rules.
//
// Wire format: https://elevenlabs.io/docs/api-reference and the npm package
// @elevenlabs/elevenlabs-js 2.73.
package main

import pdk "github.com/tokligence/gateway/pdk/go"

func init() { pdk.Register(New()) }

func main() {}

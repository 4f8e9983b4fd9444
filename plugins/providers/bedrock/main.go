// Command bedrock is the provider plugin of Amazon Bedrock: chat completions
// over Converse and ConverseStream. README.md has the rules of the translation.
//
// Wire format: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html,
// …/API_runtime_ConverseStream.html and the type definitions of the npm package
// @aws-sdk/client-bedrock-runtime 3.1164.
package main

import pdk "github.com/tokligence/gateway/pdk/go"

func init() { pdk.Register(New()) }

func main() {}

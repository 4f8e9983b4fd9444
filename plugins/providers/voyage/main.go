// Command voyage is the provider plugin of Voyage AI's API: embeddings of texts and
// pictures, and rerank. README.md has the rules.
//
// Wire format: https://docs.voyageai.com/reference and the Python package voyageai 0.5.
package main

import pdk "github.com/tokligence/gateway/pdk/go"

func init() { pdk.Register(New()) }

func main() {}

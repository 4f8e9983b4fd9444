package exchange

import "github.com/tokligence/gateway/pdk/abi"

// trait is what the life of an exchange depends on of its endpoint. What one
// endpoint has of its own stands here, and not in a condition somewhere.
type trait struct {
	// need names the member, beside model, without which a body makes no sense, and
	// kinds are those that its value may have (see scan.Kind).
	need, kinds string
	// generates: it makes text that an output cap bounds, and that streams as events.
	generates bool
}

var traits = map[abi.Endpoint]trait{
	abi.Chat:           {need: "messages", kinds: "[", generates: true},
	abi.Completions:    {need: "prompt", kinds: "[\"", generates: true},
	abi.Responses:      {need: "input", kinds: "[\"", generates: true},
	abi.Messages:       {need: "messages", kinds: "[", generates: true},
	abi.CountTokens:    {need: "messages", kinds: "["},
	abi.Embeddings:     {need: "input", kinds: "[\""},
	abi.Rerank:         {need: "query", kinds: "\""},
	abi.Moderations:    {need: "input", kinds: "[\""},
	abi.Images:         {need: "prompt", kinds: "\""},
	abi.ImageEdits:     {need: "prompt", kinds: "\""},
	abi.Speech:         {need: "input", kinds: "\""},
	abi.Transcriptions: {need: "file", kinds: "{"},
	abi.Translations:   {need: "file", kinds: "{"},
}

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
	// form: clients send a multipart form, and JSON only where it can name files (json).
	form, json bool
	// sound: the answer is bytes that are relayed as they come, unless it streams events.
	sound bool
	// text: the answer may be text that is not JSON.
	text bool
	// unit is the part of usage that a model may be priced by in the place of tokens;
	// 0, which is a part of tokens, is none.
	unit int
}

var traits = map[abi.Endpoint]trait{
	abi.Chat:            {need: "messages", kinds: "[", generates: true},
	abi.Completions:     {need: "prompt", kinds: "[\"", generates: true},
	abi.Responses:       {need: "input", kinds: "[\"", generates: true},
	abi.Messages:        {need: "messages", kinds: "[", generates: true},
	abi.CountTokens:     {need: "messages", kinds: "["},
	abi.Embeddings:      {need: "input", kinds: "[\""},
	abi.Rerank:          {need: "query", kinds: "\""},
	abi.Moderations:     {need: "input", kinds: "[\""},
	abi.Images:          {need: "prompt", kinds: "\""},
	abi.ImageEdits:      {need: "prompt", kinds: "\"", form: true, json: true},
	abi.ImageVariations: {need: "image", kinds: "{", form: true},
	abi.Speech:          {need: "input", kinds: "\"", sound: true, unit: partCharacters},
	abi.Transcriptions:  {need: "file", kinds: "{", form: true, text: true, unit: partMilliseconds},
	abi.Translations:    {need: "file", kinds: "{", form: true, text: true, unit: partMilliseconds},
}

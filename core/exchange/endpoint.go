package exchange

import "github.com/tokligence/gateway/pdk/abi"

// trait is what the life of an exchange depends on of its endpoint. What one
// endpoint has of its own stands here, and not in a condition somewhere.
type trait struct {
	// needs are the members, beside model, without which a body makes no sense.
	needs []need
	// model is the alias of a body that names none; "" where it must. It is the name
	// that the API has for it.
	model string
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

// need is a member that a body must have, and the kinds that its value may have
// (see scan.Kind).
type need struct{ member, kinds string }

var traits = map[abi.Endpoint]trait{
	abi.Chat:            {needs: []need{{"messages", "["}}, generates: true},
	abi.Completions:     {needs: []need{{"prompt", "[\""}}, generates: true},
	abi.Responses:       {needs: []need{{"input", "[\""}}, generates: true},
	abi.Messages:        {needs: []need{{"messages", "["}}, generates: true},
	abi.CountTokens:     {needs: []need{{"messages", "["}}},
	abi.Embeddings:      {needs: []need{{"input", "[\""}}},
	abi.Rerank:          {needs: []need{{"query", "\""}, {"documents", "["}}, unit: partSearches},
	abi.Moderations:     {needs: []need{{"input", "[\""}}, model: "omni-moderation-latest"},
	abi.Images:          {needs: []need{{"prompt", "\""}}, unit: partImages},
	abi.ImageEdits:      {needs: []need{{"prompt", "\""}}, form: true, json: true, unit: partImages},
	abi.ImageVariations: {needs: []need{{"image", "{"}}, form: true, unit: partImages},
	abi.Speech:          {needs: []need{{"input", "\""}}, sound: true, unit: partCharacters},
	abi.Transcriptions:  {needs: []need{{"file", "{"}}, form: true, text: true, unit: partMilliseconds},
	abi.Realtime:        {generates: true},
	abi.Translations:    {needs: []need{{"file", "{"}}, form: true, text: true, unit: partMilliseconds},
}

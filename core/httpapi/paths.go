package httpapi

import (
	"strings"

	"github.com/tokligence/gateway/core/exchange"
	"github.com/tokligence/gateway/pdk/abi"
)

// endpoints are the paths of exchanges.
var endpoints = map[string]abi.Endpoint{
	"/v1/chat/completions":      abi.Chat,
	"/v1/responses":             abi.Responses,
	"/v1/messages":              abi.Messages,
	"/v1/embeddings":            abi.Embeddings,
	"/v1/messages/count_tokens": abi.CountTokens,
	"/v1/completions":           abi.Completions,
	"/v1/moderations":           abi.Moderations,
	"/v1/rerank":                abi.Rerank,
	"/v2/rerank":                abi.Rerank,
	"/v1/images/generations":    abi.Images,
	"/v1/images/edits":          abi.ImageEdits,
	"/v1/images/variations":     abi.ImageVariations,
	"/v1/audio/speech":          abi.Speech,
	"/v1/audio/transcriptions":  abi.Transcriptions,
	"/v1/audio/translations":    abi.Translations,
}

// asked is what a request is for, in whose dialect it is answered.
type asked struct {
	endpoint abi.Endpoint
	native   *exchange.Native // nil for the gateway's own endpoints
	// model is the alias, where the path and not the body names it.
	model string
}

// Azure's clients have the same endpoints elsewhere: below the deployment that they
// call, beside the deployments where the body names it, or in its newer API below
// /openai/v1. Their api-version means nothing here.
// https://learn.microsoft.com/en-us/azure/ai-foundry/openai/reference
const (
	azure            = "/openai"
	azureV1          = azure + "/v1"
	azureDeployments = azure + "/deployments/"
)

// roots are where the API stands that names models in its bodies.
var roots = [...]string{"/v1", azureV1, azure}

// find tells what a path, without its query, asks for.
func find(path string) (asked, bool) {
	if e, ok := endpoints[path]; ok {
		return asked{endpoint: e}, true
	}
	for _, root := range roots[1:] {
		if rest, ok := strings.CutPrefix(path, root+"/"); ok {
			if e, ok := endpoints["/v1/"+rest]; ok {
				return asked{endpoint: e}, true
			}
		}
	}
	rest, ok := strings.CutPrefix(path, azureDeployments)
	if !ok || strings.HasPrefix(rest, "/") {
		return asked{}, false
	}
	for i := range rest { // an alias may have slashes
		if rest[i] == '/' {
			if e, ok := endpoints["/v1"+rest[i:]]; ok {
				return asked{endpoint: e, model: rest[:i]}, true
			}
		}
	}
	return asked{}, false
}

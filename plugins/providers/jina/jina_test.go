package main

import (
	"fmt"
	"testing"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/plugins/internal/vectortest"
)

func TestVectors(t *testing.T) {
	vectortest.Run(t, New, "../../../testdata/vectors/jina")
}

func TestPlan(t *testing.T) {
	const host = "https://api.jina.ai/v1"
	vectortest.Plans(t, New, []vectortest.Plan{
		{Endpoint: abi.Embeddings, Credential: "api_key", URL: host + "/embeddings", Auth: abi.AuthBearer, Request: abi.Transform, Response: abi.Passthrough},
		{Endpoint: abi.Rerank, Base: "http://127.0.0.1:9", Credential: "api_key", URL: "http://127.0.0.1:9/rerank", Auth: abi.AuthBearer, Request: abi.Passthrough, Response: abi.Passthrough},
		{Endpoint: abi.Chat, Credential: "api_key"},
		{Endpoint: abi.Embeddings, Options: `{"task":"text-matching","truncate":true,"late_chunking":false}`, Credential: "api_key", URL: host + "/embeddings",
			Auth: abi.AuthBearer, Request: abi.Transform, Response: abi.Passthrough},
		{Endpoint: abi.Embeddings, Options: `{"task":1}`, Refused: "options.task"},
		{Endpoint: abi.Embeddings, Options: `{"late_chunking":"no"}`, Refused: "options.late_chunking"},
		{Endpoint: abi.Rerank, Options: `{"top_n":1}`, Refused: "options.top_n"},
	})
}

func FuzzEncode(f *testing.F) {
	vectortest.FuzzEncode(f, New, vectortest.Targets{Endpoints: []abi.Endpoint{abi.Embeddings}, Models: []string{"jina-embeddings-v4"}},
		`{"input":["a",{"content":[{"type":"text","text":"b"}]},{"image":"https://x"}],"dimensions":1,"truncate":true,"task":"x","late_chunking":true,"encoding_format":"base64"}`)
}

// TestPlan_Edits: documents come back only to those who ask for them.
func TestPlan_Edits(t *testing.T) {
	p, err := New().Plan(&abi.PlanRequest{Endpoint: abi.Rerank})
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprint([]abi.Edit{{Op: abi.EditDefault, Key: "return_documents", Value: abi.Raw("false")}}, []abi.Edit{{Op: abi.EditRemove, Key: "object"}})
	if got := fmt.Sprint(p.Request.Edits, p.Response.Edits); got != want {
		t.Errorf("%s", got)
	}
}

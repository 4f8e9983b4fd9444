package main

import (
	"fmt"
	"testing"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/plugins/internal/vectortest"
)

func TestVectors(t *testing.T) {
	vectortest.Run(t, New, "../../../testdata/vectors/voyage")
}

func TestPlan(t *testing.T) {
	const host = "https://api.voyageai.com/v1"
	vectortest.Plans(t, New, []vectortest.Plan{
		{Endpoint: abi.Embeddings, Model: "voyage-3.5", Credential: "api_key", URL: host + "/embeddings", Auth: abi.AuthBearer, Request: abi.Transform, Response: abi.Passthrough},
		{Endpoint: abi.Embeddings, Model: "voyage-multimodal-3", Credential: "api_key", URL: host + "/multimodalembeddings", Auth: abi.AuthBearer, Request: abi.Transform, Response: abi.Transform},
		{Endpoint: abi.Embeddings, Model: "voyage-context-3", Credential: "api_key"},
		{Endpoint: abi.Rerank, Model: "rerank-2.5", Base: "http://127.0.0.1:9", Credential: "api_key", URL: "http://127.0.0.1:9/rerank", Auth: abi.AuthBearer, Request: abi.Passthrough, Response: abi.Passthrough},
		{Endpoint: abi.Chat, Credential: "api_key"},
		{Endpoint: abi.Embeddings, Options: `{"input_type":"query","truncate":false}`, Credential: "api_key", URL: host + "/embeddings", Auth: abi.AuthBearer, Request: abi.Transform, Response: abi.Passthrough},
		{Endpoint: abi.Embeddings, Options: `{"input_type":"clustering"}`, Refused: "options.input_type"},
		{Endpoint: abi.Rerank, Options: `{"truncate":"yes"}`, Refused: "options.truncate"},
		{Endpoint: abi.Rerank, Options: `{"top_k":1}`, Refused: "options.top_k"},
	})
}

var targets = vectortest.Targets{Endpoints: []abi.Endpoint{abi.Embeddings}, Models: []string{"voyage-3.5", "voyage-multimodal-3"}}

func FuzzEncode(f *testing.F) {
	vectortest.FuzzEncode(f, New, targets,
		`{"input":["a",{"content":[{"type":"text","text":"b"},{"type":"image_url","image_url":"https://x"},{"type":"image_url","image_url":{"url":"data:image/png;base64,QQ=="}}]}],"dimensions":1,"truncate":true,"output_dtype":"int8","encoding_format":"base64"}`)
}

func FuzzDecode(f *testing.F) {
	vectortest.FuzzDecode(f, New, targets, "", `{"object":"list","data":[{"embedding":[1],"index":0}],"model":"m","usage":{"text_tokens":1,"image_pixels":560,"total_tokens":2}}`)
}

// TestPlan_Edits: what passes through is put into other words.
func TestPlan_Edits(t *testing.T) {
	d := abi.Deployment{Model: "rerank-2.5", Options: abi.Raw(`{"truncate":false}`)}
	p, err := New().Plan(&abi.PlanRequest{Endpoint: abi.Rerank, Deployment: d})
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprint([]abi.Edit{{Op: abi.EditRename, Key: "top_n", To: "top_k"}, {Op: abi.EditDefault, Key: "truncation", Value: abi.Raw("false")}},
		[]abi.Edit{{Op: abi.EditRename, Key: "data", To: "results"}, {Op: abi.EditRemove, Key: "object"}}, []string{"max_tokens_per_doc"})
	if got := fmt.Sprint(p.Request.Edits, p.Response.Edits, p.Request.Unsupported); got != want {
		t.Errorf("rerank: %s", got)
	}
	d.Model = "voyage-3.5"
	if p, err = New().Plan(&abi.PlanRequest{Endpoint: abi.Embeddings, Deployment: d}); err != nil {
		t.Fatal(err)
	}
	want = fmt.Sprint([]abi.Edit{{Op: abi.EditCopy, Key: "usage.total_tokens", To: "prompt_tokens"}}, []string{"usage.total_tokens"})
	if got := fmt.Sprint(p.Response.Edits, p.Usage.Input); got != want {
		t.Errorf("embeddings: %s", got)
	}
}

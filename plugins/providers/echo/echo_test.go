package main

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/plugins/internal/vectortest"
)

func TestVectors(t *testing.T) {
	vectortest.Run(t, New, "../../../testdata/vectors/echo")
}

// TestPlan also holds which deployments are refused when the configuration is loaded.
func TestPlan(t *testing.T) {
	for _, c := range []struct {
		endpoint       abi.Endpoint
		model, options string
		supported      bool
		refused        string // the member
	}{
		{abi.Chat, "echo", `{}`, true, ""},
		{abi.Chat, "echo-99999999ms", ``, true, ""}, // just a name
		{abi.Embeddings, "echo", `{"delay_ms":0}`, true, ""},
		{abi.Messages, "echo", `{}`, false, ""},
		{abi.CountTokens, "echo", `{}`, false, ""},
		{abi.Rerank, "echo", `{}`, true, ""},
		{abi.Moderations, "echo", `{}`, true, ""},
		{abi.Completions, "echo", `{}`, false, ""}, // the host carries them over chat
		{abi.Images, "echo", `{}`, true, ""},
		{abi.ImageVariations, "echo", `{}`, true, ""},
		{abi.Translations, "echo", `{}`, true, ""},
		{abi.Chat, "echo", `{"delay_ms":-1}`, false, "options.delay_ms"},
		{abi.Chat, "echo", `{"delay":1}`, false, "options.delay"},
	} {
		reply, err := New().Plan(&abi.PlanRequest{Endpoint: c.endpoint, Deployment: abi.Deployment{Model: c.model, Options: abi.Raw(c.options)}})
		var refused *abi.Error
		if errors.As(err, &refused); (refused == nil) != (c.refused == "") || refused != nil && refused.Param != c.refused {
			t.Errorf("%+v: refused with %v", c, err)
			continue
		}
		if refused == nil && (reply.Supported != c.supported || reply.Supported != reply.Local || !reply.Supported && reply.Reason == "") {
			t.Errorf("%+v: %+v", c, reply)
		}
	}
}

// TestPace checks where the pause between pieces comes from; the request's own word counts most.
func TestPace(t *testing.T) {
	for _, c := range []struct {
		model, options, echo string
		want                 int64
	}{
		{"echo", `{}`, `{}`, 20},
		{"echo-fast", ``, `{}`, 0},
		{"my-echo-slow", ``, `{}`, 200},
		{"echo-3ms", ``, `{}`, 3},
		{"echo-ms", ``, `{}`, 20},
		{"echo-3ms", `{"delay_ms":4}`, `{}`, 4},
		{"echo-3ms", `{"delay_ms":4}`, `{"delay_ms":5}`, 5},
	} {
		reply, err := New().Encode(&abi.EncodeRequest{Endpoint: abi.Chat, Stream: true,
			Deployment: abi.Deployment{Model: c.model, Options: abi.Raw(c.options)},
			Body:       abi.Raw(`{"messages":[{"role":"user","content":"a b"}],"echo":` + c.echo + `}`)})
		if err != nil {
			t.Fatal(err)
		}
		var a abi.LocalAnswer
		if err := json.Unmarshal(reply.Body, &a); err != nil {
			t.Fatal(err)
		}
		for i, e := range a.Events {
			want := int64(0)
			if i == 1 || i == 2 { // after the role, before the finish
				want = c.want
			}
			if e.DelayMS != want {
				t.Errorf("%+v: event %d waits %d ms", c, i, e.DelayMS)
			}
		}
	}
}

// FuzzSplit: the pieces of a text are the text, and none is empty.
func FuzzSplit(f *testing.F) {
	for _, s := range []string{"", " ", "a", " a  b\n", "äö 😀", "\xff \xff"} {
		f.Add(s, uint8(3))
	}
	f.Fuzz(func(t *testing.T, s string, chunks uint8) {
		a := answer{wish: &wish{chunks: int64(chunks)}}
		for _, pieces := range [][]string{split(s), a.cut(s)} {
			if strings.Join(pieces, "") != s {
				t.Fatalf("%q became %q", s, pieces)
			}
			for _, p := range pieces {
				if p == "" {
					t.Fatalf("%q has an empty piece: %q", s, pieces)
				}
			}
		}
	})
}

func BenchmarkEncode2KB(b *testing.B) {
	r := &abi.EncodeRequest{Endpoint: abi.Chat, Stream: true, Deployment: abi.Deployment{Model: "echo-fast"},
		Body: abi.Raw(`{"messages":[{"role":"user","content":"` + strings.Repeat("the quick brown fox ", 100) + `"}]}`)}
	b.SetBytes(int64(len(r.Body)))
	for b.Loop() {
		if _, err := New().Encode(r); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeEvent(b *testing.B) {
	p := New()
	r := &abi.DecodeEventsRequest{Endpoint: abi.Chat, Events: []abi.Event{{Name: eventChunk,
		Data: abi.Raw(`{"choices":[{"index":0,"delta":{"content":"the "},"finish_reason":null}]}`)}}}
	for b.Loop() {
		if _, err := p.DecodeEvents(r); err != nil {
			b.Fatal(err)
		}
	}
}

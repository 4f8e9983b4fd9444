package vectortest

import (
	"strings"
	"testing"

	"github.com/tokligence/gateway/pdk/abi"
	pdk "github.com/tokligence/gateway/pdk/go"
)

// request has a tool turn, tools and parameters, and turns of some 2 KB each.
func request(turns int) string {
	return `{"model":"m","messages":[{"role":"system","content":"You are a helpful assistant."}` + strings.Repeat(`,{"role":"user","content":"`+
		strings.Repeat("the quick brown fox ", 40)+`"},{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"get_weather","arguments":"{\"city\":\"Paris\"}"}}]},`+
		`{"role":"tool","tool_call_id":"call_1","content":"{\"temp\":21.5}"},{"role":"user","content":"And tomorrow? `+strings.Repeat("lazy dog ", 30)+`"}`, turns) +
		`],"tools":[{"type":"function","function":{"name":"get_weather","description":"Get the weather for a city.","parameters":{"type":"object","properties":{"city":{"type":"string"},"days":{"type":"integer"}},"required":["city"]}}}],` +
		`"tool_choice":"auto","temperature":0.7,"max_tokens":512,"stop":["END"],"stream":true}`
}

// BenchmarkEncode encodes a chat request of 2 KB and one of 100 KB.
func BenchmarkEncode(b *testing.B, newProvider func() *pdk.Provider, model string) {
	for _, c := range []struct {
		name  string
		turns int
	}{{"2KB", 1}, {"100KB", 70}} {
		b.Run(c.name, func(b *testing.B) {
			p := newProvider()
			r := &abi.EncodeRequest{Endpoint: abi.Chat, Stream: true, Deployment: abi.Deployment{Model: model}, Body: abi.Raw(request(c.turns))}
			b.SetBytes(int64(len(r.Body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.Encode(r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkEvent decodes an event of a chat stream.
func BenchmarkEvent(b *testing.B, newProvider func() *pdk.Provider, state string, event abi.Event) {
	p := newProvider()
	r := &abi.DecodeEventsRequest{Endpoint: abi.Chat, State: state, Events: []abi.Event{event}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.DecodeEvents(r); err != nil {
			b.Fatal(err)
		}
	}
}

package responses

import (
	"strings"
	"testing"

	"github.com/tokligence/gateway/pdk/abi"
)

// TestDecode_Counts: what one answer kept of its input is no other's.
func TestDecode_Counts(t *testing.T) {
	c := &Codec{}
	for _, want := range []struct {
		usage           string
		input, searches int64 // -1 for what is not told
	}{
		{`{"input_tokens":3007,"output_tokens":1,"input_tokens_details":{"cached_tokens":1780,"cache_write_tokens":1224},"tool_calls_details":{"search_web":{"invocation":2}}}`, 3, 2},
		{`{"input_tokens":120,"output_tokens":1}`, 120, -1},
	} {
		r, err := c.Decode(&abi.DecodeRequest{Endpoint: abi.Chat, Body: abi.Raw(`{"status":"completed","output":[],"usage":` + want.usage + `}`)})
		if err != nil {
			t.Fatal(err)
		}
		searches := int64(-1)
		if r.Usage.Searches != nil {
			searches = *r.Usage.Searches
		}
		if *r.Usage.Input != want.input || searches != want.searches {
			t.Errorf("%s: %d, %d searches", want.usage, *r.Usage.Input, searches)
		}
	}
}

// TestDecodeEvents_Agent: Perplexity's agent tells of its own tools' calls as of functions',
// whose items are then others, of the client's calls at once, and of a failure beside its
// type. https://docs.perplexity.ai/api-reference/agent-post
func TestDecodeEvents_Agent(t *testing.T) {
	const own = `{"type":"response.output_item.added","output_index":0,"item":{"type":"function_call","call_id":"c","name":"search_web","arguments":"{}"}}`
	const call = `{"type":"function_call","call_id":"c1","name":"f","arguments":"{}","status":"completed"}`
	for _, c := range []struct{ name, events, want, failure string }{
		{"its own", own + "\n" + `{"type":"response.output_item.done","output_index":0,"item":{"type":"search_results","results":[{"url":"https://a.example","title":"A"},{"title":"B"}]}}`,
			`"annotations":[{"type":"url_citation","url_citation":{"url":"https://a.example","title":"A"}}]`, ""},
		{"pages without titles", `{"type":"response.output_item.done","output_index":0,"item":{"type":"fetch_url_results","contents":[{"url":"https://a.example"}]}}`,
			`"annotations":[{"type":"url_citation","url_citation":{"url":"https://a.example","title":""}}]`, ""},
		{"nothing found", `{"type":"response.output_item.done","output_index":0,"item":{"type":"people_search_results","results":[]}}`, "", ""},
		{"the client's", `{"type":"response.output_item.added","output_index":0,"item":` + call + "}\n" + `{"type":"response.output_item.done","output_index":0,"item":` + call + `}`,
			`"tool_calls":[{"index":0,"id":"c1","type":"function","function":{"name":"f","arguments":""}}] "tool_calls":[{"index":0,"function":{"arguments":"{}"}}]`, ""},
		{"a failure", `{"type":"response.failed","error":{"message":"it broke"}}`, "", "it broke"},
		{"cancelled", `{"type":"response.cancelled","response":{"status":"cancelled","error":{"message":"no more"}}}`, "", "no more"},
	} {
		r := &abi.DecodeEventsRequest{Endpoint: abi.Chat, State: "r,"}
		for _, e := range strings.Split(c.events, "\n") {
			r.Events = append(r.Events, abi.Event{Data: abi.Raw(e)})
		}
		reply, err := (&Codec{}).DecodeEvents(r)
		if err != nil {
			t.Fatal(err)
		}
		var deltas []string
		for _, chunk := range reply.Chunks {
			deltas = append(deltas, strings.TrimSuffix(strings.TrimPrefix(string(chunk), chunkBegin), chunkEnd))
		}
		failure := ""
		if reply.Error != nil {
			failure = reply.Error.Message
		}
		if got := strings.Join(deltas, " "); got != c.want || failure != c.failure {
			t.Errorf("%s: %s %s", c.name, got, failure)
		}
	}
}

// TestEncode_Tools: those of the vendor's own pass as they are where the settings name them.
func TestEncode_Tools(t *testing.T) {
	const ask = `{"messages":[{"role":"user","content":"hi"}],"tools":[{"type":"fetch_url","max_urls":2.0}]}`
	r, err := (&Codec{}).Encode(&abi.EncodeRequest{Endpoint: abi.Chat, Body: abi.Raw(ask)}, &Settings{Tools: []string{"fetch_url"}})
	if err != nil || !strings.Contains(string(r.Body), `"tools":[{"type":"fetch_url","max_urls":2.0}]`) {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := (&Codec{}).Encode(&abi.EncodeRequest{Endpoint: abi.Chat, Body: abi.Raw(ask)}, &Settings{}); err == nil {
		t.Error("a tool that nobody knows passed")
	}
}

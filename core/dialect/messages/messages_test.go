package messages

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/dialect/bridge/bridgetest"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

var suite = bridgetest.Suite{Dir: "../../../testdata/vectors/messages", Bridge: Bridge{}, ID: "msg_1", Whole: "message.json", Check: checkEvents}

func TestVectors(t *testing.T) { suite.Run(t) }

// checkEvents holds events against the rules of a Messages stream that strict clients
// rely on.
func checkEvents(text []byte) error {
	var order []string
	next, open := 0, ""
	for _, e := range strings.Split(strings.TrimSuffix(string(text), "\n\n"), "\n\n") {
		head, data, ok := strings.Cut(e, "\ndata: ")
		kind := strings.TrimPrefix(head, "event: ")
		if !ok || strings.Contains(data, "\n") || scan.Valid([]byte(data)) != nil || scan.GetString([]byte(data), "type") != kind {
			return fmt.Errorf("bad event %q", e)
		}
		order = append(order, kind)
		index, _ := scan.GetInt([]byte(data), "index")
		switch kind {
		case "content_block_start":
			if open != "" || int(index) != next {
				return fmt.Errorf("block %d starts while %q is open, next is %d", index, open, next)
			}
			open = scan.GetString([]byte(data), "content_block", "type")
		case "content_block_delta":
			want := map[string]string{"text_delta": "text", "citations_delta": "text", "input_json_delta": "tool_use", "thinking_delta": "thinking", "signature_delta": "thinking"}
			if open == "" || int(index) != next || want[scan.GetString([]byte(data), "delta", "type")] != open {
				return fmt.Errorf("delta %s in a block of type %q", data, open)
			}
		case "content_block_stop":
			if open == "" || int(index) != next {
				return fmt.Errorf("block %d stops", index)
			}
			next, open = next+1, ""
		case "message_start", "message_delta", "message_stop":
			if open != "" {
				return fmt.Errorf("%s while a block is open", kind)
			}
		default:
			return fmt.Errorf("unknown event %q", kind)
		}
	}
	n := len(order)
	if n < 3 || order[0] != "message_start" || order[n-2] != "message_delta" || order[n-1] != "message_stop" {
		return fmt.Errorf("order is %v", order)
	}
	for _, kind := range order[1 : n-2] {
		if strings.HasPrefix(kind, "message_") {
			return fmt.Errorf("order is %v", order)
		}
	}
	return nil
}

// TestStream_Orders deals two calls, a text and a thought out in many orders:
// whatever comes first, the rules hold and every block gets all of its own.
func TestStream_Orders(t *testing.T) {
	queues := [][]string{
		{`"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":""}}]`, `"tool_calls":[{"index":0,"function":{"arguments":"{\"x\":"}}]`, `"tool_calls":[{"index":0,"function":{"arguments":"1}"}}]`},
		{`"tool_calls":[{"index":1,"id":"b","function":{"name":"g","arguments":"{\"y\""}}]`, `"tool_calls":[{"index":1,"function":{"arguments":":2} "}}]`},
		{`"content":"te"`, `"content":"xt"`},
		{`"reasoning_content":"th"`, `"thinking_blocks":[{"type":"thinking","signature":"s"}]`},
	}
	orders := dealt(queues, nil, func(chunks []byte) {
		events, err := suite.Relay(nil, chunks, core.Usage{})
		if err == nil {
			err = checkEvents(events)
		}
		got := gather(events)
		want := map[string]string{"f": `{"x":1}`, "g": `{"y":2} `, "text": "text", "thinking": "th", "signature": "s"}
		if g := strings.TrimSpace(got["g"]); g+" " == want["g"] {
			got["g"] = want["g"] // white space behind the object is nobody's
		}
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("%v: got %v from\n%s\n%s", err, got, chunks, events)
		}
	})
	if orders != 7560 {
		t.Errorf("%d orders", orders)
	}
}

// dealt calls f with the chunks of deltas in every order that keeps that of each queue, and
// returns how many there are.
func dealt(left [][]string, chunks []byte, f func(chunks []byte)) (orders int) {
	for i := range left {
		if len(left[i]) > 0 {
			rest := append([][]string(nil), left...)
			rest[i] = rest[i][1:]
			orders += dealt(rest, fmt.Appendf(append([]byte(nil), chunks...), `{"choices":[{"index":0,"delta":{%s}}]}`+"\n", left[i][0]), f)
		}
	}
	if orders == 0 {
		f(chunks)
		return 1
	}
	return orders
}

// gather collects what clients read from events, by tool name or kind of block.
func gather(events []byte) map[string]string {
	got := map[string]string{}
	name := ""
	for _, e := range bytes.Split(events, []byte("\n\n")) {
		_, data, _ := bytes.Cut(e, []byte("\ndata: "))
		if b := scan.Get(data, "content_block"); b != nil {
			if name = scan.GetString(b, "name"); name == "" {
				name = scan.GetString(b, "type")
			}
		}
		d := scan.Get(data, "delta")
		for _, member := range []string{"text", "thinking", "partial_json"} {
			if s := scan.GetString(d, member); s != "" {
				got[name] += s
			}
		}
		if s := scan.GetString(d, "signature"); s != "" {
			got["signature"] += s
		}
	}
	return got
}

// TestErrorBody walks all codes: the type is one that Anthropic's clients know
// and belongs to the status.
func TestErrorBody(t *testing.T) {
	special := map[core.Code]string{
		core.CodeUnauthenticated: "401 authentication_error", core.CodePermissionDenied: "403 permission_error",
		core.CodeNotFound: "404 not_found_error", core.CodeBudgetExceeded: "402 billing_error",
		core.CodePayloadTooLarge: "413 request_too_large", core.CodeRateLimited: "429 rate_limit_error",
		core.CodeOverloaded: "529 overloaded_error", core.CodeUpstreamUnavailable: "502 api_error",
		core.CodeUpstreamTimeout: "504 timeout_error", core.CodeUpstreamCredential: "502 api_error",
		core.CodePluginFailed: "500 api_error", core.CodeInternal: "500 api_error", core.CodeConflict: "409 invalid_request_error",
	}
	for _, code := range core.Codes() {
		want := special[code]
		if want == "" {
			want = "400 invalid_request_error"
		}
		e := core.Errorf(code, core.SourceGateway, "a \"b\"")
		body := ErrorBody(nil, e, "exc_1")
		got := fmt.Sprint(ErrorStatus(e), " ", scan.GetString(body, "error", "type"))
		if got != want || scan.Valid(body) != nil || scan.GetString(body, "type") != "error" ||
			scan.GetString(body, "error", "message") != `a "b"` || scan.GetString(body, "request_id") != "exc_1" {
			t.Errorf("%s: got %s in %s, want %s", code, got, body, want)
		}
	}
	for status, want := range map[int]string{503: "529 overloaded_error", 529: "529 overloaded_error"} {
		e := &core.Error{Code: core.CodeUpstreamUnavailable, Source: core.SourceUpstream, Status: status}
		if got := fmt.Sprint(ErrorStatus(e), " ", scan.GetString(ErrorBody(nil, e, ""), "error", "type")); got != want {
			t.Errorf("vendor's %d: got %s, want %s", status, got, want)
		}
	}
	rejected := &core.Error{Code: core.CodeUpstreamRejected, Source: core.SourceUpstream, Status: 418}
	if got := scan.GetString(ErrorBody(nil, rejected, ""), "error", "type"); got != "invalid_request_error" {
		t.Errorf("vendor's 418 is %s", got)
	}
}

func BenchmarkStream_Chunk(b *testing.B) {
	s := NewStream("msg_1", "served", 7)
	chunk := []byte(`{"id":"x1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":" word"},"finish_reason":null}]}`)
	var dst []byte
	for b.Loop() {
		dst, _ = s.Chunk(dst[:0], chunk)
	}
}

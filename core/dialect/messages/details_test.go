package messages

import (
	"bytes"
	"testing"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/dialect/bridge"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// TestDetails_RoundTrip: a client that hands its blocks back hands OpenRouter its own
// details back, beside Claude's thoughts.
func TestDetails_RoundTrip(t *testing.T) {
	const details = `[{"type":"reasoning.summary","summary":"Plan \"é\".","format":"openai-responses-v1","index":0},{"type":"reasoning.text","signature":"c2ln","index":1},{"type":"reasoning.encrypted","data":"Z0FBQUE=","id":"rs_1","index":0}]`
	whole, err := FromChat(nil, []byte(`{"choices":[{"index":0,"message":{"role":"assistant","content":"A","reasoning_content":"Plan \"é\".","reasoning_details":`+details+`},"finish_reason":"stop"}]}`), &bridge.Answer{ID: "msg_1"})
	if err != nil {
		t.Fatal(err)
	}
	content := string(scan.Get(whole, "content"))
	content = content[:len(content)-1] + `,{"type":"thinking","thinking":"b","signature":"s"}]`
	chat, _, err := Bridge{}.ToChat([]byte(`{"model":"m","max_tokens":9,"messages":[{"role":"assistant","content":`+content+`}]}`), bridge.To{})
	if err != nil {
		t.Fatal(err)
	}
	var m []byte
	scan.Elements(scan.Get(chat, "messages"), func(_ int, v []byte) bool { m = v; return false })
	if got := string(scan.Get(m, "reasoning_details")); got != details {
		t.Errorf("\n got %s\nwant %s", got, details)
	}
	if got := string(scan.Get(m, "thinking_blocks")); got != `[{"type":"thinking","thinking":"b","signature":"s"}]` {
		t.Errorf("Claude's own: %s", got)
	}
	if got := scan.GetString(m, "reasoning_content"); got != `Plan "é".b` {
		t.Errorf("words: %s", got)
	}
}

// TestDetails_Orders: whatever comes between details, the rules of a stream hold, and each
// comes back whole, in their order.
func TestDetails_Orders(t *testing.T) {
	queues := [][]string{
		{`"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\":"}}]`, `"tool_calls":[{"index":0,"function":{"arguments":"1}"}}]`},
		{`"content":"te"`, `"content":"xt"`},
		{`"reasoning_details":[{"type":"reasoning.text","text":"th","signature":"s","index":0}]`, `"reasoning_details":[{"type":"reasoning.encrypted","data":"x","index":1},{"type":"reasoning.summary","summary":"su","index":2}]`,
			`"reasoning_details":[{"type":"reasoning.text","signature":"t","index":3}]`},
	}
	const want = `[{"type":"reasoning.text","text":"th","signature":"s","index":0},{"type":"reasoning.encrypted","data":"x","index":1},{"type":"reasoning.summary","summary":"su","index":2},{"type":"reasoning.text","signature":"t","index":3}]`
	dealt(queues, nil, func(chunks []byte) {
		events, err := suite.Relay(nil, chunks, core.Usage{})
		if err == nil {
			err = checkEvents(events)
		}
		if _, details := bridge.SplitThoughts(thoughtsOf(events)); err != nil || string(details) != want {
			t.Fatalf("%v: %s from\n%s\n%s", err, details, chunks, events)
		}
	})
}

// thoughtsOf are the thinking blocks that a client makes of events.
func thoughtsOf(events []byte) []byte {
	var list, block []byte
	for event := range bytes.SplitSeq(events, []byte("\n\n")) {
		_, data, _ := bytes.Cut(event, []byte("\ndata: "))
		if b := scan.Get(data, "content_block"); b != nil {
			block = b
		}
		for _, name := range [...]string{"thinking", "signature"} {
			if v := scan.Get(data, "delta", name); v != nil {
				block = scan.Apply(nil, block, []scan.Edit{{Key: name, Value: v}})
			}
		}
		if kind := scan.GetString(block, "type"); scan.GetString(data, "type") == "content_block_stop" && kind != "text" && kind != "tool_use" {
			list = append(append(list, ','), block...)
		}
	}
	return scan.CloseArray(list, 0)
}

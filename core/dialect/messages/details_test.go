package messages

import (
	"testing"

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

package responses

import (
	"strings"
	"testing"

	"github.com/tokligence/gateway/core/dialect/bridge"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// TestDetails_RoundTrip: reasoning items hand OpenRouter its own details back, but for one
// whose words have changed since.
func TestDetails_RoundTrip(t *testing.T) {
	const first, others = `{"type":"reasoning.summary","summary":"Plan.","format":"openai-responses-v1","index":0}`,
		`{"type":"reasoning.text","signature":"c2ln","index":1},{"type":"reasoning.encrypted","data":"Z0FBQUE=","id":"rs_1","index":0}`
	whole, err := Bridge{}.FromChat(nil, []byte(`{"choices":[{"index":0,"message":{"role":"assistant","content":"A","reasoning_content":"Plan.","reasoning_details":[`+first+","+others+`]},"finish_reason":"stop"}]}`), &bridge.Answer{ID: "resp_1"})
	if err != nil {
		t.Fatal(err)
	}
	output := string(scan.Get(whole, "output"))
	for input, want := range map[string]string{output: "[" + first + "," + others + "]", strings.Replace(output, "Plan.", "[removed]", 1): "[" + others + "]"} {
		chat, _, err := Bridge{}.ToChat([]byte(`{"model":"m","input":`+input+`}`), bridge.To{})
		if err != nil {
			t.Fatal(err)
		}
		var m []byte
		scan.Elements(scan.Get(chat, "messages"), func(_ int, v []byte) bool { m = v; return false })
		if got := string(scan.Get(m, "reasoning_details")); got != want || scan.Get(m, "thinking_blocks") != nil {
			t.Errorf("\n got %s\nwant %s", m, want)
		}
	}
}

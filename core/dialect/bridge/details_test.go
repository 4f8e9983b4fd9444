package bridge

import (
	"encoding/base64"
	"testing"

	"github.com/tokligence/gateway/pdk/abi/scan"
)

// TestDetails_Back: what details became is the same details again, byte for byte and in
// order, and none of their words is in a seal.
func TestDetails_Back(t *testing.T) {
	const details = `[{"type":"reasoning.summary","summary":"Plan \"é\".","format":"openai-responses-v1","index":0},` +
		`{"index":1,"text":"Ask f.","type":"reasoning.text","signature":"c2ln","id":null,"format":"anthropic-claude-v1","new":1.50},` +
		`{"type":"reasoning.text","signature":"c2ln","index":2},{"type":"reasoning.text","text":"","index":3},{"type":"reasoning.text","text":null},` +
		`{"type":"reasoning.encrypted","data":"Z0FBQUE=","id":"rs_1","format":"openai-responses-v1","index":0}]`
	message := WithBlocks([]byte(`{"content":"A","reasoning_details":` + details + `}`))
	blocks, back := SplitThoughts(scan.Get(message, "thinking_blocks"))
	if string(back) != details || blocks != nil || scan.Get(message, "reasoning_details") != nil {
		t.Errorf("%s\n got %s, %s\nwant %s", message, back, blocks, details)
	}
	scan.Elements(scan.Get(message, "thinking_blocks"), func(_ int, block []byte) bool {
		sealed, _ := base64.RawStdEncoding.DecodeString(string(scan.Text(seal(block)))[len(detailMark):])
		for _, name := range [...]string{"text", "summary"} {
			if words := scan.Get(sealed, name); filled(words) {
				t.Errorf("%s is sealed in %s", words, block)
			}
		}
		return true
	})
}

// TestDetails_Pieces: which details of a stream are pieces of one.
func TestDetails_Pieces(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{`{"type":"reasoning.text","text":"a","index":0}`, `{"type":"reasoning.text","text":"b","index":0}`, true},
		{`{"type":"reasoning.text","text":"a","index":0,"id":null}`, `{"type":"reasoning.text","signature":"s","index":0,"id":"x"}`, true},
		{`{"type":"reasoning.text","text":"a"}`, `{"type":"reasoning.text","text":"b"}`, true},
		{`{"type":"reasoning.text","text":"a","index":0}`, `{"type":"reasoning.text","text":"b","index":1}`, false},
		{`{"type":"reasoning.text","text":"a","index":0,"id":"x"}`, `{"type":"reasoning.text","text":"b","index":0,"id":"y"}`, false},
		{`{"type":"reasoning.text","text":"a","index":0}`, `{"type":"reasoning.summary","summary":"b","index":0}`, false},
		{`{"type":"reasoning.encrypted","data":"a"}`, `{"type":"reasoning.encrypted","data":"b"}`, false},
	} {
		var d Details
		d.Add([]byte(c.a))
		if d.Continues([]byte(c.b)) != c.same {
			t.Errorf("%s\n%s: not %v", c.a, c.b, c.same)
		}
	}
}

// TestSplitThoughts_Others: Claude's own blocks stay; a seal that is not of this making is
// nothing.
func TestSplitThoughts_Others(t *testing.T) {
	sealed := func(s string) string {
		return detailMark + base64.RawStdEncoding.EncodeToString([]byte(s))
	}
	const own = `{"type":"thinking","thinking":"a","signature":"c2ln"},{"type":"redacted_thinking","data":"eHg="},{"type":"thinking","thinking":"b","signature":""}`
	blocks, details := SplitThoughts([]byte(`[` + own +
		`,{"type":"thinking","thinking":"c","signature":"` + sealed(`{"type":"reasoning.text","text":["words"]`) + `"}` + // no JSON
		`,{"type":"redacted_thinking","data":"` + sealed(`{"type":"reasoning.encrypted","data":"x","text":"words"}`) + `"}` +
		`,{"type":"thinking","thinking":"c","signature":"` + sealed(`{"type":"reasoning.text","text":"","summary":"words"}`) + `"}` +
		`,{"type":"thinking","thinking":"c","signature":"` + sealed(`{"type":"reasoning.server_tool_call","result":"words"}`) + `"}]`))
	if string(blocks) != "["+own+"]" || details != nil {
		t.Errorf("%s\n%s", blocks, details)
	}
}

package exchange_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/pdk/abi"
)

func cited(start, end int) string {
	return fmt.Sprintf(`"annotations":[{"type":"url_citation","url_citation":{"start_byte":%d,"end_byte":%d,"title":"t","url":"https://a.test"}}]`, start, end)
}

func citedPieces(start, end int) string {
	return fmt.Sprintf(`"annotations":[{"type":"url_citation","url_citation":{"start_piece":%d,"end_piece":%d,"title":"t","url":"https://a.test"}}]`, start, end)
}

// TestDo_Citations: places in bytes and in pieces come out as places in characters, whether the text is
// whole, in pieces, behind escapes, of several choices, or shorter than they say.
func TestDo_Citations(t *testing.T) {
	whole1 := func(content string, start, end int) string {
		return `{"id":"x","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":` + content + `,` + cited(start, end) + `},"finish_reason":"stop"}]}`
	}
	piece := func(choice int, rest string) string {
		return fmt.Sprintf(`data: {"choices":[{"index":%d,"delta":{%s},"finish_reason":null}]}`, choice, rest) + "\n\n"
	}
	for _, c := range []struct {
		name       string
		answer     string
		events     []string
		start, end int
	}{
		{"whole", whole1(`"Grüße, Welt"`, 9, 13), nil, 7, 11},
		{"escapes", whole1(`"\ud83d\ude00\n\u00fc😀x"`, 5, 12), nil, 2, 5},
		{"ascii", whole1(`"abc"`, 1, 3), nil, 1, 3},
		{"null", whole1(`null`, 1, 3), nil, 0, 0},
		{"beyond", whole1(`"äb"`, 1, 99), nil, 1, 2},
		{"long", whole1(`"`+strings.Repeat("ä", 200)+`"`, 128, 400), nil, 64, 200},
		{"pieces", strings.Replace(whole1(`["Gr\u00fcße","",", ","Wält"]`, 0, 0), cited(0, 0), citedPieces(2, 3), 1), nil, 7, 11},
		{"more pieces than there are", strings.Replace(whole1(`["ä"]`, 0, 0), cited(0, 0), citedPieces(-1, 9), 1), nil, 0, 1},
		{"streamed pieces", "", []string{piece(0, `"role":"assistant","content":""`), piece(0, `"content":"Grü"`), piece(0, `"content":"ße, "`), piece(0, `"content":"Wält"`), piece(0, citedPieces(2, 3)), finish}, 7, 11},
		{"streamed", "", []string{piece(0, `"role":"assistant","content":"Grü"`), piece(0, `"content":"ße, "`), piece(0, `"content":"Welt",`+cited(9, 13)), finish}, 7, 11},
		{"two choices", "", []string{piece(1, `"content":"ää"`), piece(0, `"content":"aö"`), piece(1, cited(2, 4)), finish, strings.Replace(finish, `"index":0`, `"index":1`, 1)}, 1, 2},
	} {
		r := newRig(t, core.Deployment{}, nil)
		r.through(reader{passthrough{base: r.url}, nil}, nil)
		ask := `{"model":"m","messages":[{"role":"user","content":"hi"}],"web_search_options":{}`
		if r.answer(whole(200, c.answer)); c.events != nil {
			r.answer(r.raw(append([]string{streamHead}, c.events...)...))
			ask += `,"n":` + fmt.Sprint(strings.Count(strings.Join(c.events, ""), `"stop"`)) + `,"stream":true`
		}
		got, _ := r.ask(r.key("", core.Limits{}), abi.Chat, ask+"}")
		want := fmt.Sprintf(`{"title":"t","url":"https://a.test","start_index":%d,"end_index":%d}`, c.start, c.end)
		if text := got.body.String(); got.status != 200 || !strings.Contains(text, want) || strings.Contains(text, "_byte") || strings.Contains(text, "_piece") || strings.Contains(text, `"content":[`) {
			t.Errorf("%s: %d %s", c.name, got.status, text)
		}
	}
}

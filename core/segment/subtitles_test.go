package segment

import (
	"strings"
	"testing"

	"github.com/tokligence/gateway/pdk/abi"
)

func TestText(t *testing.T) {
	for _, c := range []struct{ name, body, want string }{
		{"plain text", "one\n\ntwo\n", "1 assistant/text: one\n\ntwo\n"},
		{"nothing", "\n", ""},
		{"SRT", "1\r\n00:00:00,000 --> 00:00:01,500\r\nHello\r\nyou\r\n\r\n2\r\n00:00:02,000 --> 00:00:03,000\r\n42\r\n", "1 assistant/text: Hello\r\nyou\n1 assistant/text: 42\n"},
		{"WebVTT", "WEBVTT\n\nNOTE hidden\n\nintro\n00:00.000 --> 00:01.000 align:start line:0\n<v Ann>Hi\n", "1 assistant/text: WEBVTT\n1 assistant/text: NOTE hidden\n1 assistant/text: intro\n1 assistant/text: <v Ann>Hi\n"},
		{"numbers that are no cue's", "4111 1111\n\n4111\n1111\n\n7\n00:00 --> 00:01\n", "1 assistant/text: 4111 1111\n1 assistant/text: 4111\n1111\n"},
		{"what only looks like a time", "1\n00:00 --> secret\n\n00:00 --> 00:01 secret\n", "1 assistant/text: 1\n00:00 --> secret\n1 assistant/text: 00:00 --> 00:01 secret\n"},
	} {
		if got := show(Text([]byte(c.body))); got != c.want {
			t.Errorf("%s: got\n%swant\n%s", c.name, got, c.want)
		}
	}
}

// TestReplace_Subtitles: a cue's new text ends no cue, and all else stays byte for byte.
func TestReplace_Subtitles(t *testing.T) {
	body := []byte("1\r\n00:00:00,000 --> 00:00:01,500\r\nHello\r\n\r\n2\r\n00:00:02,000 --> 00:00:03,000\r\nyou")
	got := string(Replace(nil, body, Text(body), []abi.SegmentText{{ID: 0, Text: "a\n\n9\n-->b\n"}}))
	if want := strings.Replace(string(body), "Hello", "a\n9\n->b", 1); got != want {
		t.Errorf("got %q", got)
	}
	if got := string(Replace(nil, []byte("a\n\nb"), Text([]byte("a\n\nb")), []abi.SegmentText{{ID: 0, Text: "c\n\nd --> e"}})); got != "c\n\nd --> e" {
		t.Errorf("got %q", got)
	}
}

func TestDropLogprobs_Transcripts(t *testing.T) {
	for in, want := range map[string]string{
		`{"type":"transcript.text.delta","delta":"x","logprobs":[{"token":"x"}]}`:                                          `{"type":"transcript.text.delta","delta":"x","logprobs":[]}`,
		`{"text":"x","words":[{"word":"x"}],"duration":1.50,"segments":[{"id":0,"tokens":[1],"text":"x"}],"logprobs":[1]}`: `{"text":"x","duration":1.50,"segments":[{"id":0,"text":"x"}],"logprobs":[]}`,
		`{"words":[1],"other":[2]}`: `{"words":[1],"other":[2]}`,
	} {
		if got := string(DropLogprobs([]byte(in), nil)); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// FuzzText: no line of text is overlooked, and what is put back unchanged is unchanged.
func FuzzText(f *testing.F) {
	f.Add("1\n00:00 --> 00:01\nx\n")
	f.Add("WEBVTT\n\na --> b\n")
	f.Fuzz(func(t *testing.T, body string) {
		found := Text([]byte(body))
		rest := body
		for i := len(found) - 1; i >= 0; i-- {
			if body[found[i].From:found[i].To] != found[i].Text {
				t.Fatalf("%q is not %q", body[found[i].From:found[i].To], found[i].Text)
			}
			rest = rest[:found[i].From] + rest[found[i].To:]
		}
		if strings.ContainsFunc(rest, func(r rune) bool {
			return r >= 'A' && r <= 'z' && !strings.ContainsRune("verticalinepositionsizealignverticalline", r)
		}) {
			t.Errorf("%q is not looked at in %q", rest, body)
		}
		if got := string(Replace(nil, []byte(body), found, nil)); got != body {
			t.Errorf("got %q, was %q", got, body)
		}
	})
}

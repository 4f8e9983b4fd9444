package llm

import "testing"

func TestTranscript_Answer(t *testing.T) {
	x := Transcript{Text: []byte(`"Hi there. \"Bye\""`), Language: "en", Duration: 3662.0004, Words: []Word{{"Hi", 0.1, 0.5}, {"there.", 0.5, 1}, {`"Bye"`, 3661.25, 3661.9995}}}
	const srt = "1\n00:00:00,100 --> 00:00:01,000\nHi there.\n\n2\n01:01:01,250 --> 01:01:02,000\n\"Bye\"\n\n"
	for _, c := range []struct{ format, kind, body string }{
		{"", "", `{"text":"Hi there. \"Bye\""}`},
		{"text", "text/plain; charset=utf-8", `"Hi there. \"Bye\""`},
		{"srt", "text/plain; charset=utf-8", quote(srt)},
		{"vtt", "text/vtt; charset=utf-8", quote("WEBVTT\n\n00:00:00.100 --> 00:00:01.000\nHi there.\n\n01:01:01.250 --> 01:01:02.000\n\"Bye\"\n\n")},
		{"verbose_json", "", `{"task":"transcribe","language":"en","duration":3662.0004,"text":"Hi there. \"Bye\"","segments":[{"id":0,"start":0.1,"end":1,"text":"Hi there."},{"id":1,"start":3661.25,"end":3661.9995,"text":"\"Bye\""}],` +
			`"words":[{"word":"Hi","start":0.1,"end":0.5},{"word":"there.","start":0.5,"end":1},{"word":"\"Bye\"","start":3661.25,"end":3661.9995}]}`},
	} {
		r := x.Answer(c.format, true)
		if string(r.Body) != c.body || r.ContentType != c.kind || r.Base64 || *r.Usage.Milliseconds != 3662001 {
			t.Errorf("%s: %s %s, %d ms", c.format, r.ContentType, r.Body, *r.Usage.Milliseconds)
		}
	}
	if r := (&Transcript{Text: []byte(`""`)}).Answer("vtt", false); string(r.Body) != `"WEBVTT\n\n"` || r.Usage != nil {
		t.Errorf("an empty one: %s %+v", r.Body, r.Usage)
	}
}

// TestTranscript_Cues: a cue ends with a sentence, before a pause, and before it is too long to read.
func TestTranscript_Cues(t *testing.T) {
	var words []Word
	for i := range 40 {
		words = append(words, Word{"abcdefgh", float64(i) / 4, float64(i)/4 + 0.25})
	}
	for _, c := range (&Transcript{Words: words}).cues() {
		if len(c.Text) > cueLength || c.End-c.Start > cueTime {
			t.Errorf("%+v", c)
		}
	}
	if n := len((&Transcript{Words: []Word{{"a", 0, 1}, {"b", 2.5, 3}, {"c", 3, 3.5}}}).cues()); n != 2 {
		t.Errorf("%d cues around a pause", n)
	}
}

func quote(s string) string {
	b := []byte{'"'}
	for _, c := range []byte(s) {
		switch c {
		case '\n':
			b = append(b, '\\', 'n')
		case '"':
			b = append(b, '\\', '"')
		default:
			b = append(b, c)
		}
	}
	return string(append(b, '"'))
}

func TestAppendEscaped(t *testing.T) {
	if got := string(AppendEscaped([]byte("/"), "../a b&ü_-9")); got != "/%2E%2E%2Fa%20b%26%C3%BC_-9" {
		t.Errorf("got %s", got)
	}
}

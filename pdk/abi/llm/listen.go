package llm

import (
	"strings"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// FormPart is a member of a form that the host has made JSON of, as a part of the
// vendor's form: a file where it is one (see the package's words), else a field.
func FormPart(name string, v []byte) abi.FormPart {
	if n, ok := scan.GetInt(v, "$file"); ok && scan.Kind(v) == '{' {
		return abi.FormPart{Name: name, File: &abi.FileRef{Number: int(n)}}
	}
	s, ok := scan.String(v)
	if !ok {
		s = string(v)
	}
	return abi.FormPart{Name: name, Value: s}
}

// wantsWords ends the state of a transcript whose words are wanted.
const wantsWords = " words"

// TranscriptState is how a client wants a transcript, as the state of its exchange.
func TranscriptState(format string, words bool) string {
	if words {
		return format + wantsWords
	}
	return format
}

// AnswerAs is Answer in the way that the state tells, which TranscriptState has made.
func (t *Transcript) AnswerAs(state string) *abi.DecodeReply {
	format, words := strings.CutSuffix(state, wantsWords)
	return t.Answer(format, words)
}

// ReadTranscript answers with a vendor's transcript that has a text, words with text,
// start and end in seconds, and members of its own for language and duration in
// seconds. The error names the vendor.
func ReadTranscript(r *abi.DecodeRequest, vendor, language, duration string) (*abi.DecodeReply, error) {
	t := Transcript{Text: scan.Get(r.Body, "text"), Language: scan.GetString(r.Body, language)}
	if scan.Kind(t.Text) != '"' {
		return nil, &abi.Error{Code: abi.UpstreamUnavailable, Message: vendor + " answered without a transcript"}
	}
	t.Duration, _ = scan.Float(scan.Get(r.Body, duration))
	scan.Elements(scan.Get(r.Body, "words"), func(_ int, w []byte) bool {
		start, ok := scan.Float(scan.Get(w, "start"))
		end, _ := scan.Float(scan.Get(w, "end"))
		if text := strings.TrimSpace(scan.GetString(w, "text")); ok && text != "" {
			t.Words = append(t.Words, Word{Text: text, Start: start, End: end})
		}
		return true
	})
	return t.AnswerAs(r.State), nil
}

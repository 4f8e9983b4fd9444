// Package long keeps long strings out of a plugin: a document goes in with a short
// token in the place of each, and what comes out gets them back. A codec that
// moves strings, whole or beside others, means the same either way; one that
// looks into them must ask for their text in its manifest (long_text).
//
// There are three sorts of tokens, each of which is like what it stands for as far
// as a codec may see. Base64 and text without escapes is a word of letters and
// digits. Other text ends in a backslash, by which Restore sees how often the
// token has become a string within a string. Text that is a JSON object or array is one
// with a single member, since some dialects take it as a string and others as it is.
package long

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"strconv"
	"strings"

	"github.com/tokligence/gateway/pdk/abi/scan"
)

// Limit is the length in bytes, as written between quotes, up to which strings go in.
const Limit = 512

// mark begins every token of this process. It has twelve characters, so that a
// token of a base64 text has the length of one.
var mark = []byte("LT" + rand.Text()[:10])

const digits = 4

// maxTexts is how many strings of a document are kept out: their numbers have four digits.
const maxTexts = 10_000

// Texts are the strings that one document was shortened by. The zero value takes
// part in nothing until Cut. Not safe for concurrent use.
type Texts struct {
	kept []text
	size int // of all that is kept
}

// text is one string, as it stands between quotes in the document.
type text struct {
	raw   []byte
	sort  sort
	plain []byte // of JSON: the text unescaped
}

type sort byte

const (
	word   sort = iota // mark 0000
	prose              // mark 0000\\.
	object             // {\"mark 0000\\\\.\":0}
	array              // [\"mark 0000\\\\.\"]
)

// Reset forgets all.
func (t *Texts) Reset() {
	clear(t.kept)
	t.kept, t.size = t.kept[:0], 0
}

// Any reports whether anything was kept out.
func (t *Texts) Any() bool { return len(t.kept) > 0 }

// Cut appends doc, which is valid JSON, to dst without its strings of more than
// limit bytes. What is kept aliases doc until Reset.
func (t *Texts) Cut(dst, doc []byte, limit int) []byte {
	if len(doc) <= limit || bytes.Contains(doc, mark) { // nobody can know the mark, and nothing breaks
		return append(dst, doc...)
	}
	var name []byte
	done := 0
	for i := 0; len(t.kept) < maxTexts; {
		from, to := nextString(doc, i)
		if from < 0 {
			break
		}
		i = to + 1
		if to-from <= limit {
			for i < len(doc) && doc[i] <= ' ' {
				i++
			}
			if i < len(doc) && doc[i] == ':' {
				name = doc[from:to]
			}
			continue
		}
		if isName(doc, i) {
			name = doc[from:to]
			continue
		}
		if at, kept, ok := keep(name, doc[from:to]); ok && to-from-at > limit {
			dst = t.appendToken(append(dst, doc[done:from+at]...), kept)
			done = to
		}
	}
	return append(dst, doc[done:]...)
}

// nextString is where the content of the string at or behind i begins and ends.
func nextString(doc []byte, i int) (from, to int) {
	q := bytes.IndexByte(doc[i:], '"')
	if q < 0 {
		return -1, -1
	}
	from = i + q + 1
	for to = from; ; to++ {
		q := bytes.IndexByte(doc[to:], '"')
		if q < 0 {
			return -1, -1
		}
		if to += q; doc[to-1] != '\\' || slashes(doc[from:to])%2 == 0 {
			return from, to
		}
	}
}

// slashes counts the backslashes at the end of s.
func slashes(s []byte) int { return len(s) - len(bytes.TrimRight(s, `\`)) }

// isName reports whether a colon follows.
func isName(doc []byte, i int) bool {
	rest := bytes.TrimLeft(doc[i:], " \t\r\n")
	return len(rest) > 0 && rest[0] == ':'
}

// fixed are members that codecs look at: what they name is no text.
var fixed = map[string]bool{
	"id": true, "call_id": true, "event_id": true, "previous_item_id": true, "tool_call_id": true, "tool_use_id": true, "item_id": true, "response_id": true, "previous_response_id": true,
	"name": true, "role": true, "type": true, "toolType": true, "model": true, "media_type": true, "mime_type": true, "mimeType": true, "format": true,
	"file_id": true, "uri": true, "file_uri": true, "fileUri": true, "cached_content": true, "cachedContent": true,
	"stop": true, "stop_sequences": true, "stopSequences": true,
	"finish_reason": true, "finishReason": true, "stop_reason": true, "stopReason": true, "reason": true, "status": true, "code": true,
	"turnCompleteReason": true, "voiceActivityType": true, "timeLeft": true, "serviceTier": true, "trafficType": true,
	"message": true, "error": true, "detail": true, // of failures, whose words say what they are
}

// addresses are members that hold a URL, or data in one.
var addresses = map[string]bool{"url": true, "image_url": true, "file_data": true, "file_url": true, "video_url": true, "audio_url": true}

// keep says what of a member's string is kept out, from which byte on.
func keep(name, s []byte) (at int, t text, ok bool) {
	if fixed[string(name)] {
		return 0, t, false
	}
	data := dataHead(s)
	switch {
	case data > 0:
		return data, text{raw: s[data:]}, bytes.IndexByte(s[data:], '\\') < 0
	case data < 0, addresses[string(name)]:
		return 0, t, false
	}
	if t = (text{raw: s}); bytes.IndexByte(s, '\\') >= 0 {
		t.sort = prose
	}
	switch first := firstVisible(s); first {
	case 0:
		return 0, t, false
	case '{', '[':
		quoted := append(append(append(make([]byte, 0, len(s)+2), '"'), s...), '"')
		plain := scan.AppendUnescaped(quoted[:0:0], quoted)
		if scan.Kind(plain) == first && scan.Valid(plain) == nil {
			t.sort, t.plain = array, plain
			if first == '{' {
				t.sort = object
			}
		}
	}
	return 0, t, string(name) != "arguments" || t.sort == object // a codec says what is wrong with others
}

// dataHead is the length of a base64 data URL's head, comma included; 0 for what
// is none, and -1 for one whose text a codec may have to read.
func dataHead(s []byte) int {
	if len(s) < 5 || !bytes.EqualFold(s[:5], []byte("data:")) {
		return 0
	}
	comma := bytes.IndexByte(s[:min(len(s), 256)], ',')
	if comma < 0 || !bytes.HasSuffix(bytes.ToLower(bytes.TrimSpace(s[:comma])), []byte("base64")) {
		return -1
	}
	if bytes.EqualFold(s[5:min(comma, 10)], []byte("text/")) || bytes.EqualFold(s[5:min(comma, 11)], []byte(`text\/`)) {
		return -1
	}
	return comma + 1
}

// firstVisible is the first character of a string, as written, that is no white
// space; 0 when that does not come soon: blank text means something.
func firstVisible(s []byte) byte {
	for i := 0; i < min(len(s), 64); i++ {
		switch {
		case s[i] == ' ':
		case s[i] == '\\' && strings.IndexByte("nrtf", s[i+1]) >= 0:
			i++
		default:
			return s[i]
		}
	}
	return 0
}

func (t *Texts) appendToken(dst []byte, kept text) []byte {
	n := len(t.kept)
	t.kept, t.size = append(t.kept, kept), t.size+len(kept.raw)
	switch kept.sort {
	case object:
		dst = append(dst, `{\"`...)
	case array:
		dst = append(dst, `[\"`...)
	}
	dst = append(dst, mark...)
	dst = append(dst, strconv.Itoa(maxTexts + n)[1:]...)
	switch kept.sort {
	case prose:
		dst = append(dst, `\\.`...)
	case object:
		dst = append(dst, `\\\\.\":0}`...)
	case array:
		dst = append(dst, `\\\\.\"]`...)
	}
	return dst
}

// Restore appends doc, the JSON that a codec made of what was cut, to dst with the
// strings in their places, however often each stands there. The error says that a
// token was taken apart, or used so often that memory would suffer.
func (t *Texts) Restore(dst, doc []byte) ([]byte, error) {
	left := 8*t.size + 1<<20
	for {
		i := bytes.Index(doc, mark)
		if i < 0 {
			return append(dst, doc...), nil
		}
		n := number(doc[i+len(mark):])
		if n < 0 || n >= len(t.kept) {
			return dst, errTaken
		}
		kept := &t.kept[n]
		if left -= len(kept.raw); left < 0 {
			return dst, fmt.Errorf("long strings of %d bytes came back more than eight times", t.size)
		}
		from, to, depth, ok := kept.span(doc, i, i+len(mark)+digits)
		if !ok {
			return dst, errTaken
		}
		dst = kept.appendAt(append(dst, doc[:from]...), depth)
		doc = doc[to:]
	}
}

// number reads a token's; -1 when it is not there.
func number(s []byte) (n int) {
	if len(s) < digits {
		return -1
	}
	for _, c := range s[:digits] {
		if c < '0' || c > '9' {
			return -1
		}
		n = 10*n + int(c-'0')
	}
	return n
}

var errTaken = fmt.Errorf("a long string came back in pieces: a codec must move it whole, or ask for long_text")

// span is what a token takes up in doc, of which its mark and number stand between
// from and to, and how many strings it stands in one within the other: 0 is where
// the text was, or for JSON where it stands as it is.
func (t *text) span(doc []byte, from, to int) (start, end, depth int, ok bool) {
	if t.sort == word {
		return from, to, 0, true
	}
	rest := bytes.TrimLeft(doc[to:], `\`)
	n := len(doc) - to - len(rest)
	for depth = 0; 2<<depth < n; depth++ {
	}
	if 2<<depth != n || len(rest) == 0 || rest[0] != '.' {
		return 0, 0, 0, false
	}
	to += n + 1
	if t.sort == prose {
		return from, to, depth, true
	}
	quote := strings.Repeat(`\`, 1<<depth-1) + `"`
	before, after := "{"+quote, quote+":0}"
	if t.sort == array {
		before, after = "["+quote, quote+"]"
	}
	ok = bytes.HasSuffix(doc[:from], []byte(before)) && bytes.HasPrefix(doc[to:], []byte(after))
	return from - len(before), to + len(after), depth, ok
}

// appendAt appends the text as it is written at a depth.
func (t *text) appendAt(dst []byte, depth int) []byte {
	raw := t.raw
	switch {
	case t.sort == word:
		return append(dst, raw...)
	case t.sort != prose && depth == 0:
		return append(dst, t.plain...)
	case t.sort != prose:
		depth-- // raw is the text within a string
	}
	for range depth {
		raw = escape(raw)
	}
	return append(dst, raw...)
}

// escape writes the content of a string as that of a string within a string. What
// else a string may not hold has its escape already.
func escape(s []byte) []byte {
	out := make([]byte, 0, len(s)+len(s)/8+8)
	for _, c := range s {
		if c == '"' || c == '\\' {
			out = append(out, '\\')
		}
		out = append(out, c)
	}
	return out
}

// Hide takes tokens out of what people read.
func (t *Texts) Hide(message string) string {
	if !t.Any() || !strings.Contains(message, string(mark)) {
		return message
	}
	parts := strings.Split(message, string(mark))
	for i := 1; i < len(parts); i++ {
		parts[i] = "…" + strings.TrimLeft(parts[i], `0123456789\.`)
	}
	return strings.Join(parts, "")
}

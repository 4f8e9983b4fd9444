package exchange

import (
	"bytes"

	"github.com/tokligence/gateway/pdk/abi/scan"
)

// wordLimit is the length in bytes up to which text is counted word by word. Of
// longer text as much is counted in samples, which tells digits, marks and other
// scripts from prose; it counts at least 3 tokens for 10 bytes.
const wordLimit = 4 << 10

// mediaTokens is what a picture, recording or document counts as, beside a token
// for every KiB of it that stands in the body.
const mediaTokens = 1600

// estimateTokens guesses how many tokens the text of a JSON value is: every
// string in it, names of members included (a chat template adds about as much
// around a message as the names come to). It is biased upward and needs no
// tokenizer: 1 token a word of up to five letters, else a quarter of the
// letters; 1 for each mark; 1 for two bytes of other scripts.
func estimateTokens(raw []byte) int64 {
	e := estimator{}
	e.value(raw)
	return e.tokens
}

// estimator counts the text of JSON values in one pass over their strings.
type estimator struct {
	tokens int64
	marked bool // some of the input shall be kept by the vendor
	audio  bool // some of it is heard
	spoken bool // the answer shall be
	files  bool // some of it are files
	media  int  // parts that have been counted, and whose data may come
}

// value counts every string of a JSON value as it is written between its quotes.
func (e *estimator) value(raw []byte) {
	var name []byte
	for i := 0; ; {
		text, rest := nextString(raw, i)
		if rest < 0 {
			return
		}
		if i = skipSpace(raw, rest); i < len(raw) && raw[i] == ':' {
			name = text
			e.marked = e.marked || string(text) == cacheMark || string(text) == "cachePoint"
			e.tokens += estimateText(text)
			continue
		}
		e.text(name, text)
	}
}

// text counts the value of a member. How media count does not depend on whether
// they stand in the body or are only pointed to.
func (e *estimator) text(name, text []byte) {
	switch string(name) {
	case "type":
		switch string(text) {
		case "image", "image_url", "input_image", "document", "file", "input_file", "input_audio", "audio_url", "video_url":
			e.tokens += mediaTokens
			e.media++
		}
		e.files = e.files || string(text) == "file" || string(text) == "input_file" || string(text) == "document"
		e.audio = e.audio || string(text) == "input_audio" || string(text) == "audio_url"
	case "mimeType", "mime_type":
		e.audio = e.audio || bytes.HasPrefix(text, []byte("audio/"))
	case "responseModalities", "response_modalities":
		e.spoken = e.spoken || string(text) == "AUDIO"
	case "url", "image_url", "data", "file_data", "bytes", "bytesBase64Encoded", "images", "audio":
		if len(text) > 256 && isBlob(text) {
			e.tokens += int64(len(text) >> 10)
			if e.media--; e.media < 0 {
				e.tokens, e.media = e.tokens+mediaTokens, 0
			}
			return
		}
	}
	e.tokens += estimateText(text)
}

// escaped reports whether the byte at i stands behind an odd number of backslashes.
func escaped(raw []byte, from, i int) bool {
	odd := false
	for i--; i >= from && raw[i] == '\\'; i-- {
		odd = !odd
	}
	return odd
}

// estimateText is estimateTokens for one text, escaped or not.
func estimateText(s []byte) int64 {
	if len(s) <= wordLimit {
		return countWords(s)
	}
	const samples, size = 4, wordLimit / 4
	var n int64
	for i := range samples {
		from := (len(s) - size) / (samples - 1) * i
		n += countWords(s[from : from+size])
	}
	return max(int64(len(s))*3/10, n*int64(len(s))/wordLimit) + 1
}

func countWords(s []byte) int64 {
	var tokens, wide int64
	for i := 0; i < len(s); {
		switch classes[s[i]] {
		case letter:
			from := i
			for i++; i < len(s) && classes[s[i]] == letter; i++ {
			}
			if n := i - from; n > 5 {
				tokens += int64(n+3) / 4
			} else {
				tokens++
			}
		case foreign:
			wide++
			i++
		case space:
			i++
		case escape: // at most one token, and often none
			if i += 2; i > len(s) {
				tokens++ // the text was cut in it
			}
		default:
			tokens++
			i++
		}
	}
	return tokens + (wide+1)/2
}

// The classes of bytes that text is counted by.
const (
	mark = iota
	letter
	foreign // part of another script
	space
	escape
)

var classes = func() (t [256]byte) {
	for c := range t {
		switch {
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9':
			t[c] = letter
		case c >= 0x80:
			t[c] = foreign
		case c == ' ' || c == '\n' || c == '\t' || c == '\r':
			t[c] = space
		case c == '\\':
			t[c] = escape
		}
	}
	return t
}()

// isBlob reports whether a string is base64, maybe in a data URL, and nothing else.
func isBlob(s []byte) bool {
	if bytes.HasPrefix(s, []byte("data:")) {
		_, payload, ok := bytes.Cut(s, []byte(";base64,"))
		if !ok || len(s)-len(payload) > 256 {
			return false
		}
		s = payload
	}
	for _, c := range s {
		if !base64Text[c] {
			return false
		}
	}
	return true
}

var base64Text = func() (t [256]bool) {
	for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=\\" { // "\/" is how some write a slash
		t[c] = true
	}
	return t
}()

// settings are members that no model reads. What is not among them counts: a
// vendor may well have a member of its own for text.
var settings = [...]string{"model", "user", "metadata", "stream_options", "stop", "stop_sequences", "service_tier", "encoding_format",
	"reasoning_effort", "modalities", "include", "size", "quality", "style", "safety_identifier", "prompt_cache_key", cacheMark}

// cacheMark is the member by which a client has a vendor keep input, at a price
// of its own.
const cacheMark = "cache_control"

// estimateInput guesses the input tokens of a request body, and finds out
// whether any of it is marked to be cached or heard. Token arrays count one by one.
func estimateInput(body scan.Object) (e estimator) {
	body.Members(func(key, value []byte) bool {
		e.marked = e.marked || string(key) == cacheMark
		for _, name := range settings {
			if string(key) == name {
				return true
			}
		}
		e.value(value)
		if string(key) == "input" || string(key) == "prompt" {
			e.tokens += countNumbers(value)
		}
		return true
	})
	return e
}

func countNumbers(raw []byte) (n int64) {
	scan.Elements(raw, func(_ int, v []byte) bool {
		switch scan.Kind(v) {
		case '0':
			n++
		case '[':
			n += countNumbers(v)
		}
		return true
	})
	return n
}

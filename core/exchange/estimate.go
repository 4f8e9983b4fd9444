package exchange

import (
	"bytes"

	"github.com/tokligence/gateway/pdk/abi/scan"
)

// wordLimit is the length in bytes up to which text is counted word by word;
// longer text is counted by its bytes, which is dearer for the client's budget
// and cheaper for the processor.
const wordLimit = 4 << 10

// blobTokens is what a picture or document inside a body counts as, beside a
// token for every KiB of it.
const blobTokens = 1600

// estimateTokens guesses how many tokens the text of a JSON value is: every
// string in it, names of members included (a chat template adds about as much
// around a message as the names come to). It is biased upward and needs no
// tokenizer: 1 token a word of up to five letters, else a quarter of the
// letters; 1 for each mark; 1 for two bytes of other scripts.
func estimateTokens(raw []byte) (n int64) {
	eachText(raw, func(text []byte) { n += estimateText(text) })
	return n
}

// eachText calls f with every string of a JSON value, names of members
// included, as it is written between its quotes.
func eachText(raw []byte, f func(text []byte)) {
	for i := 0; i < len(raw); {
		q := bytes.IndexByte(raw[i:], '"')
		if q < 0 {
			return
		}
		i += q + 1
		end := i
		for {
			e := bytes.IndexByte(raw[end:], '"')
			if e < 0 {
				return
			}
			end += e
			if !escaped(raw, i, end) {
				break
			}
			end++
		}
		f(raw[i:end])
		i = end + 1
	}
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
	if len(s) > 256 && isBlob(s) {
		return blobTokens + int64(len(s)>>10)
	}
	if len(s) > wordLimit {
		return int64(len(s))*3/10 + 1
	}
	var tokens, word, wide int64
	endWord := func() {
		if word > 5 {
			tokens += (word + 3) / 4
		} else if word > 0 {
			tokens++
		}
		word = 0
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9':
			word++
		case c >= 0x80:
			endWord()
			wide++
		case c == ' ' || c == '\n' || c == '\t' || c == '\r':
			endWord()
		case c == '\\' && i+1 < len(s): // an escape: at most one token, and often none
			endWord()
			i++
		default:
			endWord()
			tokens++
		}
	}
	endWord()
	return tokens + (wide+1)/2
}

// isBlob reports whether a long string is a data URL or bare base64: no space
// in its first 256 bytes.
func isBlob(s []byte) bool {
	return bytes.HasPrefix(s, []byte("data:")) || bytes.IndexByte(s[:256], ' ') < 0 && bytes.IndexByte(s[:256], '\\') < 0 && ascii(s[:256])
}

func ascii(s []byte) bool {
	for _, c := range s {
		if c >= 0x80 {
			return false
		}
	}
	return true
}

// promptMembers hold what a model reads, on any endpoint.
var promptMembers = [...]string{"messages", "system", "tools", "tool_choice", "functions", "response_format", "input", "prompt"}

// cacheMark is the member by which a client has a vendor keep input, at a price
// of its own.
const cacheMark = "cache_control"

// estimateInput guesses the input tokens of a request body, and finds out
// whether any of it is marked to be cached. Token arrays count one by one.
func estimateInput(body []byte) (n int64, marked bool) {
	count := func(text []byte) {
		n += estimateText(text)
		marked = marked || string(text) == cacheMark
	}
	scan.Members(body, func(key, value []byte) bool {
		marked = marked || string(key) == cacheMark
		for _, name := range promptMembers {
			if string(key) == name {
				eachText(value, count)
				if name == "input" {
					n += countNumbers(value)
				}
			}
		}
		return true
	})
	return n, marked
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

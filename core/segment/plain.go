package segment

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Plain is JSON text with the characters that it escapes without need, as
// \u007a for z: what reads the JSON sees those, and so shall a guardrail. It
// means the same.
func Plain(json string) string {
	at := strings.IndexByte(json, '\\')
	if at < 0 || !strings.Contains(json[at:], `\u`) && !strings.Contains(json[at:], `\/`) {
		return json
	}
	out := make([]byte, 0, len(json))
	for at >= 0 && at+1 < len(json) {
		out = append(out, json[:at]...)
		r, n := unescape(json[at:])
		if r < 0 { // needed, or no escape at all
			out = append(out, json[at:at+n]...)
		} else {
			out = utf8.AppendRune(out, r)
		}
		json = json[at+n:]
		at = strings.IndexByte(json, '\\')
	}
	return string(append(out, json...))
}

// unescape reads the escape that s begins with: its character, -1 if that has to
// stay escaped, and its length.
func unescape(s string) (r rune, n int) {
	if s[1] == '/' {
		return '/', 2
	}
	r, ok := escaped(s)
	if !ok {
		return -1, 2
	}
	if utf16.IsSurrogate(r) {
		low, ok := escaped(s[6:])
		if r = utf16.DecodeRune(r, low); !ok || r == utf8.RuneError {
			return -1, 6
		}
		return r, 12
	}
	if r < ' ' || r == '"' || r == '\\' || r == 0x7f {
		return -1, 6
	}
	return r, 6
}

func escaped(s string) (rune, bool) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(s[2:6], 16, 16)
	return rune(n), err == nil
}

package core

import "strings"

// secretForm is how a kind of secret begins, and how long it is at least.
type secretForm struct {
	prefix string
	length int
}

// secretForms are those of our own virtual keys and of vendors' keys and tokens.
// There are others without a form, which nobody can recognise.
var secretForms = []secretForm{
	{"sk-", 20}, {"pk-", 20}, {"gk-", 20}, // ours, OpenAI's, Anthropic's and many others'
	{"sk_", 20}, {"rk_", 20},
	{"AIza", 35}, {"ya29.", 30}, {"GOCSPX-", 24}, // Google
	{"AKIA", 20}, {"ASIA", 20}, {"ABSK", 40}, // AWS
	{"gsk_", 20}, {"xai-", 20}, {"pplx-", 20}, {"hf_", 20}, {"r8_", 20}, {"nvapi-", 20}, {"fw_", 20}, {"tgp_", 20}, {"jina_", 20},
	{"ghp_", 20}, {"gho_", 20}, {"ghs_", 20}, {"github_pat_", 20}, {"glpat-", 20}, {"xoxb-", 20}, {"xoxp-", 20},
	{"whsec_", 20},    // of webhooks
	{"sealed.1.", 40}, // of ours, in the store
	{"eyJ", 40},       // a JSON web token
}

// shortestSecret is the least of all lengths.
const shortestSecret = 20

// LooksSecret reports whether a word of the text has the form of a key or token.
func LooksSecret(text string) bool {
	for i := 0; i+shortestSecret <= len(text); i++ {
		if secretAt(text, i) > 0 {
			return true
		}
	}
	return false
}

// MaskSecrets puts *** in the place of what has the form of a key or token, and
// of the texts in known that are not too short to tell. A text without any is
// returned as it is.
func MaskSecrets(text string, known ...string) string {
	for _, k := range known {
		if len(k) >= 8 {
			text = strings.ReplaceAll(text, k, "***")
		}
	}
	var b strings.Builder
	copied := 0
	for i := 0; i+shortestSecret <= len(text); i++ {
		if n := secretAt(text, i); n > 0 {
			b.WriteString(text[copied:i])
			b.WriteString("***")
			copied = i + n
			i = copied - 1
		}
	}
	if copied == 0 {
		return text
	}
	return b.String() + text[copied:]
}

// secretAt is the length of the secret that begins at i, 0 when none does.
func secretAt(text string, i int) int {
	switch text[i] {
	case 's', 'p', 'g', 'r', 'A', 'G', 'y', 'x', 'h', 'n', 'f', 't', 'j', 'w', 'e':
	default:
		return 0
	}
	if !beginsWord(text, i) {
		return 0
	}
	for _, f := range secretForms {
		if !strings.HasPrefix(text[i:], f.prefix) {
			continue
		}
		n, digits, dots := extent(text[i:], len(f.prefix))
		if n >= f.length && digits > 0 && (f.prefix != "eyJ" || dots >= 2) {
			return n
		}
	}
	return 0
}

// extent is how far the secret at the beginning of text goes beyond n bytes, with
// how many digits and dots there.
func extent(text string, n int) (end, digits, dots int) {
	for ; n < len(text); n++ {
		switch c := text[n]; {
		case c >= '0' && c <= '9':
			digits++
		case isWord(c), c == '-', c == '_':
		case c == '.' && n+1 < len(text) && isWord(text[n+1]): // not the end of a sentence
			dots++
		default:
			return n, digits, dots
		}
	}
	return n, digits, dots
}

// beginsWord: nothing of a word stands before i, but maybe an escaped character.
func beginsWord(text string, i int) bool {
	return i == 0 || !isWord(text[i-1]) || i >= 3 && text[i-3] == '%'
}

func isWord(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

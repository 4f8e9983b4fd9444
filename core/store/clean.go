package store

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tokligence/gateway/core"
)

// Bounds of what one entry may hold; names come from clients.
const (
	maxText  = 1024 // bytes of one name, tag or reason
	maxItems = 64   // tags, attempts or findings
)

// clean makes text storable everywhere: Postgres refuses NUL and invalid UTF-8
// (a lone surrogate is one), and a megabyte in a name helps nobody.
func clean(s string) string {
	if len(s) <= maxText && plain(s) {
		return s
	}
	if len(s) > maxText {
		cut := maxText - len("…")
		for cut > 0 && !utf8.RuneStart(s[cut]) {
			cut--
		}
		s = s[:cut] + "…"
	}
	s = strings.ToValidUTF8(s, "\uFFFD")
	return strings.ReplaceAll(s, "\x00", "\uFFFD")
}

// plain reports whether s is valid UTF-8 without NUL.
func plain(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] == 0 {
			return false
		}
		if s[i] >= utf8.RuneSelf {
			return utf8.ValidString(s[i:]) && strings.IndexByte(s[i:], 0) < 0
		}
	}
	return true
}

func cleanList(list []string) []string {
	list = list[:min(len(list), maxItems)]
	shared := true
	for i, s := range list {
		c := clean(s)
		if c == s {
			continue
		}
		if shared { // the caller's slice stays as it is
			list, shared = slices.Clone(list), false
		}
		list[i] = c
	}
	return list
}

// detail is what of an entry is only ever shown, never filtered by.
type detail struct {
	Tags     []string       `json:"tags,omitempty"`
	Attempts []core.Attempt `json:"attempts,omitempty"`
	Reason   string         `json:"reason,omitempty"`
	Findings []string       `json:"findings,omitempty"`
}

func detailJSON(e *core.LedgerEntry) string {
	if len(e.Tags)+len(e.Attempts)+len(e.Reason)+len(e.Findings) == 0 {
		return "{}"
	}
	d := detail{cleanList(e.Tags), e.Attempts, clean(e.Reason), cleanList(e.Findings)}
	if len(d.Attempts) > maxItems {
		d.Attempts = d.Attempts[:maxItems]
	}
	return mustJSON(d)
}

// usageJSON is what json.Marshal writes, at a tenth of the price: it is paid for
// every entry. A test compares the two.
func usageJSON(u *core.Usage) string {
	b := make([]byte, 0, 128)
	b = append(b, `{"input":`...)
	b = strconv.AppendInt(b, u.Input, 10)
	part := func(name string, n int64) {
		if n != 0 {
			b = append(b, name...)
			b = strconv.AppendInt(b, n, 10)
		}
	}
	part(`,"cache_read":`, u.CacheRead)
	part(`,"cache_write_5m":`, u.CacheWrite5m)
	part(`,"cache_write_1h":`, u.CacheWrite1h)
	b = append(b, `,"output":`...)
	b = strconv.AppendInt(b, u.Output, 10)
	part(`,"reasoning":`, u.Reasoning)
	part(`,"audio_input":`, u.AudioInput)
	part(`,"audio_output":`, u.AudioOutput)
	part(`,"image_input":`, u.ImageInput)
	part(`,"image_output":`, u.ImageOutput)
	part(`,"images":`, u.Images)
	part(`,"milliseconds":`, u.Milliseconds)
	part(`,"characters":`, u.Characters)
	part(`,"searches":`, u.Searches)
	b = append(b, `,"input_source":`...)
	b = strconv.AppendQuote(b, string(u.InputSource))
	b = append(b, `,"output_source":`...)
	b = strconv.AppendQuote(b, string(u.OutputSource))
	return string(append(b, '}'))
}

// mustJSON encodes types that cannot fail: structs of strings and integers.
func mustJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

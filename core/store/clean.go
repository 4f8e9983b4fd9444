package store

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/pdk/abi/scan"
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
	return storable(s)
}

// storable replaces what is no valid UTF-8, and NUL.
func storable(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
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
	Usage    core.Usage     `json:"usage"`
	Tags     []string       `json:"tags"`
	Attempts []core.Attempt `json:"attempts"`
	Reason   string         `json:"reason"`
	Findings []string       `json:"findings"`
}

// appendDetail writes what json.Unmarshal reads into a detail, at a tenth of
// the price of json.Marshal: it is paid for every entry. A test compares the two.
func appendDetail(b []byte, e *core.LedgerEntry) []byte {
	b = appendUsage(append(b, `{"usage":`...), &e.Usage)
	if len(e.Tags) > 0 {
		b = scan.AppendStrings(append(b, `,"tags":`...), cleanList(e.Tags))
	}
	if n := min(len(e.Attempts), maxItems); n > 0 {
		b = append(b, `,"attempts":`...)
		start := len(b)
		for i := range n {
			b = appendAttempt(append(b, ','), &e.Attempts[i])
		}
		b = scan.CloseArray(b, start)
	}
	if e.Reason != "" {
		b = scan.AppendString(append(b, `,"reason":`...), clean(e.Reason))
	}
	if len(e.Findings) > 0 {
		b = scan.AppendStrings(append(b, `,"findings":`...), cleanList(e.Findings))
	}
	return append(b, '}')
}

func appendAttempt(b []byte, a *core.Attempt) []byte {
	b = scan.AppendString(append(b, `{"deployment":`...), clean(a.Deployment))
	if a.Status != 0 {
		b = strconv.AppendInt(append(b, `,"status":`...), int64(a.Status), 10)
	}
	if a.Error != "" {
		b = scan.AppendString(append(b, `,"error":`...), clean(string(a.Error)))
	}
	b = strconv.AppendInt(append(b, `,"latency_ns":`...), int64(a.Latency), 10)
	if a.InputTokens != 0 {
		b = strconv.AppendInt(append(b, `,"input_tokens":`...), a.InputTokens, 10)
	}
	if a.OutputTokens != 0 {
		b = strconv.AppendInt(append(b, `,"output_tokens":`...), a.OutputTokens, 10)
	}
	if a.Amount != 0 {
		b = append(a.Amount.Append(append(b, `,"amount":"`...)), '"')
	}
	return append(b, '}')
}

// appendUsage writes what json.Marshal writes.
func appendUsage(b []byte, u *core.Usage) []byte {
	b = strconv.AppendInt(append(b, `{"input":`...), u.Input, 10)
	part := func(name string, n int64) {
		if n != 0 {
			b = strconv.AppendInt(append(b, name...), n, 10)
		}
	}
	part(`,"cache_read":`, u.CacheRead)
	part(`,"cache_write_5m":`, u.CacheWrite5m)
	part(`,"cache_write_1h":`, u.CacheWrite1h)
	b = strconv.AppendInt(append(b, `,"output":`...), u.Output, 10)
	part(`,"reasoning":`, u.Reasoning)
	part(`,"audio_input":`, u.AudioInput)
	part(`,"audio_output":`, u.AudioOutput)
	part(`,"image_input":`, u.ImageInput)
	part(`,"image_output":`, u.ImageOutput)
	part(`,"audio_cache_read":`, u.AudioCached)
	part(`,"image_cache_read":`, u.ImageCached)
	part(`,"images":`, u.Images)
	part(`,"milliseconds":`, u.Milliseconds)
	part(`,"characters":`, u.Characters)
	part(`,"searches":`, u.Searches)
	part(`,"messages":`, u.Messages)
	b = scan.AppendString(append(b, `,"input_source":`...), string(u.InputSource))
	b = scan.AppendString(append(b, `,"output_source":`...), string(u.OutputSource))
	return append(b, '}')
}

// mustJSON encodes types that cannot fail: structs of strings and integers.
func mustJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

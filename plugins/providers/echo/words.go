package main

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// said is what echo has heard.
type said struct {
	role  string // of the message that is answered: user, tool, or "" for none
	text  string
	words int64 // of all messages
}

// listen finds the last message of a user or tool, and counts the words of all.
func listen(messages []byte) (s said, err error) {
	if scan.Len(messages) == 0 {
		return s, refuse("messages", "must be an array with at least one message")
	}
	s.text = greeting
	scan.Elements(messages, func(i int, m []byte) bool {
		role := scan.GetString(m, "role")
		if role == "" {
			err = refuse("messages["+strconv.Itoa(i)+"].role", "is missing")
			return false
		}
		text := spoken(scan.Get(m, "content"))
		s.words += countWords(text)
		if (role == "user" || role == "tool") && text != "" {
			s.role, s.text = role, text
		}
		return true
	})
	return s, err
}

// spoken is the text of a content; a part that is no text is told by its type.
func spoken(content []byte) string {
	if s, ok := scan.String(content); ok {
		return s
	}
	var parts []string
	scan.Elements(content, func(_ int, part []byte) bool {
		if t, ok := scan.String(scan.Get(part, "text")); ok {
			parts = append(parts, t)
		} else {
			parts = append(parts, "["+scan.GetString(part, "type")+"]")
		}
		return true
	})
	return strings.Join(parts, " ")
}

// countWords is echo's way to count tokens: one per word.
func countWords(s string) (n int64) {
	in := false
	for _, r := range s {
		space := unicode.IsSpace(r)
		if !space && !in {
			n++
		}
		in = !space
	}
	return n
}

// split cuts text before each word, the space between words going with the word
// before it; the pieces together are the text.
func split(text string) []string {
	var pieces []string
	start, space := 0, false
	for i, r := range text {
		if unicode.IsSpace(r) {
			space = true
			continue
		}
		if space && strings.TrimSpace(text[start:i]) != "" {
			pieces = append(pieces, text[start:i])
			start = i
		}
		space = false
	}
	if start < len(text) {
		pieces = append(pieces, text[start:])
	}
	return pieces
}

// cut is split, or with "chunks" as many pieces as asked for, each with about as
// many characters, or as many pieces as there are characters.
func (a *answer) cut(text string) []string {
	n := int(a.wish.chunks)
	if n == 0 || text == "" {
		return split(text)
	}
	runes := utf8.RuneCountInString(text)
	n = min(n, runes)
	pieces := make([]string, 0, n)
	start, seen := 0, 0
	for i := range text {
		if len(pieces)+1 < n && seen*n >= (len(pieces)+1)*runes {
			pieces = append(pieces, text[start:i])
			start = i
		}
		seen++
	}
	return append(pieces, text[start:])
}

// appendUsage writes the report: as wished, else a token per word.
func (a *answer) appendUsage(b []byte) []byte {
	if a.wish.usage != nil {
		return append(b, a.wish.usage...)
	}
	thought := countWords(a.wish.reasoning)
	output := a.choices * (countWords(a.text) + thought + int64(len(a.toolCalls)))
	b = strconv.AppendInt(append(b, `{"input":`...), a.input, 10)
	b = strconv.AppendInt(append(b, `,"output":`...), output, 10)
	if thought > 0 {
		b = strconv.AppendInt(append(b, `,"reasoning":`...), a.choices*thought, 10)
	}
	return append(b, '}')
}

// usagePart is where a report keeps the part of that name; nil for unknown ones.
func usagePart(u *abi.Usage, name string) **int64 {
	switch name {
	case "input":
		return &u.Input
	case "cache_read":
		return &u.CacheRead
	case "cache_write_5m":
		return &u.CacheWrite5m
	case "cache_write_1h":
		return &u.CacheWrite1h
	case "output":
		return &u.Output
	case "reasoning":
		return &u.Reasoning
	case "searches":
		return &u.Searches
	}
	return nil
}

// readUsage is nil for anything but an object.
func readUsage(raw []byte) *abi.Usage {
	if scan.Kind(raw) != '{' {
		return nil
	}
	u := &abi.Usage{}
	scan.Members(raw, func(key, v []byte) bool {
		if part := usagePart(u, string(key)); part != nil {
			if n, ok := scan.Int(v); ok {
				*part = &n
			}
		}
		return true
	})
	return u
}

package main

import (
	"strconv"
	"strings"

	"github.com/tokligence/gateway/pdk/abi/scan"
)

// categories are those of OpenAI's moderation.
// https://platform.openai.com/docs/api-reference/moderations/object
var categories = [...]string{"harassment", "harassment/threatening", "hate", "hate/threatening", "illicit", "illicit/violent", "self-harm",
	"self-harm/instructions", "self-harm/intent", "sexual", "sexual/minors", "violence", "violence/graphic"}

// moderations makes the LocalAnswer of a moderations request: a text is of every
// category whose name it says.
func moderations(w *wish, body []byte) ([]byte, error) {
	texts, err := moderated(scan.Get(body, "input"))
	if err != nil {
		return nil, err
	}
	b := append(w.begin(200), `,"body":{"answer":{"results":[`...)
	words := int64(0)
	for i, text := range texts {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendVerdict(b, strings.ToLower(text))
		words += countWords(text)
	}
	b = append(b, `]},"usage":`...)
	if w.usage != nil {
		return append(append(b, w.usage...), `}}`...), nil
	}
	return append(strconv.AppendInt(append(b, `{"input":`...), words, 10), `,"output":0}}}`...), nil
}

// moderated are the texts of an input, each judged by itself; those of parts are one.
func moderated(input []byte) (texts []string, err error) {
	if s, ok := scan.String(input); ok {
		return []string{s}, nil
	}
	parts := false
	scan.Elements(input, func(_ int, v []byte) bool {
		s, ok := scan.String(v)
		texts, parts = append(texts, s), parts || !ok
		return true
	})
	switch {
	case len(texts) == 0:
		return nil, refuse("input", "must be a text, texts or parts, and not empty")
	case parts:
		return []string{spoken(input)}, nil
	}
	return texts, nil
}

func appendVerdict(b []byte, text string) []byte {
	flagged := false
	var yes, scores []byte
	for i, name := range categories {
		if i > 0 {
			yes, scores = append(yes, ','), append(scores, ',')
		}
		yes, scores = append(scan.AppendString(yes, name), ':'), append(scan.AppendString(scores, name), ':')
		if says := strings.Contains(text, name); says {
			flagged, yes, scores = true, append(yes, `true`...), append(scores, '1')
		} else {
			yes, scores = append(yes, `false`...), append(scores, '0')
		}
	}
	b = strconv.AppendBool(append(b, `{"flagged":`...), flagged)
	b = append(append(append(b, `,"categories":{`...), yes...), `},"category_scores":{`...)
	return append(append(b, scores...), "}}"...)
}

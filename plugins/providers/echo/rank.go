package main

import (
	"slices"
	"strconv"
	"strings"

	"github.com/tokligence/gateway/pdk/abi/scan"
)

// ranked is a document and what part of the query's words it has.
type ranked struct {
	index int
	text  string
	hits  int
}

// rerank makes the LocalAnswer of a ranking in Cohere's shape: the more of the
// query's words a document has, the higher it stands; among equals the first is first.
// https://docs.cohere.com/reference/rerank
func rerank(w *wish, body []byte) ([]byte, error) {
	query := strings.Fields(strings.ToLower(scan.GetString(body, "query")))
	if len(query) == 0 {
		return nil, refuse("query", "must be a text, and not empty")
	}
	list, words := rankedDocuments(scan.Get(body, "documents"), query)
	if len(list) == 0 {
		return nil, refuse("documents", "must be an array with at least one document")
	}
	top := int64(len(list))
	if n := scan.Get(body, "top_n"); !scan.IsNull(n) {
		most, err := wholeNumber("top_n", n, 1, maxPieces)
		if err != nil {
			return nil, err
		}
		top = min(top, most)
	}
	slices.SortStableFunc(list, func(a, b ranked) int { return b.hits - a.hits })
	show, _ := scan.Bool(scan.Get(body, "return_documents"))
	units := (len(list) + 99) / 100
	b := append(w.begin(200), `,"body":{"answer":{"results":[`...)
	for i, d := range list[:top] {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(append(b, `{"index":`...), int64(d.index), 10)
		b = strconv.AppendFloat(append(b, `,"relevance_score":`...), float64(d.hits)/float64(len(query)), 'g', 4, 64)
		if show {
			b = append(scan.AppendString(append(b, `,"document":{"text":`...), d.text), '}')
		}
		b = append(b, '}')
	}
	b = strconv.AppendInt(append(b, `],"meta":{"api_version":{"version":"2"},"billed_units":{"search_units":`...), int64(units), 10)
	b = append(b, `}}},"usage":`...)
	if w.usage != nil {
		return append(append(b, w.usage...), `}}`...), nil
	}
	b = strconv.AppendInt(append(b, `{"input":`...), words+int64(len(query)), 10)
	return append(strconv.AppendInt(append(b, `,"searches":`...), int64(units), 10), `}}}`...), nil
}

// rankedDocuments reads strings, and objects with a text or, when they have none, as they are.
func rankedDocuments(raw []byte, query []string) (list []ranked, words int64) {
	scan.Elements(raw, func(i int, v []byte) bool {
		text, ok := scan.String(v)
		if !ok {
			if text = scan.GetString(v, "text"); text == "" {
				text = string(v)
			}
		}
		d := ranked{index: i, text: text}
		has := strings.Fields(strings.ToLower(text))
		for _, word := range query {
			if slices.Contains(has, word) {
				d.hits++
			}
		}
		list, words = append(list, d), words+int64(len(has))
		return true
	})
	return list, words
}

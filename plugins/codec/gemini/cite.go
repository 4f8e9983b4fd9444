package gemini

import (
	"strconv"
	"strings"

	"github.com/tokligence/gateway/pdk/abi/scan"
)

// cite writes OpenAI's annotations of what the answer was found by: one for each source of
// each supported piece of text from number from on, and how many such pieces there are.
// Gemini counts in bytes of UTF-8, and the host turns that into characters: the text may
// be a long string. Pieces of parts that are not the text's first stay in
// grounding_metadata alone, since nobody here knows how long those before it are.
// https://ai.google.dev/gemini-api/docs/google-search#attributing_sources_with_inline_citations
func (e *extras) cite(b []byte, from, firstText int) ([]byte, int) {
	supports, n := scan.Get(e.grounding, "groundingSupports"), 0
	if supports == nil {
		return b, from
	}
	var sources [][]byte
	scan.Elements(scan.Get(e.grounding, "groundingChunks"), func(_ int, v []byte) bool {
		sources = append(sources, source(v))
		return true
	})
	var notes []byte
	scan.Elements(supports, func(i int, v []byte) bool {
		segment := scan.Get(v, "segment")
		part, _ := scan.GetInt(segment, "partIndex")
		end, ok := scan.GetInt(segment, "endIndex")
		if n++; i < from || !ok || part != 0 && part != int64(firstText) {
			return true
		}
		start, _ := scan.GetInt(segment, "startIndex")
		scan.Elements(scan.Get(v, "groundingChunkIndices"), func(_ int, index []byte) bool {
			if k, ok := scan.Int(index); ok && k >= 0 && k < int64(len(sources)) && sources[k] != nil && 0 <= start && start <= end {
				notes = append(append(notes, `,{"type":"url_citation","url_citation":{"start_byte":`...), strconv.FormatInt(start, 10)...)
				notes = strconv.AppendInt(append(notes, `,"end_byte":`...), end, 10)
				notes = append(append(notes, sources[k]...), `}}`...)
			}
			return true
		})
		return true
	})
	if notes != nil {
		b = append(scan.AppendName(b, "annotations"), scan.CloseArray(notes, 0)...)
	}
	return b, max(n, from)
}

// source is the url and title of a page, each after a comma; nil for what has no address.
func source(chunk []byte) (b []byte) {
	for _, kind := range [...]string{"web", "maps", "retrievedContext"} {
		page := scan.Get(chunk, kind)
		uri, title := scan.Get(page, "uri"), scan.Get(page, "title")
		if !strings.HasPrefix(scan.GetString(page, "uri"), "http") {
			continue
		}
		if scan.Kind(title) != '"' {
			title = uri
		}
		return append(append(append(append(b, `,"title":`...), title...), `,"url":`...), uri...)
	}
	return nil
}

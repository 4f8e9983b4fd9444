package responses

import "github.com/tokligence/gateway/pdk/abi/scan"

// What tools of Perplexity's have found are items of their own, and annotations are none
// there: a text's sources are what has been found for it.
// https://docs.perplexity.ai/api-reference/agent-post

// finds reports whether items of the kind are what a tool has found.
func finds(kind string) bool {
	switch kind {
	case "search_results", "people_search_results", "fetch_url_results":
		return true
	}
	return false
}

// appendSources appends an annotation for each page that an item has, after a comma. They
// have no place in the text.
func appendSources(dst, item []byte) []byte {
	for _, list := range [...]string{"results", "contents"} {
		scan.Elements(scan.Get(item, list), func(_ int, page []byte) bool {
			if url := scan.Get(page, "url"); filled(url) {
				dst = wrapped(dst, `,{"type":"url_citation","url_citation":{"url":`, url, `,"title":`)
				dst = wrapped(dst, "", orEmpty(scan.Get(page, "title")), "}}")
			}
			return true
		})
	}
	return dst
}

package messages

import (
	"slices"
	"strconv"

	"github.com/tokligence/gateway/pdk/abi/scan"
)

// sources gathers what a message or its deltas cite, in Anthropic's form.
// https://platform.claude.com/docs/en/build-with-claude/citations
type sources struct {
	list [][]byte // that stand nowhere yet
	own  bool     // some came in that form, of which annotations say less once more
}

// locations are the types of citations in Anthropic's form.
var locations = []string{"char_location", "page_location", "content_block_location", "search_result_location", "web_search_result_location"}

// take reads citations and annotations; what is no address and of no form that is
// known here is left out.
func (s *sources) take(said []byte) {
	scan.Elements(scan.Get(said, "citations"), func(_ int, c []byte) bool {
		if slices.Contains(locations, scan.GetString(c, "type")) {
			s.own = true
			s.list = append(s.list, slices.Clone(c))
		} else if c := ofDocument(c); c != nil {
			s.list = append(s.list, c)
		}
		return true
	})
	if s.own {
		return
	}
	scan.Elements(scan.Get(said, "annotations"), func(_ int, note []byte) bool {
		if page := scan.Get(note, "url_citation"); scan.Kind(page) == '{' {
			note = page
		}
		if filled(scan.Get(note, "url")) {
			s.list = append(s.list, ofPage(note))
		}
		return true
	})
}

// ofPage is the citation of a page. Nobody tells what is quoted of it; where in the
// answer it is cited stands in OpenAI's members.
func ofPage(page []byte) []byte {
	c := append([]byte(`{"type":"web_search_result_location","url":`), scan.Get(page, "url")...)
	title := scan.Get(page, "title")
	if scan.Kind(title) != '"' {
		title = []byte("null")
	}
	c = append(scan.AppendMember(c, "title", title), `,"cited_text":"","encrypted_index":""`...)
	for _, place := range [...]string{"start_index", "end_index"} {
		if v := scan.Get(page, place); scan.Kind(v) == '0' {
			c = scan.AppendMember(c, place, v)
		}
	}
	return append(c, '}')
}

// ofDocument is the citation of a document as Converse has it; nil for another.
// https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_CitationLocation.html
func ofDocument(c []byte) []byte {
	for _, l := range [...]struct{ converse, kind, start, end string }{
		{"documentChar", "char_location", "start_char_index", "end_char_index"},
		{"documentPage", "page_location", "start_page_number", "end_page_number"},
		{"documentChunk", "content_block_location", "start_block_index", "end_block_index"},
	} {
		at := scan.Get(c, "location", l.converse)
		if scan.Kind(at) != '{' {
			continue
		}
		var text []byte
		scan.Elements(scan.Get(c, "sourceContent"), func(_ int, v []byte) bool {
			text = scan.AppendUnescaped(text, orEmpty(scan.Get(v, "text")))
			return true
		})
		title := scan.Get(c, "title")
		if scan.Kind(title) != '"' {
			title = []byte("null")
		}
		b := scan.AppendString([]byte(`{"type":`), l.kind)
		b = scan.AppendString(scan.AppendName(b, "cited_text"), text)
		b = scan.AppendMember(b, "document_title", title)
		for _, n := range [...]struct{ name, of string }{{"document_index", "documentIndex"}, {l.start, "start"}, {l.end, "end"}} {
			v, _ := scan.GetInt(at, n.of)
			b = strconv.AppendInt(scan.AppendName(b, n.name), v, 10)
		}
		return append(scan.AppendMember(b, "file_id", []byte("null")), '}')
	}
	return nil
}

// cut are the citations that stand nowhere yet, as an array; nil for none.
func (s *sources) cut() (list []byte) {
	for _, c := range s.list {
		list = append(append(list, ','), c...)
	}
	if s.list = nil; list == nil {
		return nil
	}
	return scan.CloseArray(list, 0)
}

// made reports whether a citation was made here, of a page that no Claude has searched.
func made(citation []byte) bool {
	return scan.GetString(citation, "type") == "web_search_result_location" && !filled(scan.Get(citation, "encrypted_index"))
}

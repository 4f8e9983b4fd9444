package anthropic

import (
	"bytes"
	"strconv"

	"github.com/tokligence/gateway/pdk/abi/scan"
)

// place is where the open block of text stands, in pieces of text: see annotations in
// package llm. Anthropic says what a citation is of by the block that it stands in.
// https://platform.claude.com/docs/en/build-with-claude/citations#response-structure
type place struct {
	from, pieces int64  // before the block, and so far
	pages        []byte // url and title of the pages that the block cites, as members of objects
}

// text takes note of a piece of text, a JSON string.
func (p *place) text(quoted []byte) {
	if len(quoted) > 2 {
		p.pieces++
	}
}

// cite takes note of a citation of the open block; sources without an address have
// no annotation.
func (p *place) cite(citation []byte) {
	url, title := scan.Get(citation, "url"), scan.Get(citation, "title")
	if !bytes.HasPrefix(scan.Text(url), []byte("http")) {
		return
	}
	if scan.Kind(title) != '"' {
		title = url
	}
	p.pages = wrapped(p.pages, `,{"title":`, title, "")
	p.pages = wrapped(p.pages, `,"url":`, url, "}")
}

// close ends the block: its annotations are appended, each after a comma.
func (p *place) close(notes []byte) []byte {
	if len(p.pages) == 0 {
		p.from = p.pieces
		return notes
	}
	scan.Elements(scan.CloseArray(p.pages, 0), func(_ int, page []byte) bool {
		notes = strconv.AppendInt(append(notes, `,{"type":"url_citation","url_citation":{"start_piece":`...), p.from, 10)
		notes = strconv.AppendInt(append(notes, `,"end_piece":`...), p.pieces, 10)
		notes = append(append(append(notes, ','), page[1:]...), '}')
		return true
	})
	p.from, p.pages = p.pieces, nil
	return notes
}

package main

import (
	"strconv"
	"strings"

	"github.com/tokligence/gateway/pdk/abi/scan"
)

// place is where the open text of an answer stands, in pieces of text: see annotations
// in package llm.
type place struct {
	pieces int64 // so far
	from   int64 // before the open text
	block  int64 // of the open text
}

// text takes note of a piece of a block's text. Nil is no place: nobody has asked for sources.
func (p *place) text(block int64) {
	if p == nil {
		return
	}
	if block != p.block {
		p.from, p.block = p.pieces, block
	}
	p.pieces++
}

// parsePlace reads what String wrote.
func parsePlace(text string) *place {
	p := &place{}
	numbers := strings.Split(text, ".")
	for i, n := range [...]*int64{&p.pieces, &p.from, &p.block} {
		if i < len(numbers) {
			*n, _ = strconv.ParseInt(numbers[i], 10, 64)
		}
	}
	return p
}

func (p *place) String() string {
	b := append(strconv.AppendInt(nil, p.pieces, 10), '.')
	b = append(strconv.AppendInt(b, p.from, 10), '.')
	return string(strconv.AppendInt(b, p.block, 10))
}

// cite is the annotation of the open text that a citation of a page makes, after a
// comma; nil for other sources. Nova's citations stand in a block without a text,
// behind that of the text.
// https://docs.aws.amazon.com/nova/latest/nova2-userguide/web-grounding.html
func (p *place) cite(citation []byte) (b []byte) {
	page := scan.Get(citation, "location", "web")
	url, title := scan.Get(page, "url"), scan.Get(citation, "title")
	if p == nil || !strings.HasPrefix(scan.GetString(page, "url"), "http") {
		return nil
	}
	if scan.Kind(title) != '"' || len(title) == 2 {
		if title = scan.Get(page, "domain"); scan.Kind(title) != '"' {
			title = url
		}
	}
	b = strconv.AppendInt([]byte(`,{"type":"url_citation","url_citation":{"start_piece":`), p.from, 10)
	b = strconv.AppendInt(append(b, `,"end_piece":`...), p.pieces, 10)
	b = append(append(append(append(b, `,"title":`...), title...), `,"url":`...), url...)
	return append(b, '}', '}')
}

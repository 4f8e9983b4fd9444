package responses

import (
	"strconv"
	"strings"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/dialect/bridge"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// place is an item of the output.
type place struct {
	id    string
	index int
}

// event begins an event: SSE's name equals the data's type. A quiet stream has none.
func (s *stream) event(dst []byte, kind string) []byte {
	if s.quiet {
		return dst
	}
	dst = append(append(dst, "event: "...), kind...)
	dst = append(dst, "\ndata: "...)
	s.data = len(dst)
	dst = append(append(dst, "{\"type\":\""...), kind...)
	dst = strconv.AppendInt(append(dst, `","sequence_number":`...), s.sequence, 10)
	s.sequence++
	return dst
}

func (s *stream) end(dst []byte) []byte {
	if s.quiet {
		return dst[:0]
	}
	for i, c := range dst[s.data:] {
		if c == '\n' || c == '\r' { // white space of a client's or vendor's JSON would end the line
			dst[s.data+i] = ' '
		}
	}
	return append(dst, "}\n\n"...)
}

// of begins an event that is about an item.
func (s *stream) of(dst []byte, kind string, p place) []byte {
	dst = scan.AppendString(append(s.event(dst, kind), `,"item_id":`...), p.id)
	return strconv.AppendInt(append(dst, `,"output_index":`...), int64(p.index), 10)
}

// add begins an item of the output.
func (s *stream) add(dst []byte, p place, item []byte) []byte {
	return s.item(dst, "response.output_item.added", p, item)
}

// done ends it.
func (s *stream) done(dst []byte, p place, item []byte) []byte {
	s.output[p.index] = item
	return s.item(dst, "response.output_item.done", p, item)
}

func (s *stream) item(dst []byte, kind string, p place, item []byte) []byte {
	dst = strconv.AppendInt(append(s.event(dst, kind), `,"output_index":`...), int64(p.index), 10)
	return s.end(append(append(dst, `,"item":`...), item...))
}

// next is the place of an item that begins.
func (s *stream) next(prefix string) place {
	p := place{prefix + ItemSuffix(s.answer.ID) + "_" + strconv.Itoa(len(s.output)), len(s.output)}
	s.output = append(s.output, nil)
	return p
}

// ItemSuffix is the part of a response's id that the ids of its items have as well.
func ItemSuffix(response string) string { return strings.TrimPrefix(response, IDPrefix) }

// IDPrefix begins the id of every response.
const IDPrefix = "resp_"

// Failed appends the two events that end a stream which cannot go on. sequence
// is the number of the first.
func Failed(dst []byte, a *bridge.Answer, e *core.Error, code string, sequence int64) []byte {
	s := &stream{answer: a, sequence: sequence}
	dst = scan.AppendString(append(s.event(dst, "error"), `,"code":`...), code)
	dst = scan.AppendString(append(dst, `,"message":`...), e.Message)
	dst = append(dst, `,"param":`...)
	if e.Param == "" {
		dst = append(dst, "null"...)
	} else {
		dst = scan.AppendString(dst, e.Param)
	}
	dst = append(s.event(s.end(dst), "response.failed"), `,"response":`...)
	return s.end(envelope(dst, a, "", "failed", "", e, []byte("[]"), nil))
}

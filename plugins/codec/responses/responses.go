// Package responses is a codec of OpenAI's Responses API, for models and vendors that
// have no chat completions beside it: chat goes out as a request for a response, and
// responses come back as chat. What they mean is what core/dialect/responses has them
// mean the other way around. The README of plugins/providers/openai has the rules.
//
// Wire format: https://platform.openai.com/docs/api-reference/responses and the type
// definitions of the npm package openai 7.57.
package responses

import (
	"slices"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// Settings are what vendors and models differ in.
type Settings struct {
	Members     []byte   // an object of what is sent unless the client says it; include, text and reasoning are added to
	Unsupported []string // members of chat that are refused
	Extensions  []string // extensions of chat's requests (see package llm) that the vendor takes
	Tools       []string // types of the vendor's own tools, which pass as they are
}

// Codec translates. The zero value is ready; it is not safe for concurrent use, and what
// it answers holds until the next call. Between calls it keeps nothing but memory: making
// and collecting that is a tenth of a call in a guest.
type Codec struct {
	// Rule gives an error that a response tells of one of our codes, by the vendor's code
	// and type and the message; "" leaves it to the codec. Nil is none.
	Rule func(code, kind, message string) abi.ErrorCode

	body, input, tools []byte
	customs            [][]byte
	chunks             []abi.Raw

	request request
	encoded abi.EncodeReply
	decoded abi.DecodeReply
	events  abi.DecodeEventsReply
	usage   usage
}

// keepBytes is the largest body whose buffers are kept for the next call.
const keepBytes = 1 << 20

// room is the empty body with room for n bytes.
func (c *Codec) room(n int) []byte {
	if cap(c.body) > keepBytes {
		*c = Codec{Rule: c.Rule}
	}
	c.body = slices.Grow(c.body[:0], n)
	return c.body
}

// Encode makes a request for a response of one for chat. A refusal is an *abi.Error of
// code invalid_request.
func (c *Codec) Encode(r *abi.EncodeRequest, s *Settings) (*abi.EncodeReply, error) {
	body := c.room(len(r.Body) + 512) // may forget all that c knows
	q := &c.request
	*q = request{codec: c, settings: s, source: r.Body, body: body, written: q.written[:0], notices: q.notices[:0]}
	q.body = scan.AppendString(scan.AppendName(q.body, "model"), r.Deployment.Model)
	if r.Stream {
		q.body = append(scan.AppendName(q.body, "stream"), "true"...)
	}
	f := q.read(r.DropParams)
	for _, step := range [...]func() *llm.Fault{q.conversation, q.toolConfig, q.cap, q.text, q.reasoning, q.includes} {
		if f == nil {
			f = step()
		}
	}
	if f != nil {
		return nil, f.Named()
	}
	q.defaults()
	c.body = scan.CloseObject(q.body, 0)
	c.encoded = abi.EncodeReply{Body: c.body, Notices: q.notices}
	if q.search != nil {
		c.encoded.State = searching
	}
	return &c.encoded, nil
}

// wrapped appends raw with what stands before and after it. It is not inlined: an
// append is some 600 bytes of a guest's code, and most of that runs once a call.
//
//go:noinline
func wrapped(dst []byte, before string, raw []byte, after string) []byte {
	return append(append(append(dst, before...), raw...), after...)
}

// filled reports whether raw is a string with something in it.
func filled(raw []byte) bool { return scan.Kind(raw) == '"' && len(raw) > 2 }

package responses

import (
	"strings"

	"github.com/tokligence/gateway/core/dialect/bridge"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// picture tells a picture that the model made as if a tool of OpenAI's had. One that
// has only an address has no place there: the address is said.
// https://platform.openai.com/docs/api-reference/responses-streaming/response/image_generation_call
func (s *stream) picture(dst []byte, p *bridge.Picture) []byte {
	if p.Data == nil {
		return s.closeMessage(s.say(s.closeMessage(dst), partText, p.URL, nil))
	}
	dst = s.closeWhole(s.closeMessage(s.closeReasoning(dst)))
	at := s.next("ig_")
	dst = s.add(dst, at, generated(at, "in_progress", nil))
	for _, stage := range [...]string{"in_progress", "generating", "completed"} {
		dst = s.end(s.of(dst, "response.image_generation_call."+stage, at))
	}
	return s.done(dst, at, generated(at, "completed", p))
}

// generated is the item of a picture; without one it is in the making.
func generated(at place, status string, p *bridge.Picture) []byte {
	b := scan.AppendString([]byte(`{"id":`), at.id)
	b = scan.AppendString(append(b, `,"type":"image_generation_call","status":`...), status)
	if p == nil {
		return append(b, `,"result":null}`...)
	}
	if format, ok := strings.CutPrefix(p.MediaType, "image/"); ok {
		b = scan.AppendString(append(b, `,"output_format":`...), format)
	}
	return append(append(append(b, `,"result":"`...), p.Data...), `"}`...)
}

package exchange

import (
	"slices"

	"github.com/tokligence/gateway/core/sse"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// part is a part of an item of a response, by their indices.
type part struct{ output, content int64 }

// openPart begins the part that a piece of text is of, where the vendor has not: clients of
// OpenAI's gather texts by part, and Perplexity's agent tells of none. What the vendor's own
// clients get stays as it is.
// https://platform.openai.com/docs/api-reference/responses-streaming/response/content_part
func (s *streamRelay) openPart(kind string, data []byte) error {
	if !s.r.plan.Stream.Partless || s.r.vendor != nil {
		return nil
	}
	said := kind == "response.output_text.delta"
	if !said && kind != "response.content_part.added" {
		return nil
	}
	var at part
	at.output, _ = scan.GetInt(data, "output_index")
	at.content, _ = scan.GetInt(data, "content_index")
	if slices.Contains(s.parts, at) {
		return nil
	}
	s.parts = append(s.parts, at)
	if !said {
		return nil
	}
	return s.emit(sse.Event{Data: scan.Apply(nil, data, []scan.Edit{{Key: "type", Value: []byte(`"response.content_part.added"`)}, {Key: "delta"}, {Key: "logprobs"},
		{Key: "part", Value: []byte(`{"type":"output_text","text":"","annotations":[]}`)}})})
}

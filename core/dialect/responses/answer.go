package responses

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/dialect/bridge"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// FromChat appends a whole canonical answer as a response: its first choice,
// since the Responses API has no others. An answer without a choice is a
// *core.Error of the vendor's.
func (Bridge) FromChat(dst, answer []byte, a *bridge.Answer) ([]byte, error) {
	var choice []byte
	scan.Elements(scan.Get(answer, "choices"), func(_ int, c []byte) bool { choice = c; return false })
	message := scan.Get(choice, "message")
	if scan.Kind(message) != '{' {
		return dst, core.Errorf(core.CodeUpstreamUnavailable, core.SourceUpstream, "the provider's answer has no message")
	}
	s := newStream(a)
	s.quiet = true
	s.noteTier(answer)
	if _, err := s.take(nil, choice, bridge.WithBlocks(message)); err != nil {
		return dst, err
	}
	s.close(nil)
	if citesDocuments(message) {
		a.Notices = append(a.Notices, "left out citations: responses have none of documents")
	}
	return s.response(dst, &a.Usage), nil
}

// citesDocuments reports whether a message cites what is no page: of pages there are
// annotations as well.
func citesDocuments(message []byte) (found bool) {
	scan.Elements(scan.Get(message, "citations"), func(_ int, c []byte) bool {
		found = scan.GetString(c, "type") != "web_search_result_location" && scan.Get(c, "location", "web") == nil
		return !found
	})
	return found
}

// repeated are the members of a request that a response has as well, in OpenAI's
// order, with what stands there when the request has none; "" leaves it out.
var repeated = [...]struct{ name, otherwise string }{
	{"background", "false"}, {"instructions", "null"}, {"max_output_tokens", "null"}, {"max_tool_calls", "null"},
	{"parallel_tool_calls", "true"}, {"previous_response_id", "null"}, {"prompt_cache_key", ""}, {"reasoning", `{"effort":null,"summary":null}`}, {"safety_identifier", ""},
	{"store", "true"}, {"temperature", "null"}, {"text", `{"format":{"type":"text"}}`}, {"tool_choice", `"auto"`}, {"tools", "[]"},
	{"top_logprobs", "0"}, {"top_p", "null"}, {"truncation", `"disabled"`}, {"user", ""}, {"metadata", "{}"},
}

// tiers are OpenAI's words for how a response was served.
var tiers = [...]string{"default", "flex", "scale", "priority"}

// noteTier keeps how the provider says that it serves the answer, if it does so in
// OpenAI's words.
func (s *stream) noteTier(doc []byte) {
	if said := scan.GetString(doc, "service_tier"); slices.Contains(tiers[:], said) {
		s.tier = said
	}
}

// envelope writes a response around its output, a raw array. tier is "" while nobody
// has said one, u nil while the answer is not whole.
func envelope(dst []byte, a *bridge.Answer, tier, status, reason string, failure *core.Error, output []byte, u *core.Usage) []byte {
	dst = scan.AppendString(append(dst, `{"id":`...), a.ID)
	dst = strconv.AppendInt(append(dst, `,"object":"response","created_at":`...), a.Created, 10)
	dst = scan.AppendString(append(dst, `,"status":`...), status)
	dst = append(dst, `,"error":`...)
	if failure == nil {
		dst = append(dst, "null"...)
	} else {
		dst = scan.AppendString(append(dst, `{"code":`...), errorCode(failure))
		dst = append(scan.AppendString(append(dst, `,"message":`...), failure.Message), '}')
	}
	dst = append(dst, `,"incomplete_details":`...)
	if reason == "" {
		dst = append(dst, "null"...)
	} else {
		dst = append(scan.AppendString(append(dst, `{"reason":`...), reason), '}')
	}
	dst = scan.AppendString(append(dst, `,"model":`...), a.Model)
	dst = append(append(dst, `,"output":`...), output...)
	for _, m := range repeated {
		v := scan.Get(a.Request, m.name)
		if scan.IsNull(v) {
			v = []byte(m.otherwise)
		}
		if len(v) > 0 {
			dst = append(scan.AppendName(dst, m.name), v...)
		}
	}
	dst = scan.AppendString(append(dst, `,"service_tier":`...), cmp.Or(tier, tiers[0]))
	dst = append(dst, `,"usage":`...)
	if u == nil {
		return append(dst, "null}"...)
	}
	return append(appendUsage(dst, *u), '}')
}

// errorCode is OpenAI's word for why a response failed.
func errorCode(e *core.Error) string {
	switch e.Code {
	case core.CodeRateLimited:
		return "rate_limit_exceeded"
	case core.CodeInvalidRequest, core.CodeContextWindow, core.CodeContentPolicy, core.CodeGuardrailBlocked:
		return "invalid_prompt"
	}
	return "server_error"
}

// appendUsage writes usage in OpenAI's parts: the cached tokens are within the
// input, those of reasoning within the output.
func appendUsage(dst []byte, u core.Usage) []byte {
	in, out := u.InputTokens(), u.OutputTokens()
	dst = strconv.AppendInt(append(dst, `{"input_tokens":`...), in, 10)
	dst = strconv.AppendInt(append(dst, `,"input_tokens_details":{"cached_tokens":`...), u.Cached(), 10)
	if w := u.CacheWrite5m + u.CacheWrite1h; w > 0 {
		dst = strconv.AppendInt(append(dst, `,"cache_write_tokens":`...), w, 10)
	}
	dst = strconv.AppendInt(append(dst, `},"output_tokens":`...), out, 10)
	dst = strconv.AppendInt(append(dst, `,"output_tokens_details":{"reasoning_tokens":`...), u.Reasoning, 10)
	dst = strconv.AppendInt(append(dst, `},"total_tokens":`...), in+out, 10)
	return append(dst, '}')
}

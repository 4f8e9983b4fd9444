package gemini

import (
	"strconv"
	"strings"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// streamState is what a stream must remember, per choice.
type streamState []choiceState

type choiceState struct {
	calls             int   // so far
	cited             int   // pieces of text
	queries           int64 // likewise, of searches
	started, finished bool  // the role, the finish_reason has been sent
	answered          bool  // something but thoughts has
}

// parseState reads "N", the number of choices, from encode, or what String wrote:
// per choice the calls, "s" when started, "f" when finished, "a" when answered, the queries behind a
// "w" and the pieces of text that were cited behind a "c" where there are any, and a comma.
func parseState(s string) streamState {
	if !strings.Contains(s, ",") {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > maxCandidates {
			n = 1
		}
		return make(streamState, n)
	}
	var state streamState
	for one := range strings.SplitSeq(strings.TrimSuffix(s, ","), ",") {
		one, cited, _ := strings.Cut(one, "c")
		one, searched, _ := strings.Cut(one, "w")
		n, _ := strconv.Atoi(strings.TrimRight(one, "sfa"))
		queries, _ := strconv.ParseInt(searched, 10, 64)
		pieces, _ := strconv.Atoi(cited)
		state = append(state, choiceState{n, pieces, queries, strings.Contains(one, "s"), strings.Contains(one, "f"), strings.Contains(one, "a")})
	}
	return state
}

func (s streamState) String() string {
	var b []byte
	for _, c := range s {
		b = strconv.AppendInt(b, int64(c.calls), 10)
		if c.started {
			b = append(b, 's')
		}
		if c.finished {
			b = append(b, 'f')
		}
		if c.answered {
			b = append(b, 'a')
		}
		if c.queries > 0 {
			b = strconv.AppendInt(append(b, 'w'), c.queries, 10)
		}
		if c.cited > 0 {
			b = strconv.AppendInt(append(b, 'c'), int64(c.cited), 10)
		}
		b = append(b, ',')
	}
	return string(b)
}

func (s streamState) queries() (n int64) {
	for _, c := range s {
		n += c.queries
	}
	return n
}

func (s streamState) finished() bool {
	for _, c := range s {
		if !c.finished {
			return false
		}
	}
	return true
}

// decodeEvents reads events, each a GenerateContentResponse with the parts that
// are new. Done is said at the end of the stream only: what follows the last
// finishReason, if anything does, is still read.
func decodeEvents(r *abi.DecodeEventsRequest) (*abi.DecodeEventsReply, error) {
	text, each := strings.CutPrefix(r.State, byQuery)
	state, reply := parseState(text), &abi.DecodeEventsReply{}
	for i := range r.Events {
		if reply.Error = decodeEvent(reply, &state, r.Events[i].Data, each); reply.Error != nil {
			break
		}
	}
	if reply.State = state.String(); each {
		reply.State = byQuery + reply.State
	}
	reply.Done = r.End && reply.Error == nil && state.finished()
	return reply, nil
}

func decodeEvent(reply *abi.DecodeEventsReply, state *streamState, data []byte, each bool) *abi.Error {
	if scan.Kind(data) != '{' {
		return &abi.Error{Code: abi.UpstreamUnavailable, Message: "Gemini sent an event that is not an object"}
	}
	resp := readResponse(data)
	if u := readUsage(resp.usage); u != nil {
		if reply.Usage != nil {
			u.Searches = reply.Usage.Searches
		}
		reply.Usage = u
	}
	if m := resp.served(); m != "" {
		reply.Model = m
	}
	if resp.err != nil {
		return &readError(resp.err, 0).Error
	}
	if err := resp.blocked(); err != nil {
		return err
	}
	var failed *abi.Error
	scan.Elements(resp.candidates, func(i int, raw []byte) bool {
		c := readCandidate(raw, int64(i))
		for int(c.index) >= len(*state) {
			*state = append(*state, choiceState{})
		}
		s := &(*state)[c.index]
		var chunk []byte
		if chunk, failed = s.chunk(&c, resp.id); chunk != nil {
			chunk = append(appendTier(chunk[:len(chunk)-1], resp.usage), '}')
			reply.Chunks = append(reply.Chunks, chunk)
		}
		// The metadata are a snapshot, the calls are new.
		if n := c.queries(); n > 0 {
			s.queries = max(s.queries+c.sought, n)
			if reply.Usage == nil {
				reply.Usage = &abi.Usage{}
			}
			reply.Usage.Searches = searched(state.queries(), each)
		}
		return failed == nil
	})
	return failed
}

// chunk is what a candidate's new parts are for the client; nil for nothing.
func (s *choiceState) chunk(c *candidate, responseID []byte) ([]byte, *abi.Error) {
	c.readParts(responseID, s.calls)
	c.cited, c.said = s.cited, 1 // of a whole answer the text would come after the thoughts
	b := strconv.AppendInt(append(make([]byte, 0, len(c.content)+160), `{"choices":[{"index":`...), c.index, 10)
	b = append(b, `,"delta":`...)
	start := len(b)
	if !s.started {
		b = append(scan.AppendName(b, "role"), `"assistant"`...)
	}
	if len(c.text) > 0 {
		b = appendQuoted(scan.AppendName(b, "content"), c.text)
	}
	b = c.appendMore(b, s.calls)
	some := len(b) > start
	b = scan.CloseObject(b, start)
	s.calls += len(c.calls)
	s.answered = s.answered || c.answered()
	s.cited = c.cited
	if c.logprobs != nil {
		b = appendLogprobs(append(b, `,"logprobs":`...), c.logprobs)
	}
	finish := `null`
	var failed *abi.Error
	if c.reason != "" && !s.finished {
		var reason string
		if reason, failed = c.finish(s.calls > 0, s.answered); failed == nil {
			finish, some, s.finished = `"`+reason+`"`, true, true
		}
	}
	if !some {
		return nil, failed
	}
	s.started = true
	b = append(append(b, `,"finish_reason":`...), finish...)
	return append(b, `}]}`...), failed
}

// Package guest is the plugin of the carriers' tests: it keeps the contract of
// every kind, and does what a script says instead when it is given one. It is
// built for each carrier and imports no kit, so that all of them run the same.
package guest

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
	"github.com/tokligence/gateway/pdk/abi/wire"
)

// Manifest is what the guest says of itself. It answers the functions of all
// kinds; the tests that need one that says so change the kind.
var Manifest = abi.Manifest{
	ID: "provider.guest", Name: "Guest", Version: "1.0.0", Kind: abi.KindProvider, ABI: abi.Version,
	Config: []byte(`{"type":"object"}`),
	Functions: []abi.Function{abi.Describe, abi.Configure, abi.Plan, abi.Encode, abi.Decode, abi.DecodeEvents, abi.DecodeError, abi.Converse,
		abi.Rank, abi.Inspect},
}

// Guest is the plugin.
type Guest struct {
	// Log is the carrier's way to the gateway's log.
	Log  func(level, message string)
	word string // of the configuration
}

// Prefix begins a script: "do:", a verb and its argument.
const Prefix = "do:"

// Call answers one call. Input that is neither a script nor an object comes back
// as it is.
func (g *Guest) Call(f abi.Function, dst, input []byte) ([]byte, error) {
	if do, ok := strings.CutPrefix(script(f, input), Prefix); ok {
		verb, arg, _ := strings.Cut(do, " ")
		return g.do(dst, verb, arg)
	}
	if f != abi.Describe && scan.Kind(input) != '{' {
		return append(dst, input...), nil
	}
	switch f {
	case abi.Describe:
		b, err := json.Marshal(Manifest)
		return append(dst, b...), err
	case abi.Configure:
		return answer(dst, input, wire.ParseConfigureRequest, g.configure, wire.AppendConfigureReply)
	case abi.Plan:
		return plan(dst, input)
	case abi.Encode:
		return answer(dst, input, wire.ParseEncodeRequest, g.encode, wire.AppendEncodeReply)
	case abi.Decode:
		return answer(dst, input, wire.ParseDecodeRequest, decode, wire.AppendDecodeReply)
	case abi.DecodeEvents:
		return answer(dst, input, wire.ParseDecodeEventsRequest, decodeEvents, wire.AppendDecodeEventsReply)
	case abi.DecodeError:
		return answer(dst, input, wire.ParseDecodeErrorRequest, decodeError, wire.AppendDecodeErrorReply)
	case abi.Converse:
		return answer(dst, input, wire.ParseConverseRequest, converse, wire.AppendConverseReply)
	case abi.Rank:
		return answer(dst, input, wire.ParseRankRequest, rank, wire.AppendRankReply)
	case abi.Inspect:
		return answer(dst, input, wire.ParseInspectRequest, g.inspect, wire.AppendInspectReply)
	}
	return dst, &abi.Error{Code: abi.PluginFailed, Message: string(f) + " is not implemented"}
}

func answer[Q, R any](dst, input []byte, parse func([]byte, *Q) error, do func(*Q) R, write func([]byte, *R) []byte) ([]byte, error) {
	var q Q
	if err := parse(input, &q); err != nil {
		return dst, err
	}
	r := do(&q)
	return write(dst, &r), nil
}

// places are where each function's request holds a script.
var places = map[abi.Function][]string{
	abi.Configure:    {"config", "do"},
	abi.Plan:         {"deployment", "options", "do"},
	abi.Encode:       {"body", "do"},
	abi.Decode:       {"body", "do"},
	abi.DecodeError:  {"body", "do"},
	abi.DecodeEvents: {"state"},
	abi.Converse:     {"client", "do"},
	abi.Rank:         {"route"},
}

func script(f abi.Function, input []byte) string {
	if scan.Kind(input) != '{' {
		return string(input[:min(len(input), 1<<10)])
	}
	text := scan.GetString(input, places[f]...)
	if f == abi.Inspect {
		scan.Elements(scan.Get(input, "segments"), func(_ int, segment []byte) bool {
			text = scan.GetString(segment, "text")
			return false
		})
	}
	return text
}

func (g *Guest) configure(r *abi.ConfigureRequest) abi.ConfigureReply {
	g.word = scan.GetString(r.Config, "word")
	if g.word == "bad" {
		return abi.ConfigureReply{Problems: []abi.Problem{{Path: "word", Message: "is bad"}}}
	}
	return abi.ConfigureReply{}
}

func plan(dst, input []byte) ([]byte, error) {
	var q abi.PlanRequest
	if err := json.Unmarshal(input, &q); err != nil {
		return dst, err
	}
	base := q.Deployment.BaseURL
	if base == "" {
		base = "https://vendor.example/v1"
	}
	b, err := json.Marshal(abi.PlanReply{Supported: true, URL: base + "/" + q.Deployment.Model,
		Request: abi.RequestPlan{Mode: abi.Transform}, Response: abi.ResponsePlan{Mode: abi.Transform}, Stream: abi.StreamPlan{Mode: abi.Transform}})
	return append(dst, b...), err
}

func (g *Guest) encode(r *abi.EncodeRequest) abi.EncodeReply {
	return abi.EncodeReply{Headers: abi.Headers{"x-word": g.word}, Body: r.Body, State: "0"}
}

func decode(r *abi.DecodeRequest) abi.DecodeReply {
	n := int64(len(r.Body))
	return abi.DecodeReply{Body: r.Body, Usage: &abi.Usage{Output: &n}, Model: "served"}
}

// decodeEvents counts a stream's events in its state and numbers the chunks.
func decodeEvents(r *abi.DecodeEventsRequest) abi.DecodeEventsReply {
	n, _ := strconv.Atoi(r.State)
	reply := abi.DecodeEventsReply{Done: r.End}
	for _, e := range r.Events {
		n++
		chunk := strconv.AppendInt([]byte(`{"choices":[],"n":`), int64(n), 10)
		reply.Chunks = append(reply.Chunks, append(append(append(chunk, `,"data":`...), e.Data...), '}'))
	}
	reply.State = strconv.Itoa(n)
	return reply
}

func decodeError(r *abi.DecodeErrorRequest) abi.DecodeErrorReply {
	return abi.DecodeErrorReply{Error: abi.Error{Code: abi.RateLimited, Message: scan.GetString(r.Body, "message")}, RetryAfterMS: int64(r.Status)}
}

// converse tells each side what the other has said.
func converse(r *abi.ConverseRequest) (reply abi.ConverseReply) {
	if reply.State = r.State; reply.State == nil {
		reply.State = abi.Raw("{}")
	}
	if r.Client != nil {
		reply.ToVendor = []abi.Raw{r.Client}
	}
	if r.Vendor != nil {
		reply.ToClient = []abi.Raw{scan.Apply(nil, r.Vendor, []scan.Edit{{Key: "type", Value: []byte(`"told"`)}})}
	}
	return reply
}

// rank puts the last first.
func rank(r *abi.RankRequest) (reply abi.RankReply) {
	for i := len(r.Candidates) - 1; i >= 0; i-- {
		reply.Order = append(reply.Order, i)
	}
	return reply
}

// inspect puts the configured word into the place of each secret.
func (g *Guest) inspect(r *abi.InspectRequest) abi.InspectReply {
	reply := abi.InspectReply{Verdict: abi.Allow, State: []byte(`{"seen":1}`)}
	for _, s := range r.Segments {
		if strings.Contains(s.Text, "secret") {
			reply.Verdict = abi.Rewrite
			reply.Segments = append(reply.Segments, abi.SegmentText{ID: s.ID, Text: strings.ReplaceAll(s.Text, "secret", g.word)})
		}
	}
	return reply
}

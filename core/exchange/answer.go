package exchange

import (
	"context"
	"encoding/base64"
	"strings"
	"unicode/utf8"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/patch"
	"github.com/tokligence/gateway/core/sound"
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// answer is a whole answer on its way to the client.
type answer struct {
	body []byte
	kind string // content type of one that is not JSON
}

// isText tells the text of a transcript from the JSON of one. Who says nothing of
// a JSON document means JSON.
func isText(kind string, body []byte) bool {
	if kind == "" {
		return scan.Valid(body) != nil
	}
	return !strings.HasSuffix(kind, "json")
}

// decodeWhole has the provider plugin read the answer, which then stands in said.
func (r *run) decodeWhole(ctx context.Context, c *call, headers abi.Headers, a *answer, said *[]byte) *core.Error {
	body := a.body
	switch {
	case a.kind == "":
		body, _ = patch.Apply(body, r.plan.response)
	case strings.HasPrefix(a.kind, "text/"):
		body = scan.AppendString(nil, body)
	default:
		body = append(base64.StdEncoding.AppendEncode([]byte{'"'}, body), '"')
	}
	reply, err := r.target.provider.Decode(ctx, &abi.DecodeRequest{Endpoint: r.plan.endpoint, Deployment: r.target.described,
		Status: 200, Headers: headers, State: c.state, Body: body}, said)
	if err != nil {
		return core.AsError(err)
	}
	r.tally.report(reply.Usage, reply.Model)
	a.body, a.kind = reply.Body, reply.ContentType
	if a.kind == "" {
		r.servedAs(a.body)
		if r.plan.endpoint == abi.Chat && placed(a.body) {
			a.body = indexed(a.body, "message", map[int64]*characters{})
		}
		return nil
	}
	text, _ := scan.String(reply.Body) // the contract has it a string
	if a.body = []byte(text); reply.Base64 {
		if a.body, err = base64.StdEncoding.DecodeString(text); err != nil {
			return core.Errorf(core.CodePluginFailed, core.SourcePlugin, "the plugin's answer is not base64").With(err)
		}
	}
	if reply.WaveRate > 0 {
		a.body = append(sound.WaveHead(len(a.body), uint32(reply.WaveRate)), a.body...)
	}
	return nil
}

// guardAnswer has the guardrails read an answer; what is neither JSON nor text
// they cannot.
func (r *run) guardAnswer(ctx context.Context, a *answer) *core.Error {
	read := r.guard.Output
	if a.kind != "" {
		if traits[r.plan.endpoint].sound {
			return nil
		}
		if !utf8.Valid(a.body) {
			return core.Errorf(core.CodeUpstreamUnavailable, core.SourceUpstream, "the provider's answer is not text")
		}
		read = r.guard.OutputText
	}
	guarded, err := read(ctx, a.body)
	if err != nil {
		return core.AsError(err)
	}
	a.body = guarded
	return nil
}

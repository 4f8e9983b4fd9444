// Package guard runs the guardrails of an exchange over the text segments of
// its bodies and events. It stands in one place, right behind the client's
// dialect, so that no endpoint, dialect or stream can go around it.
package guard

import (
	"bytes"
	"cmp"
	"context"
	"log/slog"
	"slices"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/segment"
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// Plugin is a guardrail plugin's face; *plugin.Guardrail fulfils it.
type Plugin interface {
	Inspect(ctx context.Context, r *abi.InspectRequest) (*abi.InspectReply, error)
}

// Fetcher performs the HTTP effects of guardrails: only to the hosts that the
// operator granted to the plugin.
type Fetcher interface {
	Fetch(ctx context.Context, plugin string, r *abi.HTTPRequest) *abi.HTTPResponse
}

// maxFetches is how many HTTP effects one inspection may ask for.
const maxFetches = 4

// Attachment is a guardrail plugin with the place and mode it has on a route.
type Attachment struct {
	core.GuardrailAttachment
	Guardrail Plugin
}

// Chain is what guards a route, in order. It is immutable; nil guards nothing.
type Chain struct {
	attachments []Attachment
	fetch       Fetcher
	log         *slog.Logger
}

// NewChain is nil when there are no attachments.
func NewChain(attachments []Attachment, fetch Fetcher, log *slog.Logger) *Chain {
	if len(attachments) == 0 {
		return nil
	}
	return &Chain{attachments: attachments, fetch: fetch, log: log}
}

// Equal reports whether two chains guard alike: by the same attachments, in the same order.
func (c *Chain) Equal(other *Chain) bool {
	if c == nil || other == nil {
		return c == other
	}
	return slices.EqualFunc(c.attachments, other.attachments, func(a, b Attachment) bool {
		return a.Name == b.Name && a.Plugin == b.Plugin && slices.Equal(a.Stages, b.Stages) && a.Monitor == b.Monitor &&
			a.FailOpen == b.FailOpen && a.RefuseMedia == b.RefuseMedia && bytes.Equal(a.Config, b.Config)
	})
}

// Run is a chain at work on one exchange: it keeps each guardrail's state from
// the input to the end of the answer. Not safe for concurrent use.
type Run struct {
	chain    *Chain
	context  abi.InspectContext
	states   []abi.Raw
	findings []abi.Finding
	names    []string
}

// Begin starts the chain for one exchange; nil for a nil chain.
func (c *Chain) Begin(endpoint abi.Endpoint, alias string) *Run {
	if c == nil {
		return nil
	}
	return &Run{chain: c, context: abi.InspectContext{Endpoint: endpoint, Model: alias}, states: make([]abi.Raw, len(c.attachments))}
}

// Findings names what the guardrails saw, each once, as "attachment/rule".
func (r *Run) Findings() []string {
	if r == nil {
		return nil
	}
	return r.names
}

// Input inspects a request body. It returns the body to send on, the same one
// if nothing was rewritten; the error is a *core.Error.
func (r *Run) Input(ctx context.Context, body []byte) ([]byte, error) {
	if member := segment.Tokens(r.context.Endpoint, body); member != "" {
		if err := r.unread(member); err != nil {
			return nil, err
		}
	}
	if err := r.media(body); err != nil {
		return nil, err
	}
	return r.whole(ctx, abi.StageInput, body, func(b []byte) []segment.Found { return segment.Request(r.context.Endpoint, b) })
}

// unread refuses a request whose text no guardrail can read, unless it may pass
// all of them unseen.
func (r *Run) unread(member string) error {
	for i := range r.chain.attachments {
		a := &r.chain.attachments[i]
		if !slices.Contains(a.Stages, string(abi.StageInput)) {
			continue
		}
		r.note(a.Name, []abi.Finding{{Rule: "unread", Count: 1}})
		if !a.FailOpen && !a.Monitor {
			return core.Invalid(member, "%s must be text and not tokens: the guardrail %q has to read it", member, a.Name)
		}
	}
	return nil
}

// media refuses a request with what no guardrail can read, where an attachment says so.
func (r *Run) media(body []byte) error {
	refuses := func(a Attachment) bool { return a.RefuseMedia && slices.Contains(a.Stages, string(abi.StageInput)) }
	if !slices.ContainsFunc(r.chain.attachments, refuses) || !segment.Media(body) && !r.recording(body) {
		return nil
	}
	for _, a := range r.chain.attachments {
		if !refuses(a) {
			continue
		}
		r.note(a.Name, []abi.Finding{{Rule: "media", Count: 1}})
		if !a.Monitor {
			return core.Errorf(core.CodeGuardrailBlocked, core.SourceGateway,
				"the guardrail %q takes no pictures, recordings or files: it has to read all of a request", a.Name)
		}
	}
	return nil
}

// recording reports whether an event of a session brings sound, however little.
func (r *Run) recording(event []byte) bool {
	return r.context.Endpoint == abi.Realtime && scan.GetString(event, "type") == "input_audio_buffer.append"
}

// Takes reports whether any guardrail looks at the stage.
func (r *Run) Takes(stage abi.Stage) bool {
	return slices.ContainsFunc(r.chain.attachments, func(a Attachment) bool { return slices.Contains(a.Stages, string(stage)) })
}

// Forget takes the findings away that Findings has named: what comes next is of
// another entry.
func (r *Run) Forget() {
	if r != nil {
		r.findings, r.names = nil, nil
	}
}

// Output inspects a whole answer in the client's dialect, like Input.
func (r *Run) Output(ctx context.Context, body []byte) ([]byte, error) {
	return r.whole(ctx, abi.StageOutput, body, func(b []byte) []segment.Found { return segment.Answer(r.context.Endpoint, b) })
}

// OutputText inspects a whole answer that is text and not JSON, like Output.
func (r *Run) OutputText(ctx context.Context, body []byte) ([]byte, error) {
	return r.whole(ctx, abi.StageOutput, body, segment.Text)
}

func (r *Run) whole(ctx context.Context, stage abi.Stage, body []byte, find func([]byte) []segment.Found) ([]byte, error) {
	for i := range r.chain.attachments {
		a := &r.chain.attachments[i]
		if !slices.Contains(a.Stages, string(stage)) {
			continue
		}
		found := find(body)
		if len(found) == 0 {
			continue
		}
		segments := make([]abi.Segment, len(found))
		for n := range found {
			segments[n] = found[n].Segment
		}
		// What a model reads as one text stands together, also where a name or an
		// address stands between in the body.
		slices.SortStableFunc(segments, func(a, b abi.Segment) int {
			return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Kind, b.Kind))
		})
		reply, err := r.inspect(ctx, i, &abi.InspectRequest{Stage: stage, Segments: segments, Final: true})
		if err != nil {
			return nil, err
		}
		if reply.Verdict == abi.Rewrite && !a.Monitor {
			body = replace(body, found, reply.Segments)
		}
	}
	return body, nil
}

// replace puts new texts into a body or event, and takes out of it what would
// still tell the old ones.
func replace(body []byte, found []segment.Found, texts []abi.SegmentText) []byte {
	if len(texts) == 0 {
		return body
	}
	choices := make([]int, len(texts))
	for i := range texts {
		choices[i] = found[texts[i].ID].Choice
	}
	body = segment.Replace(make([]byte, 0, len(body)), body, found, texts)
	if found[texts[0].ID].Raw {
		return body
	}
	return segment.DropLogprobs(body, choices)
}

// inspect asks one guardrail, performs what it wants fetched, and judges. A nil
// error means go on; the reply is then allow or rewrite, or anything in monitor mode.
func (r *Run) inspect(ctx context.Context, i int, req *abi.InspectRequest) (*abi.InspectReply, error) {
	a := &r.chain.attachments[i]
	req.Findings, req.Context, req.State = r.findings, r.context, r.states[i]
	reply, err := a.Guardrail.Inspect(ctx, req)
	for n := 0; err == nil && reply.Verdict == abi.Fetch && n < maxFetches; n++ {
		if reply.HTTPRequest == nil || r.chain.fetch == nil {
			break
		}
		req.State, req.HTTPResponse = reply.State, r.chain.fetch.Fetch(ctx, a.Plugin, reply.HTTPRequest)
		reply, err = a.Guardrail.Inspect(ctx, req)
	}
	if err == nil && reply.Verdict == abi.Fetch {
		err = core.Errorf(core.CodePluginFailed, core.SourcePlugin, "the guardrail %q asked for more than it may fetch", a.Name)
	}
	if err != nil {
		return r.failed(ctx, a, err)
	}
	r.states[i] = reply.State
	r.note(a.Name, reply.Findings)
	if reply.Verdict == abi.Block && !a.Monitor {
		message := reply.ClientMessage
		if message == "" {
			message = "blocked by the guardrail " + a.Name
		}
		return nil, core.Errorf(core.CodeGuardrailBlocked, core.SourceGateway, "%s", message)
	}
	return reply, nil
}

// failed applies the attachment's rule for a guardrail that cannot answer: closed
// ends the exchange, open lets the text pass and says so.
func (r *Run) failed(ctx context.Context, a *Attachment, err error) (*abi.InspectReply, error) {
	if ctx.Err() != nil {
		return nil, err
	}
	r.note(a.Name, []abi.Finding{{Rule: "failed", Count: 1}})
	if a.FailOpen || a.Monitor {
		r.chain.log.Warn("guardrail failed open", "guardrail", a.Name, "plugin", a.Plugin, "error", err)
		return &abi.InspectReply{Verdict: abi.Allow}, nil
	}
	e := core.AsError(err)
	return nil, core.Errorf(core.CodePluginFailed, core.SourceGateway, "the guardrail %q could not decide, so the request is refused", a.Name).With(e)
}

func (r *Run) note(attachment string, findings []abi.Finding) {
	for _, f := range findings {
		name := attachment + "/" + f.Rule
		if !slices.Contains(r.names, name) {
			r.names = append(r.names, name)
			r.findings = append(r.findings, f)
		}
	}
}

package exchange

import (
	"context"
	"slices"
	"strconv"
	"sync"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/dialect"
	"github.com/tokligence/gateway/core/dialect/bridge"
	"github.com/tokligence/gateway/core/patch"
	"github.com/tokligence/gateway/core/upstream"
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// call is a request ready for a vendor.
type call struct {
	request upstream.Request
	state   string  // of the provider plugin
	bridged bool    // the answer must be translated to the client's endpoint
	held    *[]byte // of bodies, in which the request's body stands
}

// bodies are buffers for what is sent to vendors and what plugins say.
var bodies = sync.Pool{New: func() any { return new([]byte) }}

// keptBody is the largest buffer that goes back to bodies.
const keptBody = 1 << 20

func holdBody() *[]byte { return bodies.Get().(*[]byte) }

// dropBody gives a buffer back that nothing stands in any more.
func dropBody(held *[]byte) {
	if cap(*held) <= keptBody {
		bodies.Put(held)
	}
}

// sent gives the request's body back.
func (c *call) sent() {
	c.request.Body = nil
	if c.held != nil {
		dropBody(c.held)
	}
	c.held = nil
}

func appendInt(dst []byte, n int64) []byte { return strconv.AppendInt(dst, n, 10) }

func appendFloat32(dst []byte, f float32) []byte {
	return strconv.AppendFloat(dst, float64(f), 'g', -1, 32)
}

// build makes the vendor's request from the client's, by the deployment's plan.
func (r *run) build(ctx context.Context) (*call, *core.Error) {
	t, p := r.target, r.plan
	c := &call{bridged: p.endpoint != r.req.Endpoint}
	c.request = upstream.Request{Method: p.Method, URL: r.withQuery(p.URL), Auth: p.Auth, Credential: t.Credential, AllowPrivate: t.AllowPrivate}
	if c.request.Method == "" {
		c.request.Method = "POST"
	}
	if !r.facts.stream {
		c.request.HeadTimeout = t.Deployment.Timeouts.Total
	} else if c.request.HeadTimeout = t.Deployment.Timeouts.FirstToken; c.request.HeadTimeout == 0 {
		c.request.HeadTimeout = t.Deployment.Timeouts.Total
	}
	c.request.Headers = r.headers(p)
	body, err := r.chosen(r.body)
	if err != nil {
		return nil, err
	}
	if !c.bridged {
		body = r.capTools(body)
	}
	if p.native != nil {
		return c, r.buildNative(c, body)
	}
	if c.bridged || p.endpoint == abi.CountTokens && p.Request.Mode == abi.Transform {
		if body, err = r.toChat(body); err != nil {
			return nil, err
		}
	} else if body, err = r.native(body); err != nil {
		return nil, err
	}
	if p.Request.Mode == abi.Transform {
		return c, r.encode(ctx, c, body)
	}
	body, edits, err := r.edits(r.fit(body, c.bridged))
	if err != nil {
		return nil, err
	}
	c.held = holdBody()
	*c.held = body.Apply(slices.Grow((*c.held)[:0], len(body.Text())+len(t.Deployment.Model)+64), edits)
	c.request.Body = *c.held
	if p.Request.Form && r.form != nil {
		return c, r.rebuildForm(c)
	}
	return c, nil
}

// toChat carries the client's body over to chat.
func (r *run) toChat(body scan.Object) (scan.Object, *core.Error) {
	chat, notices, err := r.overChat(body, r.target)
	r.head.Notices = append(r.head.Notices, notices...)
	if err != nil || r.plan.endpoint != abi.Chat {
		return chat, err
	}
	if r.tempted() {
		r.note(r.target, chat)
	}
	return r.capTools(chat), nil
}

// overChat translates a body to chat for t. What chat cannot say and the deployment
// says to drop is left out.
func (r *run) overChat(body scan.Object, t *Target) (chat scan.Object, notices []string, _ *core.Error) {
	over, drop := r.dialect.Bridge, t.Deployment.DropParams
	to := bridge.To{Drop: drop}
	p := r.planOf(t)
	if p != nil && !slices.Contains(drop, webSearch) && !slices.Contains(drop, "tools") {
		to.Alone, to.Beside = p.Request.WebSearch == abi.SearchesAlone, p.Request.WebSearch == abi.SearchesBeside
		to.Bounds = p.Request.ToolCap == webSearch+".max_uses"
	}
	to.Cites = p != nil && slices.Contains(p.Request.Extensions, "citations")
	if r.req.Endpoint == abi.CountTokens { // of the same request
		over = dialect.Of(abi.Messages).Bridge
	}
	for {
		chat, told, err := over.ToChat(body.Text(), to)
		if err == nil {
			return scan.Walk(chat), append(notices, told...), nil
		}
		e := core.AsError(err)
		if body.Get(e.Param) == nil || !slices.Contains(drop, e.Param) {
			return body, notices, e
		}
		body = scan.Walk(body.Apply(nil, []scan.Edit{{Key: e.Param}}))
		notices = append(notices, "dropped "+e.Param)
	}
}

// fit makes a chat body one that the vendor takes as it is: without members of our
// own making that it does not know, and with its messages in turn where it wants
// that.
func (r *run) fit(body scan.Object, bridged bool) scan.Object {
	p, old := &r.plan.Request, body.Text()
	text := old
	if r.plan.endpoint != abi.Chat {
		return body
	}
	if bridged {
		text = r.unbridge(text)
	}
	if bridged || p.Strict {
		r.tellSteering(text)
		text = llm.Strip(text, p.Extensions...)
	}
	if p.Alternate {
		text = llm.Alternate(text)
	}
	if len(text) == len(old) && &text[0] == &old[0] { // there was nothing to do
		return body
	}
	return scan.Walk(text)
}

// tellSteering tells which of the members that are left out say how a model shall answer.
// An effort says what thinking does.
func (r *run) tellSteering(chat []byte) {
	for _, name := range [...]string{"top_k", "thinking"} {
		if slices.Contains(r.plan.Request.Extensions, name) || scan.IsNull(scan.Get(chat, name)) {
			continue
		}
		if name == "top_k" || scan.IsNull(scan.Get(chat, "reasoning_effort")) {
			r.head.Notices = append(r.head.Notices, "dropped "+name)
		}
	}
}

// unbridge makes a translated body one of OpenAI's API: nothing but text in results
// of tools, and the output cap under the vendor's name for it.
func (r *run) unbridge(body []byte) []byte {
	body = llm.MediaAside(body)
	name, limit := r.plan.Request.OutputCap, scan.Get(body, "max_tokens")
	if name == "" || name == "max_tokens" || limit == nil {
		return body
	}
	return scan.Apply(nil, body, []scan.Edit{{Key: "max_tokens"}, {Key: name, Value: limit}})
}

// headers are the plan's and those of the client that the plan names.
func (r *run) headers(p *plan) []upstream.Header {
	h := make([]upstream.Header, 0, len(p.headers)+len(p.Request.ForwardHeaders)+1)
	h = append(h, upstream.Header{Name: "content-type", Value: "application/json"})
	for _, name := range p.Request.ForwardHeaders {
		if v := r.req.Header(name); v != "" {
			h = append(h, upstream.Header{Name: name, Value: v})
		}
	}
	for _, pair := range p.headers {
		if !slices.ContainsFunc(h, func(x upstream.Header) bool { return x.Name == pair.name }) {
			h = append(h, upstream.Header{Name: pair.name, Value: pair.value})
		}
	}
	return h
}

// encode has the provider plugin make the body.
func (r *run) encode(ctx context.Context, c *call, body scan.Object) *core.Error {
	t, text := r.target, body.Text()
	edits := r.effortEdit(nil, body)
	if r.capable() {
		edits = r.capEdits(edits, body, "max_tokens")
	}
	if len(edits) > 0 {
		text = body.Apply(nil, edits)
	}
	text = r.dropDeep(text)
	if r.plan.Request.Inline && r.form != nil {
		text = r.form.Inline(text)
	}
	c.held = holdBody()
	reply, err := t.provider.Encode(ctx, &abi.EncodeRequest{Endpoint: r.plan.endpoint, Stream: r.facts.stream,
		Deployment: t.described, DropParams: t.Deployment.DropParams, Body: text}, c.held)
	if err != nil {
		return core.AsError(err)
	}
	c.state = reply.State
	c.request.Body, _ = patch.Apply(reply.Body, r.plan.edits)
	if reply.URL != "" {
		c.request.URL = reply.URL
	}
	if reply.Form != nil || reply.File != nil {
		if err := r.sendFiles(c, reply); err != nil {
			return err
		}
	}
	for name, value := range reply.Headers {
		c.request.Headers = append(c.request.Headers, upstream.Header{Name: name, Value: value})
	}
	r.head.Notices = append(r.head.Notices, reply.Notices...)
	return nil
}

package exchange

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/dialect"
	"github.com/tokligence/gateway/core/dialect/bridge"
	"github.com/tokligence/gateway/core/patch"
	"github.com/tokligence/gateway/core/upstream"
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// relayWhole reads a whole answer and passes it on.
func (r *run) relayWhole(ctx context.Context, c *call, resp *upstream.Response, kind string) *core.Error {
	resp.Body.SetIdleTimeout(r.target.Deployment.Timeouts.Total)
	room := holdBody()
	defer dropBody(room) // the client has what stands in it, or nobody
	body, err := upstream.ReadAll(resp, r.x.MaxBody, *room)
	*room = body
	if errors.Is(err, upstream.ErrTooLarge) {
		return core.Errorf(core.CodeUpstreamUnavailable, core.SourceUpstream, "the provider's answer is larger than the gateway takes").With(err)
	}
	if err != nil {
		r.abandoned = ctx.Err() != nil
		r.began(body)
		return r.upstreamError(ctx, err)
	}
	a := &answer{body: body}
	if t := traits[r.plan.endpoint]; (t.sound || t.text) && isText(kind, body) {
		a.kind = cmp.Or(resp.Get("content-type"), "application/octet-stream")
	} else if err := scan.Valid(body); err != nil {
		r.began(body)
		return core.Errorf(core.CodeUpstreamUnavailable, core.SourceUpstream, "the provider's answer is not JSON").With(err)
	}
	var headers abi.Headers // for a plugin
	if r.plan.Response.Mode == abi.Transform {
		headers = vendorHeaders(resp)
	}
	return r.passWhole(ctx, c, headers, a, room)
}

// began notes an answer of which only a part came. The vendor has made it and
// bills it.
func (r *run) began(body []byte) {
	if scan.Kind(body) == '{' {
		r.firstByte, r.outTokens = r.x.now(), estimateText(body)
	}
}

// passWhole turns the vendor's answer into the client's, guards it, settles and
// writes it. In room stands the vendor's, if anything; its place is taken when a
// plugin has read it.
func (r *run) passWhole(ctx context.Context, c *call, headers abi.Headers, a *answer, room *[]byte) *core.Error {
	r.firstByte, r.whole = r.x.now(), true
	if r.plan.Response.Mode == abi.Transform {
		said := holdBody()
		defer dropBody(said)
		if err := r.decodeWhole(ctx, c, headers, a, said); err != nil {
			return err
		}
	} else if a.kind == "" {
		a.body, _ = patch.Apply(a.body, r.plan.response)
		if r.plan.endpoint == abi.Chat || scan.GetString(a.body, "status") == "failed" {
			if err := r.reported(a.body); err != nil {
				r.unmade(a.body)
				return err
			}
		}
		r.uses(a.body)
		r.tally.read(r.plan.usage, a.body)
	}
	if err := r.finishAnswer(c, a, room); err != nil {
		return err
	}
	if r.guard != nil {
		if err := r.guardAnswer(ctx, a); err != nil {
			return err
		}
	}
	if err := r.settle(core.OutcomeOK, 200, nil); err != nil {
		return err
	}
	r.remember(ctx, a.body)
	r.head.ContentType = a.kind
	return r.writeWhole(a.body)
}

// unmade notes that there is no answer: what it cost all the same is what its body says.
func (r *run) unmade(body []byte) {
	if r.whole = false; scan.IsNull(scan.Get(body, "usage")) {
		r.firstByte = time.Time{}
		return
	}
	r.tally.read(r.plan.usage, body)
}

func (r *run) writeWhole(body []byte) *core.Error {
	r.describe()
	_ = r.reply.Whole(200, &r.head, body) // a client that left has its answer in the ledger
	return nil
}

// finishAnswer puts an answer into the client's shape.
func (r *run) finishAnswer(c *call, a *answer, room *[]byte) (err *core.Error) {
	if a.kind != "" {
		return nil
	}
	r.outTokens = r.estimateAnswer(a.body)
	if r.unit() == partImages {
		r.pictures = int64(scan.Len(scan.Get(a.body, "data")))
	}
	a.body, err = r.clientBody(c, a.body, room)
	return err
}

// estimateAnswer guesses the output tokens of an answer that reports no usage.
func (r *run) estimateAnswer(body []byte) int64 {
	if r.tally.known[partOutput] || !r.generates() {
		return 0
	}
	if r.vendor.own() {
		return estimateTokens(body)
	}
	if choices := scan.Get(body, "choices"); choices != nil {
		return estimateTokens(choices)
	}
	if output := scan.Get(body, "output"); output != nil {
		return estimateTokens(output)
	}
	return estimateTokens(scan.Get(body, "content"))
}

// clientBody puts a canonical or passed-through answer into the client's shape.
// A canonical one does not stand in room.
func (r *run) clientBody(c *call, body []byte, room *[]byte) ([]byte, *core.Error) {
	usage := r.usage()
	if r.req.Endpoint == abi.Embeddings {
		body = encodeVectors(body, r.facts.encodingFormat)
	}
	if r.plan.Response.Mode == abi.Transform {
		*room = r.stamp((*room)[:0], body, usage)
		body = *room
	}
	a := r.answerFacts(usage)
	if !c.bridged {
		if own := r.dialect.Own; own != nil {
			body = own(body, &a)
		}
		return body, nil
	}
	out, err := r.dialect.Bridge.FromChat(nil, body, &a)
	if err != nil {
		return nil, core.AsError(err)
	}
	r.head.Notices = append(r.head.Notices, a.Notices...)
	return out, nil
}

// answerFacts are what a bridge needs to write an answer.
func (r *run) answerFacts(u core.Usage) bridge.Answer {
	return bridge.Answer{ID: r.replyID(), Model: r.servedModel(), Created: r.req.Arrived.Unix(), Usage: u, Request: r.body.Text()}
}

// stamp writes an answer with it to dst, but for what the plugin has written itself.
func (r *run) stamp(dst, body []byte, u core.Usage) []byte {
	d := dialect.Of(r.plan.endpoint)
	names := d.Stamps
	if len(names) == 0 {
		return append(dst, body...)
	}
	var has uint32 // a bit for each name
	empty := true
	scan.Members(body, func(key, _ []byte) bool {
		empty = false
		if i := slices.Index(names, string(key)); i >= 0 {
			has |= 1 << i
		}
		return true
	})
	dst = slices.Grow(dst, len(body)+512)
	start := len(dst)
	if !empty {
		dst = append(dst, body[:bytes.LastIndexByte(body, '}')]...)
	}
	for i, name := range names {
		if has&(1<<i) == 0 && (name != "usage" || r.tally.known[partInput] || traits[r.plan.endpoint].unit == 0) { // tokens that nobody counts are not shown as none
			dst = r.appendStamp(scan.AppendName(dst, name), d, name, u)
		}
	}
	return scan.CloseObject(dst, start)
}

// appendStamp writes the value of one of the names.
func (r *run) appendStamp(dst []byte, d *dialect.Dialect, name string, u core.Usage) []byte {
	switch name {
	case "id":
		return scan.AppendString(dst, r.replyID())
	case "object":
		return scan.AppendString(dst, d.Object)
	case "created":
		return appendInt(dst, r.req.Arrived.Unix())
	case "model":
		return scan.AppendString(dst, r.servedModel())
	}
	return d.AppendUsage(dst, u)
}

// replyID is the id of an answer whose vendor gave none.
func (r *run) replyID() string {
	return r.dialect.ID + r.id[len(core.PrefixExchange):]
}

func (r *run) servedModel() string {
	switch {
	case r.tally.model != "":
		return r.tally.model
	case r.target == nil:
		return r.route.Name
	}
	return r.target.Deployment.Model
}

// timedBody bounds the reads of a stream: until the first event by the time to
// first token as a whole (comments do not extend it), then each read by the
// idle time, and after the answer's finish by what is left of the grace.
type timedBody struct {
	upstream.Body
	now      func() time.Time
	deadline time.Time // first token, or grace; zero is none
	idle     time.Duration
}

func (b *timedBody) Read(p []byte) (int, error) {
	d := b.idle
	if !b.deadline.IsZero() {
		d = max(b.deadline.Sub(b.now()), time.Nanosecond)
	}
	b.SetIdleTimeout(d)
	return b.Body.Read(p)
}

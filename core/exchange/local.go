package exchange

import (
	"context"
	"encoding/json"
	"io"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/sse"
	"github.com/tokligence/gateway/core/upstream"
	"github.com/tokligence/gateway/pdk/abi"
)

// relayLocal goes on with an answer that the provider plugin itself has made, as
// if it had come over the network. The status is the made-up vendor's.
func (r *run) relayLocal(ctx context.Context, c *call) (status int, err *core.Error) {
	var a abi.LocalAnswer
	if jerr := json.Unmarshal(c.request.Body, &a); jerr != nil {
		return 0, core.Errorf(core.CodePluginFailed, core.SourcePlugin, "the plugin's local answer is not one").With(jerr)
	}
	if a.Status == 0 {
		a.Status = 200
	}
	head := newPacer(ctx, c.request.HeadTimeout)
	if werr := head.wait(a.DelayMS); werr != nil {
		return 0, r.upstreamError(ctx, werr)
	}
	switch {
	case a.Status < 200 || a.Status > 299:
		resp := &upstream.Response{Status: a.Status, Body: &localBody{rest: a.Body}}
		for name, value := range a.Headers {
			resp.Headers = append(resp.Headers, upstream.Header{Name: name, Value: value})
		}
		return a.Status, r.vendorError(ctx, r.target, r.plan, resp)
	case r.facts.stream && (r.generates() || a.Events != nil):
		r.streams = true
		s := r.newStream(ctx, c)
		s.source = &localEvents{events: a.Events, cut: a.Cut, pace: newPacer(ctx, r.target.Deployment.Timeouts.StreamIdle)}
		return a.Status, s.relay()
	case a.Cut:
		return a.Status, r.upstreamError(ctx, io.ErrUnexpectedEOF)
	}
	return a.Status, r.passWhole(ctx, c, a.Headers, &answer{body: a.Body}, new([]byte))
}

// pacer waits, at most for its limit at a time; 0 is no limit.
type pacer struct {
	ctx   context.Context
	limit time.Duration
}

func newPacer(ctx context.Context, limit time.Duration) pacer { return pacer{ctx, limit} }

func (p pacer) wait(ms int64) error {
	d := time.Duration(ms) * time.Millisecond
	if d <= 0 {
		return p.ctx.Err()
	}
	late := p.limit > 0 && d > p.limit
	if late {
		d = p.limit
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-p.ctx.Done():
		return p.ctx.Err()
	case <-timer.C:
	}
	if late {
		return core.Errorf(core.CodeUpstreamTimeout, core.SourceUpstream, "the provider took too long")
	}
	return nil
}

// localEvents are the events of a local answer, each at its time.
type localEvents struct {
	events []abi.LocalEvent
	cut    bool
	pace   pacer
}

// Buffered reports whether the next event waits for nothing.
func (l *localEvents) Buffered() bool { return len(l.events) > 0 && l.events[0].DelayMS <= 0 }

// Next waits for the next event.
func (l *localEvents) Next() (sse.Event, error) {
	if len(l.events) == 0 {
		if l.cut {
			return sse.Event{}, io.ErrUnexpectedEOF
		}
		return sse.Event{}, io.EOF
	}
	e := l.events[0]
	if err := l.pace.wait(e.DelayMS); err != nil {
		return sse.Event{}, err
	}
	l.events = l.events[1:]
	return sse.Event{Name: []byte(e.Name), Data: e.Data}, nil
}

// localBody is the body of a local error.
type localBody struct{ rest []byte }

func (b *localBody) Read(p []byte) (int, error) {
	if len(b.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

func (b *localBody) Close() error                 { return nil }
func (b *localBody) SetIdleTimeout(time.Duration) {}

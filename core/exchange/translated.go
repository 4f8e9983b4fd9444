package exchange

import (
	"cmp"
	"context"
	"errors"
	"sync"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/realtime"
	"github.com/tokligence/gateway/core/socket"
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// vendorConn is the vendor's end of a session.
type vendorConn interface {
	realtime.Conn
	Cut() // ends it at once, without a word
}

// translated is a vendor's connection behind a provider that translates: who reads and
// writes it speaks OpenAI's events, so that holds, limits and guardrails are the same
// for every vendor. Read is called by one goroutine; the other methods by any.
//
// What either side says goes through the plugin one message at a time, and what it
// makes for the vendor leaves in that order.
type translated struct {
	*socket.Conn
	session *session
	target  *Target

	mu     sync.Mutex
	state  abi.Raw       // of the plugin
	out    []abi.Raw     // for the vendor, not yet sent
	events []abi.Raw     // for the client, not yet read
	more   chan struct{} // says that there are events; has room for one

	sending sync.Mutex

	frames chan frame // of the vendor
	stop   func()
	reader sync.WaitGroup
}

// frame is a message of the vendor's, or why none comes any more.
type frame struct {
	data []byte
	err  error
}

// maxSessionState is the most that a session's state may have, in bytes: sound that
// waits until the vendor takes it stands there.
const maxSessionState = 2 * MaxMessage

// translate puts the provider between the session and its vendor, and opens it.
func (s *session) translate(ctx context.Context, t *Target, conn *socket.Conn) (*translated, *core.Error) {
	reading, stop := context.WithCancel(context.WithoutCancel(ctx))
	v := &translated{Conn: conn, session: s, target: t, more: make(chan struct{}, 1), frames: make(chan frame), stop: stop}
	v.reader.Add(1)
	go func() {
		defer v.reader.Done()
		v.read(reading)
	}()
	if err := v.converse(ctx, &abi.ConverseRequest{}); err != nil {
		v.Cut()
		return nil, core.AsError(err)
	}
	return v, nil
}

// read takes the vendor's messages, one after another, until it closes or nobody wants
// them any more.
func (v *translated) read(ctx context.Context) {
	for {
		_, data, err := v.Conn.Read(ctx)
		select {
		case v.frames <- frame{data, err}:
		case <-ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// Read implements [realtime.Conn]: the next event for the client.
func (v *translated) Read(ctx context.Context) (text bool, message []byte, err error) {
	for {
		if e := v.next(); e != nil {
			return true, e, nil
		}
		select {
		case <-v.more:
		case f := <-v.frames:
			if f.err != nil {
				return false, nil, f.err
			}
			if scan.Kind(f.data) != '{' || scan.Valid(f.data) != nil {
				return false, nil, core.Errorf(core.CodeUpstreamUnavailable, core.SourceUpstream, "the provider sent a message that is no JSON object")
			}
			if err := v.converse(ctx, &abi.ConverseRequest{Vendor: f.data}); err != nil {
				return false, nil, err
			}
		case <-ctx.Done():
			return false, nil, ctx.Err()
		}
	}
}

// next is the event that is told next, nil for none.
func (v *translated) next() abi.Raw {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.events) == 0 {
		return nil
	}
	e := v.events[0]
	v.events = v.events[1:]
	return e
}

// Write implements [realtime.Conn] for an event of the client. One that the provider
// refuses is answered like the vendor's own refusals.
func (v *translated) Write(ctx context.Context, _ bool, event []byte) error {
	err := v.converse(ctx, &abi.ConverseRequest{Client: event})
	var refused *core.Error
	if !errors.As(err, &refused) || refused.Code == core.CodePluginFailed || refused.Code == core.CodeRateLimited {
		return err
	}
	v.mu.Lock()
	v.tell(v.session.errorEvent(refused, scan.GetString(event, "event_id")).Data)
	v.mu.Unlock()
	return nil
}

// converse has the provider translate one message and sends what it makes of it.
func (v *translated) converse(ctx context.Context, r *abi.ConverseRequest) error {
	speaks, err := v.ask(ctx, r)
	if err != nil || !speaks {
		return err
	}
	return v.send(ctx)
}

// ask reports whether there is something for the vendor.
func (v *translated) ask(ctx context.Context, r *abi.ConverseRequest) (speaks bool, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	r.Deployment, r.Session, r.State = v.target.described, v.session.run.id, v.state
	r.LongText = v.session.run.plan.says().LongText
	reply, err := v.target.provider.Converse(ctx, r)
	if err != nil {
		return false, err
	}
	if len(reply.State) > maxSessionState {
		return false, core.Errorf(core.CodeRateLimited, core.SourceGateway, "more has been said than the provider takes")
	}
	v.state = reply.State
	v.out = append(v.out, reply.ToVendor...)
	v.tell(reply.ToClient...)
	return len(v.out) > 0, nil
}

// tell has events read. The lock is held.
func (v *translated) tell(events ...abi.Raw) {
	if v.events = append(v.events, events...); len(events) == 0 {
		return
	}
	select {
	case v.more <- struct{}{}:
	default: // it has been said
	}
}

// send sends what waits for the vendor, each message once and in order.
func (v *translated) send(ctx context.Context) error {
	v.sending.Lock()
	defer v.sending.Unlock()
	v.mu.Lock()
	out := v.out
	v.out = nil
	v.mu.Unlock()
	for _, m := range out {
		if err := v.Conn.Write(ctx, true, m); err != nil {
			return err
		}
	}
	return nil
}

// Close implements [realtime.Conn].
func (v *translated) Close(code int, reason string) {
	v.Conn.Close(code, reason)
	v.stop()
	v.reader.Wait()
}

// Cut implements [vendorConn].
func (v *translated) Cut() {
	v.Conn.Cut()
	v.stop()
	v.reader.Wait()
}

// says is what the plan says of the vendor's sessions; the zero value is OpenAI's way.
func (p *plan) says() abi.RealtimePlan {
	if p.Realtime == nil {
		return abi.RealtimePlan{}
	}
	return *p.Realtime
}

// heardRate and saidRate are the tokens of a second of sound.
func (p *plan) heardRate() int64 { return cmp.Or(p.says().HeardTokens, heardTokens) }
func (p *plan) saidRate() int64  { return cmp.Or(p.says().SaidTokens, saidTokens) }

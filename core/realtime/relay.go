package realtime

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/socket"
)

// Conn is one end of a session; *socket.Conn fulfils it.
type Conn interface {
	Read(ctx context.Context) (text bool, message []byte, err error)
	Write(ctx context.Context, text bool, message []byte) error
	Ping(ctx context.Context) error
	Close(code int, reason string)
}

// Message is one message as a WebSocket has it.
type Message struct {
	Text bool
	Data []byte
}

// Moves are what becomes of a message: what is sent to either side, in order.
type Moves struct{ Client, Vendor []Message }

// Steward decides over a session. FromClient and FromVendor run beside each other,
// each one message at a time; the message is theirs. An error ends the session; a
// *core.Error is told to the client.
type Steward interface {
	FromClient(ctx context.Context, m Message) (Moves, error)
	FromVendor(ctx context.Context, m Message) (Moves, error)
	// Check is asked every so often whether the session may go on.
	Check(ctx context.Context) error
	// Farewell is the last message for the client of a session that the gateway ends,
	// or whose vendor has gone without a word.
	Farewell(e *core.Error) []byte
}

// Limits bound a session in time.
type Limits struct {
	Total    time.Duration // of all of it
	Idle     time.Duration // without a message of either side
	Patience time.Duration // of a write to a side that takes nothing
	Ping     time.Duration // between pings; twice that is waited for an answer
}

// Side is who ended a session.
type Side string

// The sides.
const (
	Client  Side = "client"
	Vendor  Side = "vendor"
	Gateway Side = "gateway"
)

// End is how a session ended.
type End struct {
	By     Side
	Code   int // of the close that the others were told
	Reason string
	Err    *core.Error // nil where a side closed it as it should
}

// Run carries messages until one side ends the session, a limit is reached, the
// steward says so, or ctx ends, whose cause is then told if it is a *core.Error. It
// closes both connections and returns when nothing of the session runs any more.
func Run(ctx context.Context, client, vendor Conn, s Steward, l Limits) *End {
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	r := &relay{ctx: work, client: client, vendor: vendor, steward: s, limits: l, ends: make(chan *End, 3)}
	r.touch()
	total := time.NewTimer(l.Total)
	defer total.Stop()
	for _, f := range [...]func() *End{r.fromClient, r.fromVendor, r.watch} {
		r.running.Add(1)
		go func() {
			defer r.running.Done()
			r.ends <- f()
		}()
	}
	var end *End
	select {
	case end = <-r.ends:
	case <-total.C:
		end = gatewayEnd(socket.CodeAway, core.Errorf(core.CodeInvalidRequest, core.SourceGateway, "the session has lasted %s, the longest that one may", l.Total))
	case <-ctx.Done():
		var e *core.Error
		if !errors.As(context.Cause(ctx), &e) {
			e = core.Errorf(core.CodeInternal, core.SourceGateway, "the session was ended")
		}
		end = gatewayEnd(socket.CodeAway, e)
	}
	r.finish(end, cancel)
	return end
}

func gatewayEnd(code int, e *core.Error) *End {
	return &End{By: Gateway, Code: code, Reason: e.Message, Err: e}
}

type relay struct {
	ctx            context.Context
	client, vendor Conn
	steward        Steward
	limits         Limits
	ends           chan *End // has room for all
	running        sync.WaitGroup
	last           atomic.Int64 // message, in Unix nanoseconds
}

func (r *relay) touch() { r.last.Store(time.Now().UnixNano()) }

// finish tells both sides and waits for all that runs.
func (r *relay) finish(end *End, cancel func()) {
	if end.Err != nil && end.By != Client {
		if text := r.steward.Farewell(end.Err); text != nil {
			_ = r.write(r.client, Message{true, text}) // it may have gone
		}
	}
	var closing sync.WaitGroup
	for _, c := range [...]Conn{r.client, r.vendor} {
		closing.Add(1)
		go func() {
			defer closing.Done()
			c.Close(end.Code, end.Reason)
		}()
	}
	closing.Wait()
	cancel()
	r.running.Wait()
}

func (r *relay) write(c Conn, m Message) error {
	ctx, cancel := context.WithTimeout(r.ctx, r.limits.Patience)
	defer cancel()
	return c.Write(ctx, m.Text, m.Data)
}

// move carries out what the steward says; by is who ended the session when a write
// fails.
func (r *relay) move(m Moves) *End {
	for _, side := range [...]struct {
		by   Side
		conn Conn
		list []Message
	}{{Client, r.client, m.Client}, {Vendor, r.vendor, m.Vendor}} {
		for _, one := range side.list {
			if err := r.write(side.conn, one); err != nil {
				return ended(side.by, err)
			}
		}
	}
	return nil
}

func (r *relay) fromClient() *End { return r.pump(Client, r.client, r.steward.FromClient) }
func (r *relay) fromVendor() *End { return r.pump(Vendor, r.vendor, r.steward.FromVendor) }

// pump takes the messages of one side, one after another: who sends faster than the
// other side takes waits.
func (r *relay) pump(by Side, from Conn, decide func(context.Context, Message) (Moves, error)) *End {
	for {
		text, data, err := from.Read(r.ctx)
		if err != nil {
			return ended(by, err)
		}
		r.touch()
		moves, err := decide(r.ctx, Message{text, data})
		if end := r.move(moves); end != nil {
			return end
		}
		if err != nil {
			return stopped(err)
		}
	}
}

// stopped is the end of a session that its steward ends.
func stopped(err error) *End {
	e := core.AsError(err)
	code := socket.CodePolicy
	if e.Code == core.CodeInternal || e.Source == core.SourceUpstream || e.Source == core.SourcePlugin {
		code = socket.CodeInternal
	}
	return gatewayEnd(code, e)
}

// ended is the end of a session whose connection to one side is no more.
func ended(by Side, err error) *End {
	var told *core.Error
	if errors.As(err, &told) {
		return stopped(told)
	}
	var c *socket.Closed
	if errors.As(err, &c) {
		return &End{By: by, Code: c.Code, Reason: c.Reason}
	}
	e := core.Errorf(core.CodeInternal, core.SourceClient, "the client has left").With(err)
	code := socket.CodeAway
	if by == Vendor {
		e = core.Errorf(core.CodeUpstreamUnavailable, core.SourceUpstream, "the connection to the provider broke").With(err)
		code = socket.CodeInternal
	}
	return &End{By: by, Code: code, Reason: e.Message, Err: e}
}

// watch asks both sides whether they are still there, and the steward whether the
// session may go on.
func (r *relay) watch() *End {
	tick := time.NewTicker(r.limits.Ping)
	defer tick.Stop()
	for {
		select {
		case <-r.ctx.Done():
			return nil
		case <-tick.C:
		}
		if time.Since(time.Unix(0, r.last.Load())) > r.limits.Idle {
			return gatewayEnd(socket.CodeAway, core.Errorf(core.CodeInvalidRequest, core.SourceGateway, "nothing was said for %s", r.limits.Idle))
		}
		if err := r.steward.Check(r.ctx); err != nil {
			return stopped(err)
		}
		for _, side := range [...]struct {
			by   Side
			conn Conn
		}{{Client, r.client}, {Vendor, r.vendor}} {
			ctx, cancel := context.WithTimeout(r.ctx, 2*r.limits.Ping)
			err := side.conn.Ping(ctx)
			cancel()
			if err != nil {
				return ended(side.by, err)
			}
		}
	}
}

package realtime

import (
	"context"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/socket"
)

// pipe is one end of a session in memory: what it says, and what it is told.
type pipe struct {
	says   chan string // closed: it breaks
	told   chan string
	closed chan socket.Closed
	once   sync.Once
	over   chan struct{}
	deaf   bool // takes no message, and answers no ping
}

func newPipe() *pipe {
	return &pipe{says: make(chan string, 10), told: make(chan string, 10), closed: make(chan socket.Closed, 1), over: make(chan struct{})}
}

func (p *pipe) Read(ctx context.Context) (bool, []byte, error) {
	select {
	case s, ok := <-p.says:
		if !ok {
			return false, nil, io.ErrUnexpectedEOF
		}
		return true, []byte(s), nil
	case <-p.over:
		return false, nil, io.EOF
	case <-ctx.Done():
		return false, nil, ctx.Err()
	}
}

func (p *pipe) Write(ctx context.Context, _ bool, m []byte) error {
	if p.deaf {
		<-ctx.Done()
		return ctx.Err()
	}
	p.told <- string(m)
	return nil
}

func (p *pipe) Ping(ctx context.Context) error {
	if p.deaf {
		<-ctx.Done()
	}
	return ctx.Err()
}

func (p *pipe) Close(code int, reason string) {
	p.once.Do(func() {
		p.closed <- socket.Closed{Code: code, Reason: reason}
		close(p.over)
	})
}

// passing is a steward that passes all on, until it is told otherwise.
type passing struct{ check func() error }

func (passing) FromClient(_ context.Context, m Message) (Moves, error) {
	if string(m.Data) == "stop" {
		return Moves{}, core.Errorf(core.CodePermissionDenied, core.SourceClient, "no more")
	}
	return Moves{Vendor: []Message{m}}, nil
}

func (passing) FromVendor(_ context.Context, m Message) (Moves, error) {
	return Moves{Client: []Message{m}}, nil
}

func (p passing) Check(context.Context) error {
	if p.check != nil {
		return p.check()
	}
	return nil
}

func (passing) Farewell(e *core.Error) []byte { return []byte("farewell: " + e.Message) }

func TestRun_Ends(t *testing.T) {
	long := Limits{Total: time.Hour, Idle: time.Hour, Patience: time.Hour, Ping: time.Hour}
	soon := time.Millisecond
	for _, c := range []struct {
		name    string
		limits  Limits
		steward passing
		act     func(client, vendor *pipe, cancel context.CancelCauseFunc)
		by      Side
		code    int
		told    string // to the client, at the end
	}{
		{"the client breaks", long, passing{}, func(c, _ *pipe, _ context.CancelCauseFunc) { close(c.says) }, Client, 1001, ""},
		{"the vendor breaks", long, passing{}, func(_, v *pipe, _ context.CancelCauseFunc) { close(v.says) }, Vendor, 1011, "farewell: the connection to the provider broke"},
		{"the steward stops it", long, passing{}, func(c, _ *pipe, _ context.CancelCauseFunc) { c.says <- "stop" }, Gateway, 1008, "farewell: no more"},
		{"the gateway stops", long, passing{}, func(_, _ *pipe, cancel context.CancelCauseFunc) {
			cancel(core.Errorf(core.CodeOverloaded, core.SourceGateway, "stopping"))
		}, Gateway, 1001, "farewell: stopping"},
		{"it lasts too long", Limits{Total: soon, Idle: time.Hour, Patience: time.Hour, Ping: time.Hour}, passing{}, nil, Gateway, 1001, "farewell: the session has lasted 1ms, the longest that one may"},
		{"nobody says anything", Limits{Total: time.Hour, Idle: soon, Patience: time.Hour, Ping: 2 * soon}, passing{}, nil, Gateway, 1001, "farewell: nothing was said for 1ms"},
		{"the key is blocked", Limits{Total: time.Hour, Idle: time.Hour, Patience: time.Hour, Ping: soon}, passing{check: func() error { return core.Errorf(core.CodeUnauthenticated, core.SourceClient, "blocked") }}, nil, Gateway, 1008, "farewell: blocked"},
		{"the vendor answers no ping", Limits{Total: time.Hour, Idle: time.Hour, Patience: time.Hour, Ping: soon}, passing{}, func(_, v *pipe, _ context.CancelCauseFunc) { v.deaf = true }, Vendor, 1011, "farewell: the connection to the provider broke"},
		{"the vendor takes nothing", Limits{Total: time.Hour, Idle: time.Hour, Patience: soon, Ping: time.Hour}, passing{}, func(c, v *pipe, _ context.CancelCauseFunc) { v.deaf = true; c.says <- "hello" }, Vendor, 1011, "farewell: the connection to the provider broke"},
	} {
		t.Run(c.name, func(t *testing.T) {
			client, vendor := newPipe(), newPipe()
			ctx, cancel := context.WithCancelCause(context.Background())
			defer cancel(nil)
			if c.act != nil {
				c.act(client, vendor, cancel)
			}
			end := Run(ctx, client, vendor, c.steward, c.limits)
			if end.By != c.by || end.Code != c.code {
				t.Errorf("ended by %s with %d: %v", end.By, end.Code, end.Err)
			}
			for _, p := range [...]*pipe{client, vendor} {
				if got := <-p.closed; got.Code != c.code {
					t.Errorf("closed with %d %s", got.Code, got.Reason)
				}
			}
			told := ""
			if len(client.told) > 0 {
				told = <-client.told
			}
			if told != c.told {
				t.Errorf("the client was told %q", told)
			}
		})
	}
}

// BenchmarkRun is what a message costs from one side to the other, without network.
func BenchmarkRun(b *testing.B) {
	for name, size := range map[string]int{"event": 200, "sound": 8 << 10} {
		b.Run(name, func(b *testing.B) {
			client, vendor := newPipe(), newPipe()
			message := strings.Repeat("x", size)
			done := make(chan struct{})
			go func() {
				defer close(done)
				Run(context.Background(), client, vendor, passing{}, Limits{Total: time.Hour, Idle: time.Hour, Patience: time.Hour, Ping: time.Hour})
			}()
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				vendor.says <- message
				<-client.told
			}
			close(client.says)
			<-done
		})
	}
}

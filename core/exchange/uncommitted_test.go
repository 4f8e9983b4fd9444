package exchange_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/guard"
	"github.com/tokligence/gateway/pdk/abi"
)

// TestDo_Uncommitted: an entry that could not be committed in time says what the
// client got instead of its answer, and what the vendor will bill all the same.
func TestDo_Uncommitted(t *testing.T) {
	const (
		body   = `"model":"m","max_tokens":50,"messages":[{"role":"user","content":"hi"}]}`
		answer = `{"id":"x","choices":[{"index":0,"message":{"role":"assistant","content":"zanzibar"},"finish_reason":"stop"}],"usage":{"prompt_tokens":31,"completion_tokens":8}}`
		cost   = core.Nano(31_000 + 80_000)
	)
	whole := func(status int, text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, text)
		}
	}
	stream := func(parts ...string) func(r *rig) http.HandlerFunc {
		return func(r *rig) http.HandlerFunc { return r.raw(parts...) }
	}
	for _, c := range []struct {
		name     string
		endpoint abi.Endpoint
		request  string
		vendor   func(r *rig) http.HandlerFunc
		guard    guard.Plugin
		leaves   bool // the client does
		status   int
		outcome  core.Outcome
		code     core.Code
		amount   core.Nano
	}{
		{"a whole answer", abi.Chat, `{`, func(*rig) http.HandlerFunc { return whole(200, answer) }, nil, false, 503, core.OutcomeFailed, core.CodeOverloaded, cost},
		{"to an Anthropic client", abi.Messages, `{`, func(*rig) http.HandlerFunc { return whole(200, answer) }, nil, false, 529, core.OutcomeFailed, core.CodeOverloaded, cost},
		{"a stream that has begun", abi.Chat, `{"stream":true,`, stream(streamHead, delta("a"), "WAIT", finish, usage, done), nil, false, 200, core.OutcomeFailed, core.CodeOverloaded, cost},
		{"a stream that is blocked at once", abi.Chat, `{"stream":true,`, stream(streamHead, delta("zanzibar"), finish, usage, done), denies("zanzibar"), false, 503, core.OutcomeFailed, core.CodeOverloaded, -1},
		{"a stream that is blocked later", abi.Chat, `{"stream":true,`, stream(streamHead, delta("a"), "WAIT", delta("zanzibar"), finish, usage, done), denies("zanzibar"), false, 200, core.OutcomeBlocked, core.CodeGuardrailBlocked, -1},
		{"a vendor's failure", abi.Chat, `{`, func(*rig) http.HandlerFunc { return whole(400, `{"error":{"message":"no"}}`) }, nil, false, 503, core.OutcomeFailed, core.CodeOverloaded, 0},
		{"a failure within a stream", abi.Chat, `{"stream":true,`, stream(streamHead, delta("a"), "WAIT", "RST"), nil, false, 200, core.OutcomeFailed, core.CodeUpstreamUnavailable, -1},
		{"a blocked answer", abi.Chat, `{`, func(*rig) http.HandlerFunc { return whole(200, answer) }, denies("zanzibar"), false, 503, core.OutcomeFailed, core.CodeOverloaded, cost},
		{"a client that has left", abi.Chat, `{"stream":true,`, stream(streamHead, delta("a"), delta("b"), finish, usage, done), nil, true, 499, core.OutcomeClientClosed, core.CodeInternal, -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			var chain *guard.Chain
			if c.guard != nil {
				chain = guard.NewChain([]guard.Attachment{{GuardrailAttachment: core.GuardrailAttachment{Name: "g", Stages: []string{"output", "stream"}}, Guardrail: c.guard}},
					nil, slog.New(slog.DiscardHandler))
			}
			r := newRig(t, core.Deployment{}, chain)
			vendor := c.vendor(r)
			r.answer(func(w http.ResponseWriter, req *http.Request) {
				r.broken.Store(true) // on record as open, and never committed
				vendor(w, req)
			})
			p := r.key("1.00", core.Limits{})
			got := &recorder{onFlush: func(string) error {
				r.flushed <- struct{}{}
				if c.leaves {
					return io.ErrClosedPipe
				}
				return nil
			}}
			r.do(context.Background(), p, c.endpoint, c.request+body, got)
			text, begun := got.body.String(), c.status == 200 || c.leaves
			if !c.leaves && (got.status != c.status || strings.Contains(text, "[DONE]") || strings.Count(text, `"error"`) == 0 || begun != strings.Contains(text, "data: ")) {
				t.Errorf("the client got %d %s", got.status, text)
			}
			seen := <-r.observed
			check := func(where string, e *core.LedgerEntry) {
				t.Helper()
				if e.Outcome != c.outcome || e.Status != c.status || e.ErrorCode != c.code || c.amount >= 0 && e.Amount != c.amount {
					t.Errorf("%s: %s %d %q at %s", where, e.Outcome, e.Status, e.ErrorCode, e.Amount)
				}
			}
			check("told", seen.Entry)
			if seen.Err == nil || seen.Err.Code != c.code {
				t.Errorf("told with %v", seen.Err)
			}
			if n := len(r.entries(p)); n != 0 {
				t.Fatalf("%d entries of a broken ledger", n)
			}
			r.broken.Store(false)
			if err := r.ledger.Close(context.Background()); err != nil { // it writes what waits
				t.Fatal(err)
			}
			entries := r.entries(p)
			if len(entries) != 1 {
				t.Fatalf("%d entries", len(entries))
			}
			check("the ledger", entries[0])
			if c.amount == cost && (len(entries[0].Attempts) != 1 || entries[0].Attempts[0].Status != 200) {
				t.Errorf("attempts %+v: the vendor answered", entries[0].Attempts)
			}
		})
	}
}

package obs_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/exchange"
	"github.com/tokligence/gateway/core/obs"
)

// entry is an exchange as the observer is told of it.
func entry(change func(*core.LedgerEntry)) *exchange.Observed {
	e := &core.LedgerEntry{ExchangeID: "exc_1", Endpoint: "chat", RequestedModel: "gpt", Provider: "provider.openai", Deployment: "gpt-main", ServedModel: "gpt-x-1",
		Key: core.Named{ID: "key_1", Name: "name-MARK"}, EndUser: "user-MARK", Outcome: core.OutcomeOK, Status: 200, Stream: true,
		Usage:  core.Usage{Input: 11, CacheRead: 20, Output: 8, InputSource: core.UsageReported, OutputSource: core.UsageReported},
		Amount: 111_000, Latency: 30 * time.Millisecond, FirstByte: 7 * time.Millisecond, Attempts: []core.Attempt{{Deployment: "gpt-main", Status: 200}}}
	if change != nil {
		change(e)
	}
	return &exchange.Observed{Entry: e}
}

func failed(o *exchange.Observed, code core.Code) *exchange.Observed {
	o.Err = core.Errorf(code, core.SourceClient, "message-MARK").With(fmt.Errorf("cause-MARK"))
	o.Entry.ErrorCode = code
	return o
}

// samples are the gateway's own lines of the text format, without help and buckets.
func samples(t *testing.T, m *obs.Metrics) []string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 200 || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain") {
		t.Fatalf("%d %v", w.Code, w.Header())
	}
	var lines []string
	for line := range strings.Lines(w.Body.String()) {
		if strings.HasPrefix(line, "tokligence_") && !strings.Contains(line, "_bucket{") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}

// TestMetrics holds the names and labels that dashboards are built on.
func TestMetrics(t *testing.T) {
	m := obs.NewMetrics()
	m.Exchange(entry(nil))
	m.Exchange(entry(nil))
	m.Exchange(failed(entry(func(e *core.LedgerEntry) {
		e.Outcome, e.Status, e.Usage, e.Amount, e.FirstByte = core.OutcomeBlocked, 400, core.Usage{}, 0, 0
		e.Deployment, e.Provider, e.Findings = "", "", []string{"house/names", "house/mail"}
	}), core.CodeGuardrailBlocked))
	m.Exchange(entry(func(e *core.LedgerEntry) { e.Unpriced, e.Amount, e.Stream, e.FirstByte = true, 0, false, 0 }))
	want := `tokligence_cost_dollars_total{deployment="",endpoint="chat",model="gpt",provider=""} 0
tokligence_cost_dollars_total{deployment="gpt-main",endpoint="chat",model="gpt",provider="provider.openai"} 0.000222
tokligence_first_token_seconds_sum{deployment="",endpoint="chat",model="gpt",provider=""} 0
tokligence_first_token_seconds_count{deployment="",endpoint="chat",model="gpt",provider=""} 0
tokligence_first_token_seconds_sum{deployment="gpt-main",endpoint="chat",model="gpt",provider="provider.openai"} 0.014
tokligence_first_token_seconds_count{deployment="gpt-main",endpoint="chat",model="gpt",provider="provider.openai"} 2
tokligence_guardrail_findings_total{finding="house/mail"} 1
tokligence_guardrail_findings_total{finding="house/names"} 1
tokligence_request_seconds_sum{deployment="",endpoint="chat",model="gpt",outcome="blocked",provider=""} 0.03
tokligence_request_seconds_count{deployment="",endpoint="chat",model="gpt",outcome="blocked",provider=""} 1
tokligence_request_seconds_sum{deployment="gpt-main",endpoint="chat",model="gpt",outcome="ok",provider="provider.openai"} 0.09
tokligence_request_seconds_count{deployment="gpt-main",endpoint="chat",model="gpt",outcome="ok",provider="provider.openai"} 3
tokligence_requests_total{deployment="",endpoint="chat",model="gpt",outcome="blocked",provider="",status="400"} 1
tokligence_requests_total{deployment="gpt-main",endpoint="chat",model="gpt",outcome="ok",provider="provider.openai",status="200"} 3
tokligence_tokens_total{deployment="",direction="input",endpoint="chat",model="gpt",provider=""} 0
tokligence_tokens_total{deployment="",direction="output",endpoint="chat",model="gpt",provider=""} 0
tokligence_tokens_total{deployment="gpt-main",direction="input",endpoint="chat",model="gpt",provider="provider.openai"} 93
tokligence_tokens_total{deployment="gpt-main",direction="output",endpoint="chat",model="gpt",provider="provider.openai"} 24
tokligence_unpriced_total{deployment="gpt-main",endpoint="chat",model="gpt",provider="provider.openai"} 1`
	got := strings.Join(samples(t, m), "\n")
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if strings.Contains(got, "MARK") {
		t.Error("a name of a key or user is a label")
	}
}

// TestMetrics_ClientsMakeNoSeries: whatever clients send, the number of series stays what it is.
func TestMetrics_ClientsMakeNoSeries(t *testing.T) {
	m := obs.NewMetrics()
	send := func(n int) {
		for i := range n {
			name := func(e *core.LedgerEntry) {
				e.RequestedModel, e.EndUser, e.Deployment, e.Provider = fmt.Sprintf("made-up-%d", i), fmt.Sprintf("user-%d", i), "", ""
				e.ServedModel, e.Outcome, e.Status = "", core.OutcomeFailed, 404
			}
			m.Exchange(failed(entry(name), core.CodeNotFound))
			m.Exchange(failed(entry(name), core.CodeInvalidRequest))
		}
	}
	send(1)
	before := len(samples(t, m))
	send(1000)
	after := samples(t, m)
	if len(after) != before || strings.Contains(strings.Join(after, ""), "made-up") {
		t.Errorf("%d series became %d", before, len(after))
	}
	// A fault that the vendor sees in a request to a model that exists is that model's.
	m.Exchange(failed(entry(func(e *core.LedgerEntry) { e.Outcome, e.Status = core.OutcomeFailed, 400 }), core.CodeInvalidRequest))
	if text := strings.Join(samples(t, m), "\n"); !strings.Contains(text, `model="gpt",outcome="failed"`) {
		t.Errorf("%s", text)
	}
}

// TestLog holds the line of an exchange: who, what and how long, and no text of anybody.
func TestLog(t *testing.T) {
	for _, c := range []struct {
		name  string
		x     *exchange.Observed
		level slog.Level
		want  map[string]any
		not   []string
	}{
		{"ok", entry(nil), slog.LevelInfo, map[string]any{"level": "INFO", "msg": "exchange", "id": "exc_1", "endpoint": "chat", "stream": true, "outcome": "ok",
			"status": 200.0, "key": "key_1", "model": "gpt", "deployment": "gpt-main", "served_model": "gpt-x-1", "attempts": 1.0,
			"input_tokens": 31.0, "output_tokens": 8.0, "estimated": false, "amount": "0.000111", "ms": 30.0, "first_token_ms": 7.0}, []string{"error", "source", "findings"}},
		{"failed", failed(entry(func(e *core.LedgerEntry) { e.Findings = []string{"house/names"} }), core.CodeGuardrailBlocked), slog.LevelWarn,
			map[string]any{"level": "WARN", "error": "guardrail_blocked", "source": "client"}, nil},
		{"below the level", entry(nil), slog.LevelWarn, nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			o := obs.Observer{Metrics: obs.NewMetrics(), Lines: obs.NewLines(&out), Level: c.level}
			o.Exchange(c.x)
			if strings.Contains(out.String(), "MARK") {
				t.Errorf("a name or message is in the log: %s", out.String())
			}
			if c.want == nil {
				if out.Len() > 0 {
					t.Errorf("logged %s", out.String())
				}
				return
			}
			var got map[string]any
			if err := json.Unmarshal(out.Bytes(), &got); err != nil || bytes.Count(out.Bytes(), []byte("\n")) != 1 {
				t.Fatalf("%s: %v", out.String(), err)
			}
			for name, value := range c.want {
				if got[name] != value {
					t.Errorf("%s is %v, want %v", name, got[name], value)
				}
			}
			for _, name := range c.not {
				if _, ok := got[name]; ok {
					t.Errorf("%s is there", name)
				}
			}
		})
	}
}

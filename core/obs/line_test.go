package obs

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/exchange"
)

func observed() *exchange.Observed {
	return &exchange.Observed{Entry: &core.LedgerEntry{
		ExchangeID: "exc_1", EndedAt: time.Date(2026, 11, 25, 10, 30, 0, 123456789, time.UTC), Endpoint: "chat", Stream: true,
		Outcome: core.OutcomeOK, Status: 200, Key: core.Named{ID: "key_1", Name: "not told"}, RequestedModel: "gpt \"ä\"\n", Deployment: "main",
		ServedModel: "gpt-1", Attempts: []core.Attempt{{}}, Usage: core.Usage{Input: 10, CacheRead: 2, Output: 3, InputSource: core.UsageEstimated},
		Amount: 1_050_000, Latency: 1234567 * time.Nanosecond, FirstByte: 2 * time.Millisecond, EndUser: "not told"}}
}

// The line is what slog would write of the same attributes.
func TestAppendLine(t *testing.T) {
	failed := observed()
	failed.Entry.FirstByte, failed.Entry.Findings = 0, []string{"email", "phone"}
	failed.Err = core.Errorf(core.CodeUpstreamUnavailable, core.SourceUpstream, "the message is not told")
	for name, c := range map[string]struct {
		x     *exchange.Observed
		level slog.Level
		more  []any
	}{
		"ok":     {observed(), slog.LevelInfo, []any{"first_token_ms", 2}},
		"failed": {failed, slog.LevelWarn, []any{"error", "upstream_unavailable", "source", "upstream", "findings", []string{"email", "phone"}}},
	} {
		var want bytes.Buffer
		log := NewLogger(NewLines(&want), slog.LevelInfo)
		log.Log(t.Context(), c.level, "exchange", append([]any{"id", "exc_1", "endpoint", "chat", "stream", true, "outcome", "ok", "status", 200,
			"key", "key_1", "model", "gpt \"ä\"\n", "deployment", "main", "served_model", "gpt-1", "attempts", 1,
			"input_tokens", 12, "output_tokens", 3, "estimated", true, "amount", "0.00105", "ms", 1.234}, c.more...)...)
		var got, wanted map[string]any
		line := appendLine(nil, c.level, c.x)
		if err := json.Unmarshal(line, &got); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, line)
		}
		if err := json.Unmarshal(want.Bytes(), &wanted); err != nil {
			t.Fatal(err)
		}
		if got["time"] != "2026-11-25T10:30:00.123456789Z" {
			t.Errorf("%s: time %v", name, got["time"])
		}
		wanted["time"] = got["time"]
		if !reflect.DeepEqual(got, wanted) {
			t.Errorf("%s:\n got %s\nwant %s", name, line, want.Bytes())
		}
		if strings.Contains(string(line), "not told") || bytes.Count(line, []byte("\n")) != 1 || line[len(line)-1] != '\n' {
			t.Errorf("%s: %s", name, line)
		}
	}
}

func TestObserver_Level(t *testing.T) {
	for level, lines := range map[slog.Level]int{slog.LevelDebug: 2, slog.LevelInfo: 2, slog.LevelWarn: 1, slog.LevelError: 0} {
		var out bytes.Buffer
		o := &Observer{Metrics: NewMetrics(), Lines: NewLines(&out), Level: level}
		o.Exchange(observed())
		failed := observed()
		failed.Err = core.Errorf(core.CodeInternal, core.SourceGateway, "x")
		o.Exchange(failed)
		o.Lines.Close()
		if got := strings.Count(out.String(), "\n"); got != lines {
			t.Errorf("%s: %d lines, want %d", level, got, lines)
		}
	}
}

func BenchmarkObserver(b *testing.B) {
	o := &Observer{Metrics: NewMetrics(), Lines: NewLines(new(discard)), Level: slog.LevelInfo}
	x := observed()
	b.ReportAllocs()
	for b.Loop() {
		o.Exchange(x)
	}
}

type discard struct{}

func (*discard) Write(p []byte) (int, error) { return len(p), nil }

package obs

import (
	"context"
	"io"
	"log/slog"

	"github.com/tokligence/gateway/core/exchange"
)

// NewLogger writes JSON lines of the level and above.
func NewLogger(w io.Writer, level slog.Level) *slog.Logger {
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level}))
}

// Observer counts and logs every exchange.
type Observer struct {
	Metrics *Metrics
	Log     *slog.Logger
}

// Exchange tells of one ended exchange: who, what and how long, never a text.
func (o *Observer) Exchange(x *exchange.Observed) {
	o.Metrics.Exchange(x)
	level := slog.LevelInfo
	if x.Err != nil {
		level = slog.LevelWarn
	}
	ctx := context.Background()
	if !o.Log.Enabled(ctx, level) {
		return
	}
	e := x.Entry
	attrs := make([]slog.Attr, 0, 20)
	attrs = append(attrs,
		slog.String("id", e.ExchangeID), slog.String("endpoint", e.Endpoint), slog.Bool("stream", e.Stream),
		slog.String("outcome", string(e.Outcome)), slog.Int("status", e.Status),
		slog.String("key", e.Key.ID), slog.String("model", e.RequestedModel), slog.String("deployment", e.Deployment),
		slog.String("served_model", e.ServedModel), slog.Int("attempts", len(e.Attempts)),
		slog.Int64("input_tokens", e.Usage.InputTokens()), slog.Int64("output_tokens", e.Usage.OutputTokens()),
		slog.Bool("estimated", e.Usage.Estimated()), slog.String("amount", e.Amount.String()),
		slog.Float64("ms", float64(e.Latency.Microseconds())/1e3))
	if e.FirstByte > 0 {
		attrs = append(attrs, slog.Float64("first_token_ms", float64(e.FirstByte.Microseconds())/1e3))
	}
	if x.Err != nil {
		attrs = append(attrs, slog.String("error", string(x.Err.Code)), slog.String("source", string(x.Err.Source)))
	}
	if len(e.Findings) > 0 {
		attrs = append(attrs, slog.Any("findings", e.Findings))
	}
	o.Log.LogAttrs(ctx, level, "exchange", attrs...)
}

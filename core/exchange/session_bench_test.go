package exchange

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/tokligence/gateway/core/realtime"
)

// BenchmarkSession is what the steward of a session without guardrails costs for an
// event of either side: sound of 100 ms, and a word.
func BenchmarkSession(b *testing.B) {
	sound := strings.Repeat("A", 6400)
	s := &session{run: &run{x: &Exchanger{log: slog.New(slog.DiscardHandler)}}, turns: map[string]*turn{}}
	for name, c := range map[string]struct {
		event  string
		decide func(context.Context, realtime.Message) (realtime.Moves, error)
	}{
		"sound heard": {fmt.Sprintf(`{"type":"input_audio_buffer.append","audio":%q}`, sound), s.FromClient},
		"sound said":  {fmt.Sprintf(`{"type":"response.output_audio.delta","event_id":"e","response_id":"r","item_id":"i","output_index":0,"content_index":0,"delta":%q}`, sound), s.FromVendor},
		"a word":      {`{"type":"response.output_audio_transcript.delta","event_id":"e","response_id":"r","item_id":"i","output_index":0,"content_index":0,"delta":" word"}`, s.FromVendor},
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(c.event)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.decide(context.Background(), realtime.Message{Text: true, Data: []byte(c.event)}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

package exchange_test

import (
	"context"
	"strings"
	"testing"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/pdk/abi"
)

// TestDo_PartialUsage is C46 and C52: what a vendor counted before it generated
// most of a text is not what a cut stream costs, while a count that came with the
// last of the text is.
func TestDo_PartialUsage(t *testing.T) {
	snapshot := func(text string, out string) string {
		return strings.Replace(delta(text), `"choices"`, `"usage":{"prompt_tokens":25,"completion_tokens":`+out+`},"choices"`, 1)
	}
	for _, c := range []struct {
		name   string
		vendor []string
		out    int64
		source core.UsageSource
	}{
		{"counted at the start only", []string{snapshot("", "1"), delta("one two three"), delta(" four")}, 5, core.UsageEstimated},
		{"counted in between", []string{delta("one two"), snapshot(" three", "7"), delta(" four five")}, 10, core.UsageEstimated},
		{"counted at the end", []string{delta("one two"), strings.Replace(usage, "8", "40", 1)}, 40, core.UsageReported},
		{"never counted", []string{delta("one two"), delta(" three")}, 3, core.UsageEstimated},
		{"whole", []string{snapshot("one two", "2"), delta(" three"), finish, done}, 2, core.UsageReported},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, core.Deployment{}, nil)
			r.answer(r.raw(append([]string{streamHead}, c.vendor...)...))
			_, entries := r.ask(r.key("", core.Limits{}), abi.Chat, helloStream)
			if len(entries) != 1 {
				t.Fatalf("%d entries", len(entries))
			}
			e := entries[0]
			if e.Usage.Output != c.out || e.Usage.OutputSource != c.source || e.Amount != core.Nano(1000*e.Usage.Input+10_000*e.Usage.Output) {
				t.Errorf("%s: usage %+v, amount %s", e.Outcome, e.Usage, e.Amount)
			}
		})
	}
}

// TestDo_ModelName: a name that nothing can have is neither kept nor echoed.
func TestDo_ModelName(t *testing.T) {
	r := newRig(t, core.Deployment{}, nil)
	c := &recorder{}
	r.do(context.Background(), r.key("", core.Limits{}), abi.Chat, strings.Replace(hello, `"m"`, `"`+strings.Repeat("long", 500)+`"`, 1), c)
	o := <-r.observed
	if c.status != 400 || strings.Contains(c.body.String(), "long") || o.Entry.RequestedModel != "" {
		t.Errorf("%d %s, %q", c.status, c.body.String(), o.Entry.RequestedModel)
	}
}

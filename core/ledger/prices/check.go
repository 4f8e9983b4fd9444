package prices

import (
	"fmt"
	"maps"
	"slices"

	"github.com/tokligence/gateway/core"
)

// Bounds of what a token has ever cost, in dollars per million. Beyond them a
// price was almost certainly entered in another unit.
const (
	leastToken = core.Rate(core.Dollar / 1000)
	mostToken  = core.Rate(2000 * core.Dollar)
)

// Check returns what is implausible about a price, in words for the operator:
// dollars per token or per thousand entered as per million, parts in the wrong
// place, tiers out of order. An empty answer does not prove the price right.
func Check(p *core.Price) []string {
	faults := checkRates("", &p.Rates)
	above := int64(0)
	for i := range p.Tiers {
		t := &p.Tiers[i]
		if t.Above <= above {
			faults = append(faults, fmt.Sprintf("tier above %d: tiers must ascend", t.Above))
		}
		above = t.Above
		faults = append(faults, checkRates(fmt.Sprintf("tier above %d: ", t.Above), &t.Rates)...)
	}
	for _, service := range slices.Sorted(maps.Keys(p.Services)) {
		for _, fault := range Check(p.Services[service]) {
			faults = append(faults, service+": "+fault)
		}
	}
	return faults
}

func checkRates(where string, r *core.Rates) []string {
	var faults []string
	say := func(format string, args ...any) { faults = append(faults, where+fmt.Sprintf(format, args...)) }
	for _, part := range parts[:tokenParts] {
		rate := *field(r, part)
		switch {
		case rate == nil || *rate == 0:
		case *rate < 0:
			say("%s is negative", part)
		case *rate < leastToken:
			say("%s is $%s per million tokens: was it entered per token?", part, core.Nano(*rate))
		case *rate > mostToken:
			say("%s is $%s per million tokens: was it multiplied by a million twice?", part, core.Nano(*rate))
		}
	}
	in := r.Input
	if in == nil || *in == 0 {
		return faults
	}
	if r.CacheRead != nil && *r.CacheRead > *in {
		say("cache_read is dearer than input")
	}
	for part, cached := range map[string][2]*core.Rate{"audio_cache_read": {r.AudioCached, r.AudioInput}, "image_cache_read": {r.ImageCached, r.ImageInput}} {
		if cached[0] != nil && cached[1] != nil && *cached[0] > *cached[1] {
			say("%s is dearer than what is not cached", part)
		}
	}
	for part, write := range map[string]*core.Rate{"cache_write_5m": r.CacheWrite5m, "cache_write_1h": r.CacheWrite1h} {
		if write != nil && *write > 0 && (*write < *in/2 || *write > 4**in) {
			say("%s is far from input", part)
		}
	}
	if r.Output != nil && *r.Output > 0 && (*r.Output < *in/4 || *r.Output > 100**in) {
		say("output is far from input: are both in the same unit?")
	}
	return faults
}

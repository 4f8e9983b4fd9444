package exchange

import (
	"cmp"
	"math"
	"strings"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// maxCount is the most that a vendor may claim to have counted.
const maxCount = 1 << 40

// tally collects what a vendor reports of one exchange. Reports are snapshots:
// a later number replaces the earlier one, an absent one keeps it.
type tally struct {
	parts [partCount]int64
	known [partCount]bool
	model string
	// service is what the vendor says that the answer was given as; "" when nothing.
	service string
	// beyond: a tool was used whose uses no part counts.
	beyond bool
	since  int64 // estimate of the output that came after the last report of it
}

// The parts of usage, in the order of partNames.
const (
	partInput = iota
	partCacheRead
	partCacheWrite5m
	partCacheWrite1h
	partOutput
	partReasoning
	partAudioInput
	partAudioOutput
	partImageInput
	partImageOutput
	partAudioCached
	partImageCached
	partImages
	partMilliseconds
	partCharacters
	partSearches
	partMessages // which the gateway counts alone
	partCount
)

var partNames = [partCount]string{"input", "cache_read", "cache_write_5m", "cache_write_1h", "output", "reasoning",
	"audio_input", "audio_output", "image_input", "image_output", "audio_cache_read", "image_cache_read", "images", "milliseconds", "characters", "searches", "messages"}

func (t *tally) set(part int, n int64) {
	if n < 0 || n > maxCount {
		return
	}
	t.parts[part], t.known[part] = n, true
	if part == partOutput {
		t.since = 0
	}
}

// report merges what a provider plugin read.
func (t *tally) report(u *abi.Usage, model string) {
	if model != "" {
		t.model = model
	}
	if u == nil {
		return
	}
	for part, n := range [partCount]*int64{u.Input, u.CacheRead, u.CacheWrite5m, u.CacheWrite1h, u.Output, u.Reasoning,
		u.AudioInput, u.AudioOutput, u.ImageInput, u.ImageOutput, u.AudioCached, u.ImageCached, u.Images, u.Milliseconds, u.Characters, u.Searches} {
		if n != nil {
			t.set(part, *n)
		}
	}
}

// usagePaths is abi.UsagePaths made ready: paths split, names turned to parts.
type usagePaths struct {
	paths       [partCount][][]string
	sums        [partCount][]usageSum
	model       [][]string
	service     [][]string
	inIncludes  []int
	outIncludes []int
	outExcludes []int
	w5mIncludes []int
}

func compileUsage(u *abi.UsagePaths) *usagePaths {
	c := &usagePaths{model: splitPaths(u.Model), service: splitPaths(u.Service)}
	for part, paths := range map[int][]string{partInput: u.Input, partCacheRead: u.CacheRead, partCacheWrite5m: u.CacheWrite5m,
		partCacheWrite1h: u.CacheWrite1h, partOutput: u.Output, partReasoning: u.Reasoning, partAudioInput: u.AudioInput,
		partAudioOutput: u.AudioOutput, partImageInput: u.ImageInput, partImageOutput: u.ImageOutput, partSearches: u.Searches,
		partAudioCached: u.AudioCached, partImageCached: u.ImageCached,
		partImages: u.Images, partMilliseconds: u.Seconds, partCharacters: u.Characters} {
		c.paths[part], c.sums[part] = splitUsage(paths)
	}
	c.inIncludes, c.outIncludes, c.outExcludes = parts(u.InputIncludes), parts(u.OutputIncludes), parts(u.OutputExcludes)
	c.w5mIncludes = parts(u.CacheWrite5mIncludes)
	return c
}

func splitPaths(paths []string) (split [][]string) {
	for _, p := range paths {
		split = append(split, strings.Split(p, "."))
	}
	return split
}

func parts(names []string) (p []int) {
	for _, name := range names {
		for i, n := range partNames {
			if n == name {
				p = append(p, i)
			}
		}
	}
	return p
}

// read merges what stands in a passthrough answer or event. The vendor's own
// numbers are kept; overlaps are taken out by usage.
func (t *tally) read(c *usagePaths, doc []byte) {
	// Nearly all paths begin with the same member: it is looked up once.
	var name string
	var member []byte
	at := func(path []string) []byte {
		if path[0] != name {
			name, member = path[0], scan.Get(doc, path[0])
		}
		if member == nil {
			return nil
		}
		return scan.Get(member, path[1:]...)
	}
	for part, paths := range c.paths {
		for _, path := range paths {
			v := at(path)
			if n, ok := scan.Float(v); ok && part == partMilliseconds {
				t.set(part, milliseconds(n))
			} else if part == partImages && scan.Kind(v) == '[' {
				t.set(part, int64(scan.Len(v)))
			} else if n, ok := scan.Int(v); ok {
				t.set(part, n)
			}
		}
	}
	for part, sums := range c.sums {
		leaf := scan.Int
		if part == partImages {
			leaf = picture
		}
		for _, sum := range sums {
			if n, ok := sum.read(doc, leaf); ok {
				t.set(part, n)
			}
		}
	}
	setLast(&t.model, c.model, at)
	setLast(&t.service, c.service, at)
}

// add merges what stands in an event that reports of its own piece of the answer alone.
func (t *tally) add(c *usagePaths, doc []byte) {
	var one tally
	one.read(c, doc)
	for part := range one.parts {
		if one.known[part] {
			t.set(part, t.parts[part]+one.parts[part])
		}
	}
	t.model, t.service = cmp.Or(one.model, t.model), cmp.Or(one.service, t.service)
}

// setLast sets dst to the last of the paths that has a text.
func setLast(dst *string, paths [][]string, at func(path []string) []byte) {
	for _, path := range paths {
		if text, _ := scan.String(at(path)); text != "" {
			*dst = text
		}
	}
}

// milliseconds is a vendor's number of seconds; -1 for one that cannot be.
func milliseconds(seconds float64) int64 {
	if !(seconds >= 0 && seconds < maxCount/1000) {
		return -1
	}
	return int64(math.Ceil(seconds * 1000))
}

// usage is the tally in parts that do not overlap. What nobody reported is
// estimated: in for the input, out for the output. Of an answer that is not
// whole a report is a snapshot: what came after it is estimated.
func (t *tally) usage(c *usagePaths, in, out int64, whole bool) core.Usage {
	v := t.parts
	u := core.Usage{InputSource: core.UsageReported, OutputSource: core.UsageReported}
	if !t.known[partInput] {
		v[partInput], u.InputSource = in, core.UsageEstimated
	} else if c != nil {
		v[partInput] = without(&v, partInput, c.inIncludes)
	}
	if !t.known[partOutput] {
		v[partOutput], u.OutputSource = out, core.UsageEstimated
	} else if c != nil {
		for _, p := range c.outExcludes {
			v[partOutput] += v[p]
		}
		v[partOutput] = without(&v, partOutput, c.outIncludes)
	}
	if t.known[partOutput] && !whole && t.since > 0 {
		v[partOutput], u.OutputSource = v[partOutput]+t.since, core.UsageEstimated
	}
	if c != nil {
		v[partCacheWrite5m] = without(&v, partCacheWrite5m, c.w5mIncludes)
	}
	u.Input, u.CacheRead, u.CacheWrite5m, u.CacheWrite1h = v[partInput], v[partCacheRead], v[partCacheWrite5m], v[partCacheWrite1h]
	u.Output, u.Reasoning = v[partOutput], min(v[partReasoning], v[partOutput])
	u.AudioInput, u.AudioOutput, u.ImageInput, u.ImageOutput = v[partAudioInput], v[partAudioOutput], v[partImageInput], v[partImageOutput]
	u.AudioCached, u.ImageCached = v[partAudioCached], v[partImageCached]
	u.Images, u.Milliseconds, u.Characters, u.Searches, u.Messages = v[partImages], v[partMilliseconds], v[partCharacters], v[partSearches], v[partMessages]
	return u
}

func without(v *[partCount]int64, whole int, includes []int) int64 {
	n := v[whole]
	for _, p := range includes {
		n -= v[p]
	}
	return max(n, 0)
}

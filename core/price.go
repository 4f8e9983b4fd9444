package core

import (
	"fmt"
	"math/bits"
	"time"
)

// Rate is a price in nano-dollars per million units: $3.00 per million tokens
// is 3·10⁹, $0.04 an image is 4·10¹³.
type Rate int64

// ParseRate reads decimal dollars per million units.
func ParseRate(s string) (Rate, error) {
	n, err := ParseDollars(s)
	if err != nil {
		return 0, err
	}
	if n < 0 {
		return 0, fmt.Errorf("%q is negative", s)
	}
	return Rate(n), nil
}

// Price is a fact with a date: what a provider's model costs from ValidFrom on.
// A nil rate means that the catalogue does not say; zero means free.
type Price struct {
	ID        string    `json:"id"`
	Provider  string    `json:"provider"` // plugin id; "" for a deployment's own price
	Model     string    `json:"model"`
	ValidFrom time.Time `json:"valid_from"`
	Rates     Rates     `json:"rates"`
	// Tiers replace Rates as a whole when the input is longer than Above tokens; ascending.
	Tiers []PriceTier `json:"tiers,omitempty"`
	// Services are prices of services that the provider sells beside its usual one,
	// by the name that a request has for them: "priority", "flex". They have no
	// services of their own.
	Services map[string]*Price `json:"services,omitempty"`
}

// UsualService reports whether a name means the service that Rates are for.
// https://platform.openai.com/docs/guides/priority-processing
// https://platform.claude.com/docs/en/api/service-tiers
// https://console.groq.com/docs/service-tiers
func UsualService(name string) bool {
	switch name {
	case "", "auto", "default", "standard", "standard_only", "global", "on_demand":
		return true
	}
	return false
}

// Of returns the price of a service by its name; ok is false when that is not
// known. One that is cheaper than usual has the usual price then.
func (p *Price) Of(service string) (of *Price, ok bool) {
	if of := p.Services[service]; of != nil {
		return of, true
	}
	return p, UsualService(service) || service == "flex" || service == "batch"
}

// PriceTier is a dearer price for long contexts.
type PriceTier struct {
	Above int64 `json:"above"`
	Rates Rates `json:"rates"`
}

// Rates are the per-unit prices of one tier, each for the usage part of the same name.
// An absent part falls back as [Price.Amount] says.
type Rates struct {
	Input        *Rate `json:"input,omitempty"`
	CacheRead    *Rate `json:"cache_read,omitempty"`
	CacheWrite5m *Rate `json:"cache_write_5m,omitempty"`
	CacheWrite1h *Rate `json:"cache_write_1h,omitempty"`
	Output       *Rate `json:"output,omitempty"`
	Reasoning    *Rate `json:"reasoning,omitempty"` // of that share of the output; as Output where absent
	AudioInput   *Rate `json:"audio_input,omitempty"`
	AudioOutput  *Rate `json:"audio_output,omitempty"`
	ImageInput   *Rate `json:"image_input,omitempty"`
	ImageOutput  *Rate `json:"image_output,omitempty"`
	AudioCached  *Rate `json:"audio_cache_read,omitempty"`
	ImageCached  *Rate `json:"image_cache_read,omitempty"`
	Image        *Rate `json:"image,omitempty"`
	Second       *Rate `json:"second,omitempty"`
	Character    *Rate `json:"character,omitempty"`
	Search       *Rate `json:"search,omitempty"`
	Message      *Rate `json:"message,omitempty"`
}

// Amount prices u: the sum of count × rate over all parts in exact arithmetic,
// rounded once, half to even. ok is false when a part that was used has no
// rate (the entry is then unpriced, never silently free).
//
// Where the catalogue is silent: a cache read costs as input, a cache write as
// input, a 1 h write as a 5 m write, audio and image tokens as the text tokens
// of their direction; from a cache they cost as text from a cache where they cost as text,
// else as if it was none. All of these err on the dear side or are exact.
func (p *Price) Amount(u Usage) (n Nano, ok bool) {
	r := p.ratesFor(u.InputTokens())
	var sum acc
	ok = true
	add := func(count int64, rates ...*Rate) {
		if count == 0 {
			return
		}
		for _, rate := range rates {
			if rate != nil {
				sum.add(count, int64(*rate))
				return
			}
		}
		ok = false
	}
	add(u.Input, r.Input)
	add(u.CacheRead, r.CacheRead, r.Input)
	add(u.CacheWrite5m, r.CacheWrite5m, r.Input)
	add(u.CacheWrite1h, r.CacheWrite1h, r.CacheWrite5m, r.Input)
	thought := int64(0)
	if r.Reasoning != nil {
		thought = min(u.Reasoning, u.Output)
		add(thought, r.Reasoning)
	}
	add(u.Output-thought, r.Output)
	add(u.AudioInput, r.AudioInput, r.Input)
	add(u.AudioOutput, r.AudioOutput, r.Output)
	add(u.ImageInput, r.ImageInput, r.Input)
	add(u.AudioCached, r.AudioCached, r.AudioInput, r.CacheRead, r.Input)
	add(u.ImageCached, r.ImageCached, r.ImageInput, r.CacheRead, r.Input)
	add(u.ImageOutput, r.ImageOutput, r.Output)
	add(u.Images, r.Image)
	add(u.Characters, r.Character)
	add(u.Searches, r.Search)
	add(u.Messages, r.Message)
	sum.scale(1000)
	if u.Milliseconds > 0 {
		if r.Second == nil {
			ok = false
		} else {
			sum.add(u.Milliseconds, int64(*r.Second))
		}
	}
	return sum.round(1000 * 1e6), ok
}

func (p *Price) ratesFor(input int64) *Rates {
	r := &p.Rates
	for i := range p.Tiers {
		if input > p.Tiers[i].Above {
			r = &p.Tiers[i].Rates
		}
	}
	return r
}

// acc sums products in 128 bits. Counts and rates are not negative, and a sum
// past 128 bits would need more money than Nano can hold anyway.
type acc struct{ hi, lo uint64 }

func (a *acc) add(count, rate int64) {
	if count <= 0 || rate <= 0 {
		return
	}
	hi, lo := bits.Mul64(uint64(count), uint64(rate))
	var carry uint64
	a.lo, carry = bits.Add64(a.lo, lo, 0)
	a.hi, _ = bits.Add64(a.hi, hi, carry)
}

func (a *acc) scale(k uint64) {
	hi, lo := bits.Mul64(a.lo, k)
	a.lo, a.hi = lo, a.hi*k+hi
}

// round divides by d, half to even, and saturates at the largest Nano.
func (a *acc) round(d uint64) Nano {
	if a.hi < d {
		q, rem := bits.Div64(a.hi, a.lo, d)
		if half := d / 2; rem > half || rem == half && q&1 == 1 {
			q++
		}
		if q <= 1<<63-1 {
			return Nano(q)
		}
	}
	return 1<<63 - 1
}

// Package prices knows what providers' models cost. The catalogue is embedded;
// an operator's own prices stand with the deployment and come first.
package prices

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tokligence/gateway/core"
)

//go:embed catalogue.json
var catalogue []byte

// file is the layout of catalogue.json: decimal dollars per million units, one
// line for each model and date.
type file struct {
	Sources map[string]string `json:"sources"` // provider → its price page
	Models  []line            `json:"models"`
}

type line struct {
	Provider  string            `json:"provider"`
	Model     string            `json:"model"`
	ValidFrom string            `json:"valid_from"` // day; when a change took effect, or when the price was looked up
	Rates     map[string]string `json:"rates"`
	Tiers     []struct {
		Above int64             `json:"above"`
		Rates map[string]string `json:"rates"`
	} `json:"tiers"`
}

// Book is a set of prices that does not change after loading; safe for concurrent use.
type Book struct {
	byName  map[name][]*core.Price // ascending by ValidFrom
	prices  []*core.Price
	sources map[string]string

	// resolved remembers what names were found under, by their spelling: the
	// rules cost more than a request should pay. Bounded by maxResolved.
	resolved  sync.Map // name → []*core.Price
	nResolved atomic.Int64
}

const maxResolved = 4096

// name is a provider's model in canonical spelling.
type name struct{ provider, model string }

// Catalogue loads the embedded prices.
func Catalogue() (*Book, error) { return Parse(catalogue) }

// Parse reads prices in the layout of catalogue.json. Errors name the model.
func Parse(text []byte) (*Book, error) {
	var f file
	if err := json.Unmarshal(text, &f); err != nil {
		return nil, fmt.Errorf("price catalogue: %w", err)
	}
	b := &Book{byName: make(map[name][]*core.Price, len(f.Models)), sources: f.Sources}
	for i := range f.Models {
		p, err := f.Models[i].price()
		if err != nil {
			return nil, fmt.Errorf("price catalogue: %s %s: %w", f.Models[i].Provider, f.Models[i].Model, err)
		}
		n := name{p.Provider, canonical(p.Model)}
		for _, other := range b.byName[n] {
			if other.ValidFrom.Equal(p.ValidFrom) {
				return nil, fmt.Errorf("price catalogue: %s %s: two prices from %s", p.Provider, p.Model, f.Models[i].ValidFrom)
			}
		}
		b.prices = append(b.prices, p)
		b.byName[n] = append(b.byName[n], p)
	}
	for _, list := range b.byName {
		sort.Slice(list, func(i, j int) bool { return list[i].ValidFrom.Before(list[j].ValidFrom) })
	}
	return b, nil
}

func (l *line) price() (*core.Price, error) {
	from, err := time.Parse(time.DateOnly, l.ValidFrom)
	if err != nil {
		return nil, err
	}
	p := &core.Price{
		ID:       core.PrefixPrice + strings.TrimPrefix(l.Provider, "provider.") + "/" + l.Model + "@" + l.ValidFrom,
		Provider: l.Provider, Model: l.Model, ValidFrom: from,
	}
	if p.Rates, err = Rates(l.Rates); err != nil {
		return nil, err
	}
	for _, t := range l.Tiers {
		rates, err := Rates(t.Rates)
		if err != nil {
			return nil, fmt.Errorf("above %d: %w", t.Above, err)
		}
		p.Tiers = append(p.Tiers, core.PriceTier{Above: t.Above, Rates: rates})
	}
	return p, nil
}

// Rates reads rates by their names (input, cache_read, …), decimal dollars per
// million units. Unknown names are errors.
func Rates(text map[string]string) (core.Rates, error) {
	var r core.Rates
	for part, value := range text {
		to := field(&r, part)
		if to == nil {
			return r, fmt.Errorf("unknown rate %q", part)
		}
		rate, err := core.ParseRate(value)
		if err != nil {
			return r, fmt.Errorf("%s: %w", part, err)
		}
		*to = &rate
	}
	return r, nil
}

// parts lists the names of rates; the first seven and the images' are per token.
var parts = []string{
	"input", "cache_read", "cache_write_5m", "cache_write_1h", "output", "audio_input", "audio_output", "image_input", "image_output",
	"image", "second", "character", "search",
}

func field(r *core.Rates, part string) **core.Rate {
	switch part {
	case "input":
		return &r.Input
	case "cache_read":
		return &r.CacheRead
	case "cache_write_5m":
		return &r.CacheWrite5m
	case "cache_write_1h":
		return &r.CacheWrite1h
	case "output":
		return &r.Output
	case "audio_input":
		return &r.AudioInput
	case "audio_output":
		return &r.AudioOutput
	case "image_input":
		return &r.ImageInput
	case "image_output":
		return &r.ImageOutput
	case "image":
		return &r.Image
	case "second":
		return &r.Second
	case "character":
		return &r.Character
	case "search":
		return &r.Search
	}
	return nil
}

// Find returns what the provider's model cost at an instant. provider is the
// plugin id ("provider.openai"). The name is looked up as it is and then by the
// rules of [variants], never by a loose prefix; ok is false for an unknown model,
// which is then unpriced. Before the first known price, the first one holds.
func (b *Book) Find(provider, model string, at time.Time) (p *core.Price, ok bool) {
	list := b.resolve(name{provider, model})
	for i := len(list) - 1; i >= 0; i-- {
		if i == 0 || !at.Before(list[i].ValidFrom) {
			return list[i], true
		}
	}
	return nil, false
}

// resolve returns a model's prices, ascending; nil for an unknown model.
func (b *Book) resolve(n name) []*core.Price {
	if list, ok := b.resolved.Load(n); ok {
		return list.([]*core.Price)
	}
	for _, v := range variants(n.provider, n.model) {
		list := b.byName[name{n.provider, v}]
		if list == nil {
			continue
		}
		if b.nResolved.Add(1) <= maxResolved {
			b.resolved.Store(n, list)
		}
		return list
	}
	return nil
}

// For returns the price of a deployment: its own, else the catalogue's of its
// PriceModel or Model.
func (b *Book) For(d *core.Deployment, at time.Time) (p *core.Price, ok bool) {
	if d.Price != nil {
		return d.Price, true
	}
	if d.PriceModel != "" {
		return b.Find(d.Provider, d.PriceModel, at)
	}
	return b.Find(d.Provider, d.Model, at)
}

// List returns all prices in the catalogue's order. Callers must not change them.
func (b *Book) List() []*core.Price { return b.prices }

// Source is the page that the provider's prices come from; "" when unknown.
func (b *Book) Source(provider string) string { return b.sources[provider] }

// Package prices knows what providers' models cost. The catalogue is embedded;
// an operator's own prices stand with the deployment and come first.
package prices

import (
	"embed"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tokligence/gateway/core"
)

//go:embed catalogue
var catalogue embed.FS

// file is the layout of a provider's file: decimal dollars per million units, one
// line for each model and date.
type file struct {
	Source string `json:"source"` // the provider's price page
	Models []line `json:"models"`
}

// schedule is what a service costs.
type schedule struct {
	Rates map[string]string `json:"rates"`
	Tiers []struct {
		Above int64             `json:"above"`
		Rates map[string]string `json:"rates"`
	} `json:"tiers"`
}

type line struct {
	Model     string `json:"model"`
	ValidFrom string `json:"valid_from"` // day; when a change took effect, or when the price was looked up
	schedule
	Services map[string]schedule `json:"services"` // see core.Price.Services
}

// Book is a set of prices that does not change; safe for concurrent use. A
// provider's are read when the first of them is asked for: most installations
// use few providers.
type Book struct {
	shelves map[string]func() *shelf // by provider

	// resolved remembers what names were found under, by their spelling: the
	// rules cost more than a request should pay. Bounded by maxResolved.
	resolved  sync.Map // name → []*core.Price
	nResolved atomic.Int64
}

const maxResolved = 4096

// name is a provider's model.
type name struct{ provider, model string }

// shelf is one provider's prices.
type shelf struct {
	source string
	prices []*core.Price            // in the file's order
	byName map[string][]*core.Price // by canonical spelling, ascending by ValidFrom
}

// Catalogue is the embedded book.
func Catalogue() *Book {
	entries, err := catalogue.ReadDir("catalogue")
	if err != nil {
		panic(err) // it is inside the binary
	}
	b := &Book{shelves: make(map[string]func() *shelf, len(entries))}
	for _, e := range entries {
		provider := "provider." + strings.TrimSuffix(e.Name(), ".json")
		b.shelves[provider] = sync.OnceValue(func() *shelf {
			s, err := embedded(provider, e.Name())
			if err != nil {
				panic(err) // a test has read them all
			}
			return s
		})
	}
	return b
}

func embedded(provider, name string) (*shelf, error) {
	text, err := catalogue.ReadFile("catalogue/" + name)
	if err != nil {
		return nil, err
	}
	return parse(provider, text)
}

// Parse makes a book of one provider's prices, in the layout of the catalogue's
// files. Errors name the model.
func Parse(provider string, text []byte) (*Book, error) {
	s, err := parse(provider, text)
	if err != nil {
		return nil, err
	}
	return &Book{shelves: map[string]func() *shelf{provider: func() *shelf { return s }}}, nil
}

func parse(provider string, text []byte) (*shelf, error) {
	var f file
	if err := json.Unmarshal(text, &f); err != nil {
		return nil, fmt.Errorf("prices of %s: %w", provider, err)
	}
	s := &shelf{source: f.Source, byName: make(map[string][]*core.Price, len(f.Models))}
	for i := range f.Models {
		p, err := f.Models[i].price(provider)
		if err != nil {
			return nil, fmt.Errorf("prices of %s: %s: %w", provider, f.Models[i].Model, err)
		}
		n := canonical(p.Model)
		for _, other := range s.byName[n] {
			if other.ValidFrom.Equal(p.ValidFrom) {
				return nil, fmt.Errorf("prices of %s: %s: two prices from %s", provider, p.Model, f.Models[i].ValidFrom)
			}
		}
		s.prices = append(s.prices, p)
		s.byName[n] = append(s.byName[n], p)
	}
	for _, list := range s.byName {
		sort.Slice(list, func(i, j int) bool { return list[i].ValidFrom.Before(list[j].ValidFrom) })
	}
	return s, nil
}

func (l *line) price(provider string) (*core.Price, error) {
	from, err := time.Parse(time.DateOnly, l.ValidFrom)
	if err != nil {
		return nil, err
	}
	p := &core.Price{
		ID:       core.PrefixPrice + strings.TrimPrefix(provider, "provider.") + "/" + l.Model + "@" + l.ValidFrom,
		Provider: provider, Model: l.Model, ValidFrom: from,
	}
	if err := l.schedule.read(p); err != nil {
		return nil, err
	}
	for service, schedule := range l.Services {
		q := &core.Price{ID: p.ID + "/" + service, Provider: provider, Model: l.Model, ValidFrom: from}
		if err := schedule.read(q); err != nil {
			return nil, fmt.Errorf("%s: %w", service, err)
		}
		if p.Services == nil {
			p.Services = make(map[string]*core.Price, len(l.Services))
		}
		p.Services[service] = q
	}
	return p, nil
}

func (s *schedule) read(p *core.Price) (err error) {
	if p.Rates, err = Rates(s.Rates); err != nil {
		return err
	}
	for _, t := range s.Tiers {
		rates, err := Rates(t.Rates)
		if err != nil {
			return fmt.Errorf("above %d: %w", t.Above, err)
		}
		p.Tiers = append(p.Tiers, core.PriceTier{Above: t.Above, Rates: rates})
	}
	return nil
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

// parts lists the names of rates; the first tokenParts are per token.
var parts = []string{
	"input", "cache_read", "cache_write_5m", "cache_write_1h", "output", "audio_input", "audio_output", "image_input", "image_output", "reasoning",
	"audio_cache_read", "image_cache_read", "image", "second", "character", "search", "message",
}

const tokenParts = 12

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
	case "reasoning":
		return &r.Reasoning
	case "audio_input":
		return &r.AudioInput
	case "audio_output":
		return &r.AudioOutput
	case "image_input":
		return &r.ImageInput
	case "image_output":
		return &r.ImageOutput
	case "audio_cache_read":
		return &r.AudioCached
	case "image_cache_read":
		return &r.ImageCached
	case "image":
		return &r.Image
	case "second":
		return &r.Second
	case "character":
		return &r.Character
	case "search":
		return &r.Search
	case "message":
		return &r.Message
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
	open := b.shelves[n.provider]
	if open == nil {
		return nil
	}
	shelf := open()
	for _, v := range variants(n.provider, n.model) {
		list := shelf.byName[v]
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

// List returns all prices, by provider and then in the order of its file. Callers
// must not change them.
func (b *Book) List() (all []*core.Price) {
	for _, provider := range slices.Sorted(maps.Keys(b.shelves)) {
		all = append(all, b.shelves[provider]().prices...)
	}
	return all
}

// Source is the page that the provider's prices come from; "" when unknown.
func (b *Book) Source(provider string) string {
	if open := b.shelves[provider]; open != nil {
		return open().source
	}
	return ""
}

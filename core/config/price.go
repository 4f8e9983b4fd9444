package config

import (
	"slices"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/ledger/prices"
)

// perUnit is what a rate counts in.
type perUnit struct {
	doc    string
	factor core.Rate // from dollars as written to core's nano-dollars per million units
}

var (
	perMillion = perUnit{"dollars per million", 1}
	perOne     = perUnit{"dollars each", 1e6}
)

var rateFields = []field[core.Rates]{
	rate("input", perMillion, "input tokens", func(r *core.Rates) **core.Rate { return &r.Input }),
	rate("cache_read", perMillion, "input tokens read from the provider's cache", func(r *core.Rates) **core.Rate { return &r.CacheRead }),
	rate("cache_write_5m", perMillion, "input tokens written to the provider's cache", func(r *core.Rates) **core.Rate { return &r.CacheWrite5m }),
	rate("cache_write_1h", perMillion, "input tokens written to the provider's cache for an hour", func(r *core.Rates) **core.Rate { return &r.CacheWrite1h }),
	rate("output", perMillion, "output tokens", func(r *core.Rates) **core.Rate { return &r.Output }),
	rate("reasoning", perMillion, "output tokens of reasoning, where they have a price of their own", func(r *core.Rates) **core.Rate { return &r.Reasoning }),
	rate("audio_input", perMillion, "audio tokens of the input", func(r *core.Rates) **core.Rate { return &r.AudioInput }),
	rate("audio_output", perMillion, "audio tokens of the output", func(r *core.Rates) **core.Rate { return &r.AudioOutput }),
	rate("image_input", perMillion, "image tokens of the input", func(r *core.Rates) **core.Rate { return &r.ImageInput }),
	rate("image_output", perMillion, "image tokens of the output", func(r *core.Rates) **core.Rate { return &r.ImageOutput }),
	rate("audio_cache_read", perMillion, "audio tokens read from the provider's cache", func(r *core.Rates) **core.Rate { return &r.AudioCached }),
	rate("image_cache_read", perMillion, "image tokens read from the provider's cache", func(r *core.Rates) **core.Rate { return &r.ImageCached }),
	rate("character", perMillion, "characters", func(r *core.Rates) **core.Rate { return &r.Character }),
	rate("image", perOne, "images", func(r *core.Rates) **core.Rate { return &r.Image }),
	rate("second", perOne, "seconds of audio", func(r *core.Rates) **core.Rate { return &r.Second }),
	rate("search", perOne, "web searches", func(r *core.Rates) **core.Rate { return &r.Search }),
	rate("message", perOne, "messages of text in realtime sessions that are sold by the second", func(r *core.Rates) **core.Rate { return &r.Message }),
}

var tierFields = append([]field[core.PriceTier]{
	required(whole("above", "", "more input tokens than this", func(t *core.PriceTier) *int64 { return &t.Above }, positive[int64])),
}, tierRates()...)

// serviceFields are what a service's price has: all but services of its own.
var serviceFields = append(priceRates(), field[core.Price]{
	Field: Field{Name: "tiers", Type: "list of tables",
		Doc: "dearer prices for long inputs, ascending: { above = TOKENS, input = …, … } replaces all prices when the input is longer"},
	set: setTiers,
})

var priceFields = append(slices.Clone(serviceFields), field[core.Price]{
	Field: Field{Name: "services", Type: "table of tables",
		Doc: "prices of services that are sold beside the usual one, by service_tier's word for them: { priority = { input = …, … } } replaces all prices"},
	set: setServices,
})

// PriceFields describes [deployment.price]. Prices are decimal strings.
func PriceFields() []Field { return described(priceFields) }

func tierRates() (out []field[core.PriceTier]) {
	for _, f := range rateFields {
		out = append(out, field[core.PriceTier]{f.Field, func(t *core.PriceTier, v value) { f.set(&t.Rates, v) }})
	}
	return out
}

func priceRates() (out []field[core.Price]) {
	for _, f := range rateFields {
		out = append(out, field[core.Price]{f.Field, func(p *core.Price, v value) { f.set(&p.Rates, v) }})
	}
	return out
}

func rate(name string, unit perUnit, doc string, at func(*core.Rates) **core.Rate) field[core.Rates] {
	return field[core.Rates]{
		Field: Field{Name: name, Type: "decimal", Doc: doc + ", " + unit.doc},
		set: func(r *core.Rates, v value) {
			switch v.raw.(type) {
			case int64, float64:
				v.fail("must be a decimal string such as \"3.00\"") // a float is no exact price
				return
			}
			s, ok := v.text()
			if !ok {
				return
			}
			n, err := core.ParseRate(s)
			switch {
			case err != nil:
				v.fail("%v", err)
				return
			case n > (1<<62)/unit.factor:
				v.fail("%q is out of range", s)
				return
			}
			n *= unit.factor
			*at(r) = &n
		},
	}
}

func setPrice(d *core.Deployment, v value) {
	table, ok := v.raw.(map[string]any)
	if !ok {
		v.wrongType("a table")
		return
	}
	p := &core.Price{}
	readTable(v.l, priceFields, table, v.at, p, nil)
	if len(table) == 0 {
		v.fail("is empty: name at least one price, or leave it out")
	}
	for _, fault := range prices.Check(p) {
		v.fail("implausible: %s", fault)
	}
	d.Price = p
}

// setServices reads prices by the names that requests have for services.
func setServices(p *core.Price, v value) {
	services, ok := v.raw.(map[string]any)
	if !ok {
		v.wrongType("a table of tables")
		return
	}
	p.Services = make(map[string]*core.Price, len(services))
	for _, name := range sortedKeys(services) {
		of := value{v.l, v.at.child(name), services[name]}
		table, ok := of.raw.(map[string]any)
		switch {
		case !ok:
			of.wrongType("a table")
			continue
		case core.UsualService(name):
			of.fail("is the usual service, whose prices stand above")
		case len(table) == 0:
			of.fail("is empty: name at least one price, or leave it out")
		}
		q := &core.Price{}
		readTable(v.l, serviceFields, table, of.at, q, nil)
		p.Services[name] = q
	}
}

func setTiers(p *core.Price, v value) {
	list, ok := tables(v.raw)
	if !ok {
		v.wrongType("a list of tables")
		return
	}
	for i, table := range list {
		var t core.PriceTier
		readTable(v.l, tierFields, table, v.at.element(i), &t, nil)
		p.Tiers = append(p.Tiers, t)
	}
}

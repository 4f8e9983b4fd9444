package prices

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
)

var now = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

// small are prices of some providers, in the layout of their files.
var small = map[string]string{
	"openai": `{"models": [
	{"model": "gpt-q", "valid_from": "2026-01-01", "rates": {"input": "1", "output": "2"}},
	{"model": "gpt-q", "valid_from": "2026-06-01", "rates": {"input": "3", "output": "4"}, "services": {"priority": {"rates": {"input": "6", "output": "8"}}}},
	{"model": "gpt-q-2025-05-05", "valid_from": "2026-01-01", "rates": {"input": "9", "output": "9"}},
	{"model": "gpt-q-mini", "valid_from": "2026-01-01", "rates": {"input": "0.1"}},
	{"model": "ft:gpt-q", "valid_from": "2026-01-01", "rates": {"input": "5"}}]}`,
	"anthropic": `{"models": [{"model": "claude-x-1-0", "valid_from": "2026-01-01", "rates": {"input": "3"}}]}`,
	"gemini":    `{"models": [{"model": "gemini-z-2.5", "valid_from": "2026-01-01", "rates": {"input": "1"}}]}`,
	"vertex":    `{"models": [{"model": "claude-x", "valid_from": "2026-01-01", "rates": {"input": "1"}}]}`,
	"deepgram":  `{"models": [{"model": "aura-2", "valid_from": "2026-01-01", "rates": {"character": "30"}}]}`,
	"bedrock": `{"models": [
	{"model": "anthropic.claude-x-20260101-v1:0", "valid_from": "2026-01-01", "rates": {"input": "3"}},
	{"model": "eu.anthropic.claude-x-20260101-v1:0", "valid_from": "2026-01-01", "rates": {"input": "3.3"}},
	{"model": "anthropic.claude-y", "valid_from": "2026-01-01", "rates": {"input": "4"}}]}`,
}

func parseSmall(t *testing.T) *Book {
	t.Helper()
	b := &Book{shelves: map[string]func() *shelf{}}
	for provider, text := range small {
		one, err := Parse("provider."+provider, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		maps.Copy(b.shelves, one.shelves)
	}
	return b
}

// C47: name variants by stated rules, never another model's price.
func TestBook_Find(t *testing.T) {
	b := parseSmall(t)
	for _, c := range []struct{ provider, model, want string }{
		{"openai", "gpt-q", "gpt-q@2026-06-01"},
		{"openai", "GPT-Q", "gpt-q@2026-06-01"},
		{"openai", "gpt-q-2026-01-01", "gpt-q@2026-06-01"},
		{"openai", "gpt-q-2025-05-05", "gpt-q-2025-05-05@2026-01-01"},
		{"openai", "ft:gpt-q:org::abc", "ft:gpt-q@2026-01-01"},
		{"openai", "ft:gpt-q-2026-01-01:org:name:abc", "ft:gpt-q@2026-01-01"},
		{"anthropic", "claude-x-1.0", "claude-x-1-0@2026-01-01"},
		{"anthropic", "claude-x-1-0", "claude-x-1-0@2026-01-01"},
		{"anthropic", "claude-x-1-0-20260101", "claude-x-1-0@2026-01-01"},
		{"anthropic", "claude-x-1-0@20260101", "claude-x-1-0@2026-01-01"},
		{"gemini", "models/gemini-z-2.5", "gemini-z-2.5@2026-01-01"},
		{"gemini", "gemini-z-2-5", "gemini-z-2.5@2026-01-01"},
		{"gemini", "publishers/google/models/gemini-z-2.5", "gemini-z-2.5@2026-01-01"},
		{"bedrock", "us.anthropic.claude-x-20260101-v1:0", "anthropic.claude-x-20260101-v1:0@2026-01-01"},
		{"bedrock", "eu.anthropic.claude-x-20260101-v1:0", "eu.anthropic.claude-x-20260101-v1:0@2026-01-01"},
		{"bedrock", "anthropic.claude-x-20260101-v1:0:200k", "anthropic.claude-x-20260101-v1:0@2026-01-01"},
		{"bedrock", "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-x-20260101-v1:0", "anthropic.claude-x-20260101-v1:0@2026-01-01"},
		{"bedrock", "us.anthropic.claude-y-v1:0", "anthropic.claude-y@2026-01-01"},
		{"bedrock", "apac.anthropic.claude-y-20260101-v1:0", "anthropic.claude-y@2026-01-01"},

		{"vertex", "publishers/anthropic/models/claude-x@20260101", "claude-x@2026-01-01"},
		{"deepgram", "aura-2-thalia-en", "aura-2@2026-01-01"},

		{"openai", "newco/model-9", ""},
		{"openai", "gpt-q-max", ""},
		{"openai", "gpt-", ""},
		{"openai", "gpt", ""},
		{"openai", "gpt-q-mini-high", ""},
		{"openai", "gpt-q-2026", ""},
		{"openai", "ft:gpt-q-mini:org::abc", ""},
		{"openai", "models/gpt-q", ""},
		{"openai", "claude-x-1-0", ""},
		{"anthropic", "claude-x", ""},
		{"anthropic", "claude-x-1-0-fast", ""},
		{"gemini", "x/gemini-z-2.5", ""},
		{"bedrock", "us-gov.anthropic.claude-y", ""},
		{"bedrock", "arn:aws:bedrock:us-east-1:1:custom-model/anthropic.claude-y", ""},
		{"ollama", "gpt-q", ""},
		{"deepgram", "aura-asteria-en", ""},
		{"deepgram", "aura-2-thalia", ""},
		{"openai", "", ""},
	} {
		p, ok := b.Find("provider."+c.provider, c.model, now)
		got := ""
		if ok {
			got = strings.TrimPrefix(p.ID, "pri_"+c.provider+"/")
		}
		if got != c.want {
			t.Errorf("%s %s: got %q, want %q", c.provider, c.model, got, c.want)
		}
	}
}

func TestBook_FindAt(t *testing.T) {
	b := parseSmall(t)
	for at, want := range map[string]string{
		"2025-01-01T00:00:00Z": "pri_openai/gpt-q@2026-01-01", "2026-05-31T23:59:59Z": "pri_openai/gpt-q@2026-01-01",
		"2026-06-01T00:00:00Z": "pri_openai/gpt-q@2026-06-01",
	} {
		when, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		if p, ok := b.Find("provider.openai", "gpt-q", when); !ok || p.ID != want {
			t.Errorf("%s: got %v, want %s", at, p, want)
		}
	}
	own := &core.Price{ID: "own"}
	for _, c := range []struct {
		d    core.Deployment
		want string
	}{
		{core.Deployment{Provider: "provider.openai", Model: "gpt-q", Price: own}, "own"},
		{core.Deployment{Provider: "provider.openai", Model: "my-alias", PriceModel: "gpt-q-mini"}, "pri_openai/gpt-q-mini@2026-01-01"},
		{core.Deployment{Provider: "provider.openai", Model: "gpt-q"}, "pri_openai/gpt-q@2026-06-01"},
	} {
		if p, ok := b.For(&c.d, now); !ok || p.ID != c.want {
			t.Errorf("got %v, want %s", p, c.want)
		}
	}
}

func TestParse_Errors(t *testing.T) {
	line := func(s string) string { return `{"models": [{"model": "m", ` + s + `}]}` }
	const two = `{"models": [{"model": "m-1-0", "valid_from": "2026-01-01", "rates": {}}, {"model": "m-1.0", "valid_from": "2026-01-01", "rates": {}}]}`
	for text, want := range map[string]string{
		`{`: "prices of provider.x",
		line(`"valid_from": "soon", "rates": {}`):                                                        "provider.x: m:",
		line(`"valid_from": "2026-01-01", "rates": {"inptu": "1"}`):                                      `unknown rate "inptu"`,
		line(`"valid_from": "2026-01-01", "rates": {"input": "-1"}`):                                     "negative",
		line(`"valid_from": "2026-01-01", "rates": {"input": "1e-6"}`):                                   "not a decimal",
		line(`"valid_from": "2026-01-01", "rates": {}, "tiers": [{"above": 5, "rates": {"x": "1"}}]`):    "above 5",
		line(`"valid_from": "2026-01-01", "rates": {}, "services": {"priority": {"rates": {"x": "1"}}}`): "priority: unknown",
		two:                        "two prices from 2026-01-01",
		two + " trailing nonsense": "prices of provider.x",
	} {
		if _, err := Parse("provider.x", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// The shipped catalogue loads, is plausible, names its sources and holds a few
// prices that are known from the providers' pages.
func TestCatalogue(t *testing.T) {
	b := Catalogue()
	for _, p := range b.List() {
		for _, fault := range Check(p) {
			t.Errorf("%s: %s", p.ID, fault)
		}
		if !strings.HasPrefix(b.Source(p.Provider), "https://") {
			t.Errorf("%s: no source", p.ID)
		}
	}
	usage := core.Usage{Input: 1e6, CacheRead: 1e6, Output: 1e6}
	for _, c := range []struct {
		provider, model string
		usage           core.Usage
		want            string
	}{
		{"openai", "gpt-4o", core.Usage{Input: 1e6, CacheRead: 1e6, Output: 1e6}, "13.75"},
		{"openai", "gpt-5-mini-2025-08-07", usage, "2.275"},
		{"openai", "gpt-realtime", core.Usage{Input: 1e6, CacheRead: 1e6, AudioInput: 1e6, AudioCached: 1e6, ImageInput: 1e6, ImageCached: 1e6, AudioOutput: 1e6}, "106.30"},
		{"openai", "gpt-realtime-mini", core.Usage{AudioCached: 1e6, ImageCached: 1e6}, "0.38"},
		{"openai", "gpt-image-1", core.Usage{ImageCached: 1e6}, "2.50"},
		{"azure", "us/gpt-realtime-2.1", core.Usage{AudioCached: 1e6}, "0.44"},
		{"gemini", "gemini-2.5-flash", core.Usage{CacheRead: 1e6, AudioCached: 1e6}, "0.13"},
		{"openai", "text-embedding-3-small", core.Usage{Input: 1e6}, "0.02"},
		{"openai", "whisper-1", core.Usage{Milliseconds: 60_000}, "0.006"},
		{"openai", "omni-moderation-latest", core.Usage{Input: 500}, "0.00"},
		{"anthropic", "claude-sonnet-4-5", core.Usage{Input: 1e5, CacheWrite5m: 1e4, CacheWrite1h: 1e4, CacheRead: 1e4, Output: 1e5}, "1.9005"},
		{"anthropic", "claude-haiku-4-5-20251001", core.Usage{Input: 1e6, Output: 1e6}, "6.00"},
		{"gemini", "models/gemini-2.5-pro", core.Usage{Input: 200_000, Output: 1e6}, "10.25"},
		{"gemini", "gemini-2.5-pro", core.Usage{Input: 200_001, Output: 1e6}, "15.5000025"},
		{"gemini", "gemini-2.5-flash", core.Usage{Input: 1e6, AudioInput: 1e6, Output: 1e6}, "3.80"},
		{"bedrock", "amazon.nova-lite-v1:0", core.Usage{Input: 1e6, Output: 1e6}, "0.30"},
		{"bedrock", "us.anthropic.claude-haiku-4-5-20251001-v1:0", core.Usage{Input: 1e6}, "1.10"},
		{"bedrock", "meta.llama3-3-70b-instruct-v1:0", core.Usage{Input: 1e6, Output: 1e6}, "1.44"},
		{"azure", "gpt-4o-2024-11-20", usage, "13.75"},
		{"vertex", "claude-sonnet-4-6@20260217", core.Usage{Input: 1e5, Output: 1e5}, "1.80"},
		{"groq", "whisper-large-v3-turbo", core.Usage{Milliseconds: 3600_000}, "0.039996"},
		{"mistral", "mistral-large-2512", core.Usage{Input: 1e6, Output: 1e6}, "2.00"},
		{"deepseek", "deepseek-v4-pro", usage, "5.324"},
		{"xai", "grok-4.7", core.Usage{Input: 1e5, Output: 1e5}, "0.80"},
		{"xai", "grok-voice-think-fast-1.0", core.Usage{Milliseconds: 60000, Messages: 2}, "0.058"},
		{"xai", "grok-voice-latest", core.Usage{Milliseconds: 90000}, "0.12"},
		{"cohere", "rerank-v3.5", core.Usage{Searches: 3}, "0.006"},
		{"voyage", "voyage-4-large", core.Usage{Input: 1e6}, "0.12"},
		{"elevenlabs", "eleven_multilingual_v2", core.Usage{Characters: 1000}, "0.08"},
		{"deepgram", "nova-3", core.Usage{Milliseconds: 60_000}, "0.0043002"},
		{"perplexity", "perplexity/sonar", core.Usage{Input: 1e6, Output: 1e6, Searches: 1000}, "5.25"},
		{"perplexity", "openai/gpt-6-luna", core.Usage{Input: 3, CacheRead: 1780, CacheWrite5m: 1224, Output: 36}, "0.0001891"},
		{"bedrock", "amazon.nova-canvas-v1:0", core.Usage{Images: 1}, "0.08"},
		{"openrouter", "openai/gpt-4o-mini", core.Usage{Input: 1e6, Output: 1e6}, "0.75"},
		{"openrouter", "anthropic/claude-sonnet-5.5", core.Usage{Searches: 2}, "0.02"},
		{"openrouter", "anthropic/claude-sonnet-4.5", core.Usage{CacheWrite5m: 1e5, CacheWrite1h: 1e5}, "0.975"},
		{"openrouter", "openai/gpt-5.2:online", core.Usage{Input: 1e6, Searches: 1}, "1.76"},
		{"openrouter", "google/gemini-3.1-pro-preview", core.Usage{Searches: 1}, "0.014"},
		{"huggingface", "openai/gpt-oss-120b:groq", core.Usage{Input: 1e6, Output: 1e6}, "0.90"},
	} {
		p, ok := b.Find("provider."+c.provider, c.model, now)
		if !ok {
			t.Errorf("%s %s is unpriced", c.provider, c.model)
			continue
		}
		if got, priced := p.Amount(c.usage); got.String() != c.want || !priced {
			t.Errorf("%s %s: $%s, %v; want $%s", c.provider, c.model, got, priced, c.want)
		}
	}
}

// A service is known by its name, and one that is not has no price.
func TestPrice_Of(t *testing.T) {
	b := parseSmall(t)
	p, _ := b.Find("provider.openai", "gpt-q", now)
	for _, c := range []struct {
		service, want string
		ok            bool
	}{
		{"", "7.00", true}, {"auto", "7.00", true}, {"default", "7.00", true}, {"flex", "7.00", true},
		{"priority", "14.00", true}, {"fast", "7.00", false}, {"PRIORITY", "7.00", false},
	} {
		of, ok := p.Of(c.service)
		if got, _ := of.Amount(core.Usage{Input: 1e6, Output: 1e6}); got.String() != c.want || ok != c.ok {
			t.Errorf("%q: $%s, %v; want $%s, %v", c.service, got, ok, c.want, c.ok)
		}
	}
	real, ok := Catalogue().Find("provider.openai", "gpt-4o", now)
	if of, known := real.Of("priority"); !ok || !known || of.ID != real.ID+"/priority" {
		t.Errorf("gpt-4o has no price of priority: %v", of)
	}
}

func TestCheck(t *testing.T) {
	rates := func(pairs ...string) core.Rates {
		m := map[string]string{}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i]] = pairs[i+1]
		}
		r, err := Rates(m)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	good := rates("input", "3", "output", "15", "cache_read", "0.30", "cache_write_5m", "3.75", "image", "40000")
	for _, c := range []struct {
		name  string
		price core.Price
		want  string
	}{
		{"right", core.Price{Rates: good}, ""},
		{"free", core.Price{Rates: rates("input", "0", "output", "0")}, ""},
		{"per token", core.Price{Rates: rates("input", "0.000003", "output", "0.000015")}, "entered per token"},
		{"a million twice", core.Price{Rates: rates("input", "3000000")}, "a million twice"},
		{"one per token", core.Price{Rates: rates("input", "0.03", "output", "15")}, "output is far from input"},
		{"output in place of input", core.Price{Rates: rates("input", "75", "output", "5")}, "output is far from input"},
		{"cached sound dearer than other", core.Price{Rates: rates("input", "3", "audio_input", "8", "audio_cache_read", "9")}, "audio_cache_read is dearer"},
		{"cached pictures far too cheap", core.Price{Rates: rates("input", "3", "image_cache_read", "0.0000001")}, "image_cache_read is $"},
		{"cache dearer than input", core.Price{Rates: rates("input", "3", "cache_read", "3.75")}, "cache_read is dearer"},
		{"cache write", core.Price{Rates: rates("input", "3", "cache_write_5m", "37.5")}, "cache_write_5m is far"},
		{"tiers", core.Price{Rates: good, Tiers: []core.PriceTier{{Above: 200, Rates: good}, {Above: 100, Rates: good}}}, "must ascend"},
		{"within a service", core.Price{Rates: good, Services: map[string]*core.Price{"fast": {Rates: rates("input", "0.000006")}}}, "fast: input"},
		{"within a tier", core.Price{Rates: good, Tiers: []core.PriceTier{{Above: 200, Rates: rates("input", "0.000006")}}}, "tier above 200: input"},
	} {
		got := strings.Join(Check(&c.price), "; ")
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

// BenchmarkCatalogue reads the largest provider's file, as the first look-up does.
func BenchmarkCatalogue(b *testing.B) {
	for b.Loop() {
		Catalogue().Find("provider.openrouter", "openai/gpt-4o-mini", now)
	}
}

func BenchmarkBook_Find(b *testing.B) {
	book := Catalogue()
	for b.Loop() {
		book.Find("provider.bedrock", "us.anthropic.claude-haiku-4-5-20251001-v1:0", now)
	}
}

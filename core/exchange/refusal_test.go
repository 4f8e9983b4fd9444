package exchange_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// TestDo_RefusalUsesNothing: what the budget refuses leaves the rate limits as
// they were, and no entry.
func TestDo_RefusalUsesNothing(t *testing.T) {
	for _, policy := range []core.BudgetPolicy{core.BudgetStrict, core.BudgetShrink} {
		t.Run(string(policy), func(t *testing.T) {
			r := newRig(t, core.Deployment{}, nil)
			r.answer(whole(200, wholeAnswer))
			p := r.key("0.000000001", core.Limits{RPM: 1, TPM: 1000, Parallel: 1})
			p.Budgets[0].Policy = policy
			const body = `{"model":"m","max_tokens":500,"messages":[{"role":"user","content":"hi"}]}`
			for range 3 {
				c, entries := r.ask(p, abi.Chat, body)
				if c.status != 402 || len(entries) != 0 {
					t.Fatalf("%d %s, entries %v", c.status, c.body.String(), entries)
				}
				if left := header(c, "X-Ratelimit-Remaining-Requests") + " " + header(c, "X-Ratelimit-Remaining-Tokens"); left != "1 1000" {
					t.Errorf("a refusal leaves %s", left)
				}
			}
			p.Budgets[0].Amount = core.Dollar
			if c, entries := r.ask(p, abi.Chat, body); c.status != 200 || len(entries) != 1 {
				t.Errorf("%d %s", c.status, c.body.String())
			}
			if spent, held, _, err := r.ledger.Spent(t.Context(), p.Budgets[0], p.Budgets[0].CreatedAt); err != nil || held != 0 || spent == 0 {
				t.Errorf("spent %s, held %s, %v", spent, held, err)
			}
		})
	}
}

func header(c *recorder, name string) string {
	for _, f := range c.head.More {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

// TestDo_ShrunkOnRecord: what stands on record while a shrunk request runs is the
// worst case that was granted.
func TestDo_ShrunkOnRecord(t *testing.T) {
	r := newRig(t, core.Deployment{}, nil)
	var open []*core.OpenExchange
	r.answer(func(w http.ResponseWriter, req *http.Request) {
		open, _ = r.store.ListOpen(t.Context(), "")
		whole(200, wholeAnswer)(w, req)
	})
	p := r.key("0.001", core.Limits{})
	p.Budgets[0].Policy = core.BudgetShrink
	c, _ := r.ask(p, abi.Chat, `{"model":"m","max_tokens":500,"messages":[{"role":"user","content":"hi"}]}`)
	if c.status != 200 || c.head.MaxOutput == 0 || c.head.MaxOutput >= 500 {
		t.Fatalf("%d %+v", c.status, c.head)
	}
	if len(open) != 1 || open[0].Usage.Output != c.head.MaxOutput || open[0].Reserved != p.Budgets[0].Amount {
		t.Errorf("on record %+v, the cap is %d", open[0], c.head.MaxOutput)
	}
}

// TestDo_ShrunkUnderEachName: a cap that the client wrote under both of its names
// is lowered under both, and only where it is higher.
func TestDo_ShrunkUnderEachName(t *testing.T) {
	r := newRig(t, core.Deployment{}, nil)
	r.answer(whole(200, wholeAnswer))
	p := r.key("0.001", core.Limits{})
	p.Budgets[0].Policy = core.BudgetShrink
	c, _ := r.ask(p, abi.Chat, `{"model":"m","max_tokens":500,"max_completion_tokens":10,"messages":[{"role":"user","content":"hi"}]}`)
	if c.status != 200 {
		t.Fatalf("%d %s", c.status, c.body.String())
	}
	sent := []byte(<-r.bodies)
	high, _ := scan.GetInt(sent, "max_tokens")
	low, _ := scan.GetInt(sent, "max_completion_tokens")
	if high != c.head.MaxOutput || high >= 500 || low != 10 {
		t.Errorf("sent %s, capped at %d", sent, c.head.MaxOutput)
	}
}

// TestDo_HugeCap: a cap that no product with n fits into counts as what it is, a
// cap on nothing.
func TestDo_HugeCap(t *testing.T) {
	r := newRig(t, core.Deployment{}, nil)
	r.answer(whole(200, wholeAnswer))
	const body = `{"model":"m","max_tokens":4611686018427387904,"n":2,"messages":[{"role":"user","content":"hi"}]}`
	if c, _ := r.ask(r.key("1.00", core.Limits{}), abi.Chat, body); c.status != 402 || r.hits.Load() != 0 {
		t.Errorf("budget: %d %s", c.status, c.body.String())
	}
	if c, _ := r.ask(r.key("", core.Limits{TPM: 1000}), abi.Chat, body); c.status != 429 || r.hits.Load() != 0 {
		t.Errorf("limit: %d %s", c.status, c.body.String())
	}
}

// TestDo_LimitTells: a refusal tells what the limits are, and every choice counts.
func TestDo_LimitTells(t *testing.T) {
	r := newRig(t, core.Deployment{}, nil)
	r.answer(whole(200, wholeAnswer))
	p := r.key("", core.Limits{RPM: 2, TPM: 1000})
	c, _ := r.ask(p, abi.Chat, `{"model":"m","max_tokens":600,"n":2,"messages":[{"role":"user","content":"hi"}]}`)
	if c.status != 429 || header(c, "Retry-After") == "" || header(c, "X-Ratelimit-Limit-Requests") != "2" || header(c, "X-Ratelimit-Remaining-Requests") != "2" ||
		header(c, "X-Ratelimit-Remaining-Tokens") != "1000" {
		t.Errorf("%d %+v %s", c.status, c.head.More, c.body.String())
	}
}

// TestDo_Dearer: a service at a price of its own is refused where a budget
// applies, and flagged elsewhere: its price is not known.
func TestDo_Dearer(t *testing.T) {
	for _, c := range []struct {
		member   string
		drop     []string
		budget   string
		status   int
		unpriced bool
	}{
		{`"service_tier":"priority"`, nil, "1.00", 403, false},
		{`"speed":"fast"`, nil, "1.00", 403, false},
		{`"inference_geo":"us"`, nil, "1.00", 403, false},
		{`"performance_config":{"latency":"optimized"}`, nil, "1.00", 403, false},
		{`"performance_config":{"latency":"standard"}`, nil, "1.00", 200, false},
		{`"service_tier":"flex"`, nil, "1.00", 200, false},
		{`"service_tier":null`, nil, "1.00", 200, false},
		{`"service_tier":"priority"`, nil, "", 200, true},
		{`"service_tier":"priority"`, []string{"service_tier"}, "1.00", 200, false},
	} {
		r := newRig(t, core.Deployment{DropParams: c.drop}, nil)
		r.answer(whole(200, wholeAnswer))
		got, entries := r.ask(r.key(c.budget, core.Limits{}), abi.Chat, `{"model":"m",`+c.member+`,"messages":[{"role":"user","content":"hi"}]}`)
		if got.status != c.status || c.status == 200 && (len(entries) != 1 || entries[0].Unpriced != c.unpriced || entries[0].Amount == 0) {
			t.Errorf("%s %v %s: %d %s, entries %+v", c.member, c.drop, c.budget, got.status, got.body.String(), entries)
		}
	}
}

// TestDo_Service: a service with a price in the book is held and billed at it, and
// what the vendor says that it gave counts.
func TestDo_Service(t *testing.T) {
	usual, err := priceOf("1", "3")
	if err != nil {
		t.Fatal(err)
	}
	priority, err := priceOf("10", "30")
	if err != nil {
		t.Fatal(err)
	}
	priority.ID = usual.ID + "/priority"
	usual.Services = map[string]*core.Price{"priority": priority}
	for _, c := range []struct {
		member, said string
		drop         []string
		budget       string
		status       int
		dear         bool
	}{
		{`"service_tier":"priority"`, `"priority"`, nil, "1.00", 200, true},
		{`"service_tier":"priority"`, `null`, nil, "1.00", 200, true},
		{`"service_tier":"priority"`, `"default"`, nil, "1.00", 200, false},
		{`"service_tier":"auto"`, `"priority"`, nil, "1.00", 200, true},
		{`"service_tier":"priority"`, `"a new word"`, nil, "1.00", 200, true},
		{`"service_tier":"default"`, `"a new word"`, nil, "1.00", 200, false},
		{`"service_tier":"priority"`, `"default"`, []string{"service_tier"}, "1.00", 200, false},
		{`"service_tier":"priority"`, `"priority"`, nil, "0.001", 402, false}, // 100 tokens at 30 dollars a million
		{`"service_tier":"default"`, `"default"`, nil, "0.001", 200, false},
		{`"service_tier":"priority","speed":"fast"`, `"priority"`, nil, "1.00", 403, false},
	} {
		r := newRig(t, core.Deployment{DropParams: c.drop}, nil)
		r.snapshot.Routes["m"].Targets[0].Price = usual
		r.answer(whole(200, strings.Replace(wholeAnswer, "{", `{"service_tier":`+c.said+`,`, 1)))
		got, entries := r.ask(r.key(c.budget, core.Limits{}), abi.Chat, `{"model":"m","max_tokens":100,`+c.member+`,"messages":[{"role":"user","content":"hi"}]}`)
		if got.status != c.status {
			t.Errorf("%+v: %d %s", c, got.status, got.body.String())
			continue
		}
		if c.status != 200 {
			continue
		}
		e := entries[0]
		p := usual
		if c.dear {
			p = priority
		}
		if want, _ := p.Amount(e.Usage); e.Amount != want || e.Unpriced || e.PriceID != p.ID {
			t.Errorf("%+v: %s at %s, want %s", c, e.Amount, e.PriceID, want)
		}
	}
}

// TestDo_Services_Read: what a plugin says of an answer, or of a chunk, is billed as well.
func TestDo_Services_Read(t *testing.T) {
	usual := rates(t, "input", "1", "output", "1")
	priority := rates(t, "input", "2", "output", "2")
	usual.ID, priority.ID, usual.Services = "usual", "priority", map[string]*core.Price{"priority": priority}
	for _, c := range []struct{ asked, said, price string }{
		{"priority", "priority", "priority"}, {"priority", "default", "usual"}, {"priority", "", "priority"}, {"auto", "priority", "priority"}, {"default", "", "usual"},
	} {
		for _, stream := range []string{"false", "true"} {
			r := newRig(t, core.Deployment{}, nil)
			r.through(reader{passthrough{base: r.url}, nil}, usual)
			as := strings.NewReplacer(`{"id"`, `{"service_tier":"`+c.said+`","id"`, `{"choices"`, `{"service_tier":"`+c.said+`","choices"`)
			if r.answer(whole(200, as.Replace(wholeAnswer))); stream == "true" {
				r.answer(r.raw(streamHead, as.Replace(delta("a")), as.Replace(finish)))
			}
			got, entries := r.ask(r.key("1.00", core.Limits{}), abi.Chat, `{"model":"m","max_tokens":9,"stream":`+stream+`,"service_tier":"`+c.asked+`","messages":[{"role":"user","content":"hi"}]}`)
			if got.status != 200 || entries[0].PriceID != c.price {
				t.Errorf("%+v, stream %s: %d %+v", c, stream, got.status, entries)
			}
		}
	}
}

// TestDo_Services_Speed: a tier that is said says nothing of the speed that was asked for.
func TestDo_Services_Speed(t *testing.T) {
	usual, fast := rates(t, "input", "1", "output", "1"), rates(t, "input", "6", "output", "6")
	usual.ID, fast.ID, usual.Services = "usual", "fast", map[string]*core.Price{"fast": fast}
	r := newRig(t, core.Deployment{}, nil)
	r.through(reader{passthrough{base: r.url}, nil}, usual)
	r.answer(whole(200, strings.Replace(wholeAnswer, `{"id"`, `{"service_tier":"default","id"`, 1)))
	got, entries := r.ask(r.key("1.00", core.Limits{}), abi.Chat, `{"model":"m","max_tokens":9,"speed":"fast","messages":[{"role":"user","content":"hi"}]}`)
	if got.status != 200 || entries[0].PriceID != "fast" {
		t.Errorf("%d %+v", got.status, entries)
	}
}

// TestDo_C61_OtherModels: a client cannot have the vendor go on with models that
// nobody has checked.
func TestDo_C61_OtherModels(t *testing.T) {
	for _, c := range []struct {
		member string
		drop   []string
		param  string
	}{
		{`"fallbacks":[{"model":"big"}]`, nil, "fallbacks"},
		{`"models":["big"]`, nil, "models"},
		{`"tools":[{"type":"function","function":{"name":"f"}},{"type":"advisor_20260301","name":"advisor","model":"big"}]`, nil, "tools[1].model"},
		{`"tools":[{"type":"advisor_20260301","m\u006fdel":"big"}]`, nil, "tools[0].model"},
		{`"tools":[{"type":"function","function":{"name":"f","description":"a model"}}]`, nil, ""},
		{`"fallbacks":null,"models":[]`, nil, ""},
		{`"models":["big"]`, []string{"models"}, ""},
	} {
		r := newRig(t, core.Deployment{DropParams: c.drop}, nil)
		r.answer(whole(200, wholeAnswer))
		got, _ := r.ask(r.key("", core.Limits{}), abi.Chat, `{"model":"m",`+c.member+`,"messages":[{"role":"user","content":"hi"}]}`)
		text := got.body.String()
		switch {
		case c.param != "" && (got.status != 400 || !strings.Contains(text, `"param":"`+c.param+`"`) || r.hits.Load() != 0):
			t.Errorf("%s: %d %s", c.member, got.status, text)
		case c.param == "" && (got.status != 200 || strings.Contains(<-r.bodies, "big")):
			t.Errorf("%s: %d %s", c.member, got.status, text)
		}
	}
}

// TestDo_AudioHeld: where audio may be heard or spoken, its price is held.
func TestDo_AudioHeld(t *testing.T) {
	for _, c := range []struct {
		member, content string
		status          int
	}{
		{`"temperature":1`, `"hi"`, 200},
		{`"audio":{"voice":"x","format":"wav"}`, `"hi"`, 402},
		{`"temperature":1`, `[{"type":"input_audio","input_audio":{"data":"AAAA","format":"wav"}}]`, 402},
	} {
		r := newRig(t, core.Deployment{}, nil)
		r.answer(whole(200, wholeAnswer))
		price := r.snapshot.Routes["m"].Targets[0].Price
		dear, err := core.ParseRate("1000")
		if err != nil {
			t.Fatal(err)
		}
		price.Rates.AudioInput, price.Rates.AudioOutput = &dear, &dear
		got, _ := r.ask(r.key("0.01", core.Limits{}), abi.Chat, `{"model":"m","max_tokens":100,`+c.member+`,"messages":[{"role":"user","content":`+c.content+`}]}`)
		if got.status != c.status {
			t.Errorf("%s %s: %d %s", c.member, c.content, got.status, got.body.String())
		}
	}
}

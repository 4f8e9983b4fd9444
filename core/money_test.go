package core

import (
	"encoding/json"
	"math"
	"testing"
	"time"
)

func TestParseDollars(t *testing.T) {
	for in, want := range map[string]Nano{
		"25": 25e9, "0.30": 3e8, "0.000000001": 1, "-1.5": -15e8, "007.10": 71e8, "0": 0, "-0.00": 0, ".5": 5e8,
		"1.0000000000": 1e9, "9223372036.854775807": math.MaxInt64, "-9223372036.854775808": math.MinInt64,
	} {
		if got, err := ParseDollars(in); err != nil || got != want {
			t.Errorf("%q: got %d, %v; want %d", in, got, err, want)
		}
	}
	for _, in := range []string{"", ".", "1.", "-", "+1", "1e3", "1/2", "0x10", "1_000", " 1", "1 ", "1,5", "--1", "1.2.3", "0.0000000001",
		"9223372036.854775808", "٣", "NaN"} {
		if got, err := ParseDollars(in); err == nil {
			t.Errorf("%q: got %d, want an error", in, got)
		}
	}
}

func TestNano_String(t *testing.T) {
	for n, want := range map[Nano]string{
		0: "0.00", 1: "0.000000001", 105e5: "0.0105", 3e9: "3.00", -15e8: "-1.50", math.MaxInt64: "9223372036.854775807", math.MinInt64: "-9223372036.854775808",
	} {
		if got := n.String(); got != want {
			t.Errorf("%d: got %s, want %s", int64(n), got, want)
		}
		if back, err := ParseDollars(n.String()); err != nil || back != n {
			t.Errorf("%d: reads back as %d, %v", int64(n), back, err)
		}
	}
	if js, err := json.Marshal(struct{ Amount Nano }{36_015_000}); err != nil || string(js) != `{"Amount":"0.036015"}` {
		t.Errorf("JSON %s, %v", js, err)
	}
}

func rate(t *testing.T, s string) *Rate {
	t.Helper()
	if s == "" {
		return nil
	}
	r, err := ParseRate(s)
	if err != nil {
		t.Fatal(err)
	}
	return &r
}

func TestPrice_Amount(t *testing.T) {
	rates := func(in, out, read, write string) Rates {
		return Rates{Input: rate(t, in), Output: rate(t, out), CacheRead: rate(t, read), CacheWrite5m: rate(t, write)}
	}
	long := &Price{Rates: rates("1", "5", "0.1", ""), Tiers: []PriceTier{{200_000, rates("2", "7.5", "0.2", "")}, {1_000_000, rates("4", "9", "0.4", "")}}}
	for _, c := range []struct {
		name   string
		price  *Price
		usage  Usage
		want   Nano
		priced bool
	}{
		{"C40 a cache write is billed once", &Price{Rates: rates("3", "15", "0.30", "3.75")}, Usage{Input: 5, CacheWrite5m: 8000, Output: 400}, 36_015_000, true},
		{"C43 thinking is output", &Price{Rates: rates("1", "10", "0.25", "")}, Usage{Input: 30, CacheRead: 20, Output: 420, Reasoning: 300}, 4_235_000, true},
		{"C44 long prompt", &Price{Rates: rates("10", "10", "", "")}, Usage{Input: 90_000}, 900_000_000, true},
		{"thinking at a price of its own", &Price{Rates: Rates{Output: rate(t, "8"), Reasoning: rate(t, "3")}}, Usage{Output: 1000, Reasoning: 900}, 3_500_000, true},
		{"more thought than put out", &Price{Rates: Rates{Output: rate(t, "8"), Reasoning: rate(t, "3")}}, Usage{Output: 10, Reasoning: 900}, 30_000, true},
		{"no rate for a part in use", &Price{Rates: rates("1", "", "", "")}, Usage{Input: 10, Output: 1}, 10_000, false},
		{"no rate for a part not in use", &Price{Rates: rates("1", "", "", "")}, Usage{Input: 10}, 10_000, true},
		{"zero is free", &Price{Rates: rates("0", "0", "", "")}, Usage{Input: 10, CacheRead: 5, Output: 1}, 0, true},
		{"nothing used", &Price{}, Usage{}, 0, true},
		{"cache read without a rate costs as input", &Price{Rates: rates("3", "15", "", "")}, Usage{CacheRead: 1000}, 3_000_000, true},
		{"1 h write as 5 m write", &Price{Rates: rates("3", "15", "", "3.75")}, Usage{CacheWrite1h: 1000}, 3_750_000, true},
		{"audio and images as text", &Price{Rates: rates("3", "15", "", "")}, Usage{AudioInput: 1, ImageInput: 1, AudioOutput: 1, ImageOutput: 1}, 36_000, true},
		{"from a cache as text is", &Price{Rates: rates("3", "15", "0.5", "")}, Usage{AudioCached: 1, ImageCached: 2}, 1_500, true},
		{"from a cache as what is not", &Price{Rates: Rates{Input: rate(t, "1"), CacheRead: rate(t, "0.1"), AudioInput: rate(t, "8"), ImageInput: rate(t, "4")}}, Usage{AudioCached: 1, ImageCached: 2}, 16_000, true},
		{"from a cache at their own prices", &Price{Rates: Rates{Input: rate(t, "1"), CacheRead: rate(t, "0.1"), AudioInput: rate(t, "8"), AudioCached: rate(t, "0.3"), ImageCached: rate(t, "0.2")}}, Usage{CacheRead: 10, AudioCached: 1, ImageCached: 2}, 1_700, true},
		{"what was cached is input", &Price{Rates: rates("1", "5", "0.1", ""), Tiers: []PriceTier{{10, rates("2", "5", "1", "")}}}, Usage{AudioCached: 6, ImageCached: 5}, 11_000, true},
		{"at the tier's bound", long, Usage{Input: 150_000, CacheRead: 50_000, Output: 1}, 155_005_000, true},
		{"above the tier's bound everything is dearer", long, Usage{Input: 150_000, CacheRead: 50_001, Output: 2}, 310_015_200, true},
		{"highest tier", long, Usage{Input: 1_000_001}, 4_000_004_000, true},
		{"half to even, down", &Price{Rates: Rates{Input: ptr(Rate(500_000))}}, Usage{Input: 1}, 0, true},
		{"half to even, up", &Price{Rates: Rates{Input: ptr(Rate(500_000))}}, Usage{Input: 3}, 2, true},
		{"rounded once, not for each part", &Price{Rates: Rates{Input: ptr(Rate(400_000)), Output: ptr(Rate(400_000))}}, Usage{Input: 1, Output: 1}, 1, true},
		{"audio by the second", &Price{Rates: Rates{Second: rate(t, "100")}}, Usage{Milliseconds: 1500}, 150_000, true},
		{"seconds without a rate", &Price{}, Usage{Milliseconds: 1500}, 0, false},
		{"an image", &Price{Rates: Rates{Image: rate(t, "40000")}}, Usage{Images: 2}, 80_000_000, true},
		{"beyond 64 bits on the way", &Price{Rates: rates("9000000000", "", "", "")}, Usage{Input: 1_000_000}, 9_000_000_000e9, true},
		{"saturates", &Price{Rates: rates("9000000000", "", "", "")}, Usage{Input: math.MaxInt64}, math.MaxInt64, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, priced := c.price.Amount(c.usage)
			if got != c.want || priced != c.priced {
				t.Errorf("got %s, %v; want %s, %v", got, priced, c.want, c.priced)
			}
		})
	}
}

func ptr[T any](v T) *T { return &v }

func TestNewID(t *testing.T) {
	now := time.Date(2026, 11, 25, 5, 0, 0, 0, time.UTC)
	a, b := NewID(PrefixKey, now), NewID(PrefixKey, now.Add(time.Millisecond))
	if len(a) != 30 || a[:4] != "key_" || a >= b {
		t.Errorf("%s, %s: want the prefix, 26 characters, and order by time", a, b)
	}
	seen := map[string]bool{}
	for range 10_000 {
		id := NewID(PrefixExchange, now)
		if seen[id] {
			t.Fatalf("%s twice", id)
		}
		seen[id] = true
	}
}

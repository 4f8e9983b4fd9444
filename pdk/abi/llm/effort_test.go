package llm

import "testing"

func TestEffort(t *testing.T) {
	for _, c := range []struct {
		budget int64
		want   string
	}{
		{-1, "none"}, {0, "none"}, {1, "minimal"}, {1024, "minimal"}, {2047, "minimal"}, {2048, "low"},
		{10000, "medium"}, {16384, "high"}, {24576, "xhigh"}, {32767, "xhigh"}, {32768, "max"}, {1 << 40, "max"},
	} {
		if got := Effort(c.budget); got != c.want {
			t.Errorf("Effort(%d) is %q, want %q", c.budget, got, c.want)
		}
	}
}

// TestBudget: every word survives the way to a budget and back.
func TestBudget(t *testing.T) {
	for _, e := range efforts {
		if n, ok := Budget(e.name); !ok || n != e.budget || Effort(n) != e.name {
			t.Errorf("Budget(%q) is %d, %v; back it is %q", e.name, n, ok, Effort(n))
		}
	}
	for _, word := range []string{"", "huge", "Low"} {
		if n, ok := Budget(word); ok || n != 0 {
			t.Errorf("Budget(%q) is %d, %v", word, n, ok)
		}
	}
}

func TestFitEffort(t *testing.T) {
	three := []string{"low", "medium", "high"}
	for _, c := range []struct {
		effort string
		known  []string
		want   string
	}{
		{"medium", three, "medium"},
		{"none", three, "low"}, {"minimal", three, "low"}, {"xhigh", three, "high"}, {"max", three, "high"},
		{"none", []string{"none", "high"}, "none"}, {"low", []string{"none", "high"}, "high"},
		{"medium", []string{"low", "high", "max"}, "low"}, {"xhigh", []string{"low", "high", "max"}, "high"},
		{"low", []string{"none"}, ""}, {"low", nil, ""},
	} {
		if got := FitEffort(c.effort, c.known); got != c.want {
			t.Errorf("%s of %v: %q, want %q", c.effort, c.known, got, c.want)
		}
	}
}

package core

import (
	"testing"
	"time"
)

// C58: boundaries are local midnights, compared as instants.
func TestBudget_Window(t *testing.T) {
	for _, c := range []struct {
		name, zone      string
		period          Period
		now, start, end string
	}{
		{"Tokyo before reset", "Asia/Tokyo", PeriodDay, "2026-05-11T14:59:59Z", "2026-05-10T15:00:00Z", "2026-05-11T15:00:00Z"},
		{"Tokyo after reset", "Asia/Tokyo", PeriodDay, "2026-05-11T15:00:01Z", "2026-05-11T15:00:00Z", "2026-05-12T15:00:00Z"},
		{"Tokyo at reset", "Asia/Tokyo", PeriodDay, "2026-05-11T15:00:00Z", "2026-05-11T15:00:00Z", "2026-05-12T15:00:00Z"},
		{"New York before reset", "America/New_York", PeriodDay, "2026-05-12T03:59:59Z", "2026-05-11T04:00:00Z", "2026-05-12T04:00:00Z"},
		{"New York after reset", "America/New_York", PeriodDay, "2026-05-12T04:00:01Z", "2026-05-12T04:00:00Z", "2026-05-13T04:00:00Z"},
		{"day of 23 hours", "America/New_York", PeriodDay, "2026-03-08T12:00:00Z", "2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z"},
		{"day of 25 hours", "America/New_York", PeriodDay, "2026-11-01T12:00:00Z", "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z"},
		{"offset in now does not matter", "", PeriodDay, "2026-05-12T01:30:00+09:00", "2026-05-11T00:00:00Z", "2026-05-12T00:00:00Z"},
		{"week begins on Monday", "Europe/Berlin", PeriodWeek, "2026-11-29T22:59:59Z", "2026-11-22T23:00:00Z", "2026-11-29T23:00:00Z"},
		{"Monday itself", "Europe/Berlin", PeriodWeek, "2026-11-29T23:00:00Z", "2026-11-29T23:00:00Z", "2026-12-06T23:00:00Z"},
		{"month over a clock change", "Europe/Berlin", PeriodMonth, "2026-03-15T00:00:00Z", "2026-02-28T23:00:00Z", "2026-03-31T22:00:00Z"},
		{"month over the year", "", PeriodMonth, "2026-12-31T23:59:59Z", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"},
		{"hour in a zone of half hours", "Asia/Kolkata", PeriodHour, "2026-05-11T10:29:59Z", "2026-05-11T09:30:00Z", "2026-05-11T10:30:00Z"},
		// Beirut skips midnight on 2026-03-29: the day begins at 01:00 local, 22:00Z.
		{"skipped midnight", "Asia/Beirut", PeriodDay, "2026-03-29T12:00:00Z", "2026-03-28T22:00:00Z", "2026-03-29T21:00:00Z"},
		{"before skipped midnight", "Asia/Beirut", PeriodDay, "2026-03-28T21:30:00Z", "2026-03-27T22:00:00Z", "2026-03-28T22:00:00Z"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := &Budget{ID: "bud_1", Period: c.period, Timezone: c.zone}
			now, err := time.Parse(time.RFC3339, c.now)
			if err != nil {
				t.Fatal(err)
			}
			start, end, err := b.Window(now)
			if err != nil {
				t.Fatal(err)
			}
			if got := start.Format(time.RFC3339); got != c.start {
				t.Errorf("start %s, want %s", got, c.start)
			}
			if got := end.Format(time.RFC3339); got != c.end {
				t.Errorf("end %s, want %s", got, c.end)
			}
		})
	}
}

// Windows must tile time: every instant is in its own window, and the next
// window begins where this one ends.
func TestBudget_WindowsTile(t *testing.T) {
	for _, zone := range []string{"", "America/New_York", "Asia/Beirut", "America/Havana", "Africa/Cairo", "Asia/Kathmandu", "Australia/Lord_Howe"} {
		for _, period := range []Period{PeriodDay, PeriodWeek, PeriodMonth} {
			b := &Budget{Period: period, Timezone: zone}
			at := time.Date(2025, 12, 31, 0, 17, 0, 0, time.UTC)
			for range 24 * 400 {
				start, end, err := b.Window(at)
				if err != nil {
					t.Fatal(err)
				}
				if at.Before(start) || !at.Before(end) {
					t.Fatalf("%s %s: %s is not in its window %s – %s", zone, period, at, start, end)
				}
				if next, _, _ := b.Window(end); !next.Equal(end) {
					t.Fatalf("%s %s: the window after %s begins at %s", zone, period, end, next)
				}
				at = at.Add(time.Hour)
			}
		}
	}
}

func TestBudget_WindowNone(t *testing.T) {
	start, end, err := (&Budget{Period: PeriodNone}).Window(time.Unix(1, 0))
	if err != nil || !start.IsZero() || !end.IsZero() {
		t.Errorf("got %s – %s, %v; want zero times", start, end, err)
	}
	if _, _, err := (&Budget{ID: "bud_1", Period: PeriodDay, Timezone: "Mars/Olympus"}).Window(time.Unix(1, 0)); err == nil {
		t.Error("an unknown zone is no error")
	}
}

func BenchmarkBudget_Window(b *testing.B) {
	budget := &Budget{Period: PeriodMonth, Timezone: "Europe/Berlin"}
	now := time.Date(2026, 5, 11, 12, 0, 0, 0, time.UTC)
	for b.Loop() {
		if _, _, err := budget.Window(now); err != nil {
			b.Fatal(err)
		}
	}
}

func TestBudget_Thresholds(t *testing.T) {
	for _, c := range []struct {
		list []int
		ok   bool
	}{{nil, true}, {DefaultThresholds(), true}, {[]int{1, 1000}, true}, {[]int{0}, false}, {[]int{1001}, false}, {[]int{80, 80}, false},
		{[]int{90, 80}, false}, {[]int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, true}, {[]int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, false}} {
		b := Budget{Period: PeriodDay, Thresholds: c.list}
		if err := AsError(b.Validate()); (err == nil) != c.ok || err != nil && err.Param != "budget.thresholds" {
			t.Errorf("%v: %v", c.list, err)
		}
	}
}

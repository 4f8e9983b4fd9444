package adminapi

import (
	"fmt"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/keys"
)

// TestRefusals: whatever a key that may nothing tries, the log grows by one record
// a minute and action, and counts every attempt.
func TestRefusals(t *testing.T) {
	w := newWorld(t)
	other, _, err := w.keys.Create(t.Context(), keys.Spec{Name: "other", AllModels: true, Secret: "sk-MARK3-other-0123456789"})
	if err != nil {
		t.Fatal(err)
	}
	total := func(actor string) (records int, attempts int64) {
		t.Helper()
		var page struct{ Data []*core.AuditRecord }
		w.want(200, "GET", "/audit?limit=1000&actor_id="+actor, "", &page)
		for _, r := range page.Data {
			if r.Outcome != core.AuditRefused {
				t.Errorf("%+v", r)
			}
			attempts += 1 + r.Repeats
		}
		return len(page.Data), attempts
	}
	for minute := range 3 {
		for n := range 100 {
			w.do(plainSecret, "DELETE", "/keys/"+w.admin.ID, "")
			w.do(plainSecret, "POST", "/keys", fmt.Sprintf(`{"name": "n%d"}`, n))
		}
		w.do("sk-MARK3-other-0123456789", "POST", "/keys", "{}")
		if records, _ := total(w.plain.ID); records != 4*minute+2 {
			t.Errorf("%d records in minute %d", records, minute)
		}
		w.now = w.now.Add(time.Minute + time.Second)
		// What is over is told to whoever looks, and looking twice changes nothing.
		for range 2 {
			if records, attempts := total(w.plain.ID); attempts != 200*int64(minute+1) || records != 4*(minute+1) {
				t.Errorf("minute %d: %d records of %d attempts", minute, records, attempts)
			}
		}
	}
	if records, attempts := total(other.ID); records != 3 || attempts != 3 {
		t.Errorf("another key: %d records, %d attempts", records, attempts)
	}
}

// TestRefusals_Next: what had no record is told by the next that has one.
func TestRefusals_Next(t *testing.T) {
	var f refusals
	at := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	record := func(after time.Duration, code core.Code) *core.AuditRecord {
		return &core.AuditRecord{At: at.Add(after), Action: "key.delete", ErrorCode: code, Actor: core.AuditActor{Kind: core.ActorKey, Named: core.Named{ID: "key_1"}}}
	}
	for _, c := range []struct {
		after   time.Duration
		code    core.Code
		write   bool
		repeats int64
	}{
		{0, core.CodePermissionDenied, true, 0},
		{time.Second, core.CodePermissionDenied, false, 0},
		{time.Second, core.CodeNotFound, true, 0},
		{59 * time.Second, core.CodePermissionDenied, false, 0},
		{time.Minute, core.CodePermissionDenied, true, 2},
		{2 * time.Minute, core.CodePermissionDenied, true, 0},
	} {
		r := record(c.after, c.code)
		if write := f.take(r); write != c.write || r.Repeats != c.repeats {
			t.Errorf("%+v: %v, %d", c, write, r.Repeats)
		}
	}
	for n := range 2 * maxRefusals { // idle kinds go
		r := record(time.Duration(n)*time.Minute, core.CodeNotFound)
		r.Actor.ID = fmt.Sprint(n)
		f.take(r)
	}
	if len(f.seen) > maxRefusals {
		t.Errorf("%d kinds are remembered", len(f.seen))
	}
}

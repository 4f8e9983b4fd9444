package adminapi

import (
	"context"
	"sync"
	"time"

	"github.com/tokligence/gateway/core"
)

// refusals keep somebody with an ordinary key from filling the audit log: of the
// same action by the same caller that he may not do, one a minute has a record.
// The rest is counted in the next record of its kind, or in one of its own as
// soon as somebody looks. A stop of the gateway forgets the count of the last minute.
type refusals struct {
	mu   sync.Mutex
	seen map[refusal]*tally
}

type refusal struct {
	actor, action string
	code          core.Code
}

// tally is what came of one kind since its last record.
type tally struct {
	until time.Time // when the next has a record again
	left  int64     // had none
	last  *core.AuditRecord
}

const (
	// refusalsEvery is how often refusals of one kind are recorded.
	refusalsEvery = time.Minute
	// maxRefusals is how many kinds are remembered before the idle ones go.
	maxRefusals = 4096
)

// take reports whether the record of a refusal is to be written.
func (f *refusals) take(r *core.AuditRecord) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	k := refusal{r.Actor.Kind + " " + r.Actor.ID, r.Action, r.ErrorCode}
	t := f.seen[k]
	if t != nil && r.At.Before(t.until) {
		t.left++
		t.last = r
		return false
	}
	if t != nil {
		r.Repeats = t.left
	}
	if f.seen == nil {
		f.seen = map[refusal]*tally{}
	}
	if len(f.seen) >= maxRefusals {
		for k, t := range f.seen {
			if t.left == 0 && !r.At.Before(t.until) {
				delete(f.seen, k)
			}
		}
	}
	f.seen[k] = &tally{until: r.At.Add(refusalsEvery)}
	return true
}

// due takes the records that tell of what had none, for the minutes that are over.
func (f *refusals) due(now time.Time) (records []*core.AuditRecord) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for k, t := range f.seen {
		if now.Before(t.until) {
			continue
		}
		if t.left > 0 {
			t.last.Repeats = t.left - 1
			records = append(records, t.last)
		}
		delete(f.seen, k)
	}
	return records
}

// recordDue writes what is due. What cannot be written is told to the operator.
func (a *api) recordDue(ctx context.Context, now time.Time) {
	for _, r := range a.refusals.due(now) {
		if err := a.Store.AppendAudit(ctx, r); err != nil {
			a.Log.Error("refused attempts could not be recorded in the audit log", "action", r.Action, "actor", r.Actor.ID, "count", r.Repeats+1, "error", err)
		}
	}
}

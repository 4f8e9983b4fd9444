package events

import (
	"context"
	"strconv"
	"time"

	"github.com/tokligence/gateway/core"
)

// endings remembers up to when the ends of keys were looked for. A restart looks
// again, and what was told is not stored twice.
type endings struct{ seen, next time.Time }

const day = 24 * time.Hour

// marks are when the end of a key is told: before it, and then.
var marks = []struct {
	days int
	// back is how far the first look goes: to the next mark, where it would be
	// told that there is more time than there is.
	back time.Duration
}{{7, 6 * day}, {1, day}, {0, 7 * day}}

// tellEndings stores events of the keys that passed a mark since the last look.
func (s *Service) tellEndings(ctx context.Context) error {
	now := s.Now()
	if now.Before(s.ends.next) {
		return nil
	}
	for _, m := range marks {
		from := s.ends.seen
		if from.IsZero() {
			from = now.Add(-m.back)
		}
		lead := time.Duration(m.days) * day
		if err := s.tellEndingsIn(ctx, m.days, from.Add(lead), now.Add(lead)); err != nil {
			return err
		}
	}
	from := s.ends.seen
	if from.IsZero() {
		from = now.Add(-7 * day)
	}
	if err := s.eachBetween(ctx, s.Store.ListDueKeys, from, now, func(k *core.VirtualKey) *core.Event {
		return core.KeyEvent(core.EventKeyRotationDue, k, now).OncePer(k.ID, strconv.FormatInt(k.RotationDue().Unix(), 10))
	}); err != nil {
		return err
	}
	s.ends.seen, s.ends.next = now, now.Add(time.Minute)
	return nil
}

// tellEndingsIn tells of the keys that end in (after, until].
func (s *Service) tellEndingsIn(ctx context.Context, days int, after, until time.Time) error {
	return s.eachBetween(ctx, s.Store.ListEndingKeys, after, until, func(k *core.VirtualKey) *core.Event { return s.ending(k, days) })
}

// eachBetween stores an event of each key of a list, unless it is nil.
func (s *Service) eachBetween(ctx context.Context, list func(ctx context.Context, after, until time.Time, cursor string, limit int) ([]*core.VirtualKey, error),
	after, until time.Time, of func(k *core.VirtualKey) *core.Event) error {
	const batch = 500
	for cursor := ""; ; {
		keys, err := list(ctx, after, until, cursor, batch)
		if err != nil {
			return err
		}
		var events []*core.Event
		for _, k := range keys {
			cursor = k.ID
			if e := of(k); e != nil {
				events = append(events, e)
			}
		}
		if err := s.add(ctx, events); err != nil || len(keys) < batch {
			return err
		}
	}
}

// ending is nil where nobody needs to be told: a key that was made for an hour
// does not come to its end surprisingly.
func (s *Service) ending(k *core.VirtualKey, days int) *core.Event {
	t := core.EventKeyExpired
	if days > 0 {
		t = core.EventKeyExpiring
		if k.ExpiresAt.Add(-time.Duration(days) * day).Before(k.CreatedAt) {
			return nil
		}
	}
	e := core.KeyEvent(t, k, s.Now(), func(d *core.KeyEventData) { d.Days = days })
	return e.OncePer(k.ID, strconv.FormatInt(k.ExpiresAt.Unix(), 10), strconv.Itoa(days))
}

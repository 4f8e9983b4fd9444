// Package events tells others what happened: it makes deliveries of the events
// in the store, posts them to webhooks by the scheme of Standard Webhooks, sends
// mail, and takes the events of the request path without keeping anybody waiting.
package events

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/reach"
	"github.com/tokligence/gateway/core/upstream"
)

// Store is what the service needs of the database.
type Store interface {
	core.EventStore
	core.WebhookStore
	core.DeliveryStore
	core.KeyStore
	core.OrganizationStore
	core.TeamStore
	core.ProjectStore
	core.UserStore
	core.MembershipStore
	core.ProjectStore
}

// MailServer takes one mail over for good. The id is the same whenever the same
// mail is tried again. Errors are *[core.MailError].
type MailServer interface {
	Deliver(ctx context.Context, id string, m *core.Mail) error
}

// Options of New.
type Options struct {
	Store  Store
	Client upstream.Client
	Sealer core.Sealer
	Mail   MailServer // nil: no mail is sent
	// Alerts are the types of events that are mailed to the people concerned, and
	// to AlertsTo in any case.
	Alerts   []core.EventType
	AlertsTo []string
	// Reach is what the operator permits of private addresses, as Client has it.
	Reach *reach.Policy
	// Poll is called at each step, for what is found out by looking. Nil: nothing is.
	Poll      func(now time.Time)
	Retention time.Duration    // how long events and deliveries are kept; default 30 days
	Now       func() time.Time // default time.Now
	Jitter    func() float64   // in [0, 1); default random
	Log       *slog.Logger     // default: nowhere
}

// Service is safe for concurrent use.
type Service struct {
	Options
	queue queue
	ends  endings

	mu      sync.Mutex
	running map[string]int // attempts under way, by webhook; "" is mails
	total   int
	cleanAt time.Time // when old events are next deleted

	attempts  sync.WaitGroup
	stopping  context.Context // ends when attempts must not go on
	cut       context.CancelFunc
	wake      chan struct{} // one token: there is work
	delivered atomic.Int64
	failed    atomic.Int64
}

// New makes a service; Run runs it.
func New(o Options) *Service {
	if o.Retention <= 0 {
		o.Retention = 30 * 24 * time.Hour
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Jitter == nil {
		o.Jitter = rand.Float64
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Service{Options: o, running: map[string]int{}, wake: make(chan struct{}, 1)}
	s.stopping, s.cut = context.WithCancel(context.Background())
	return s
}

const (
	maxAttempts   = 16          // under way at a time
	maxPerWebhook = 4           // of them to one webhook: a slow one holds up no other
	lease         = time.Minute // after which an attempt is given up: well above timeout
	timeout       = 15 * time.Second
	tick          = time.Second
)

// Run works until ctx ends; Close waits for it.
func (s *Service) Run(ctx context.Context) {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		if err := s.Step(ctx); err != nil && ctx.Err() == nil {
			s.Log.Error("events are held up", "error", err)
		}
		select {
		case <-ticker.C:
		case <-s.wake:
		case <-ctx.Done():
			return
		}
	}
}

// Wake has a running service look for work at once.
func (s *Service) Wake() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Close stores what the request path has told and waits for the attempts under
// way; when ctx ends first it cuts them, and they are made again after the next
// start. It is called after Run has ended.
func (s *Service) Close(ctx context.Context) error {
	err := s.store(ctx)
	ended := make(chan struct{})
	go func() { s.attempts.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-ctx.Done():
		s.cut()
		<-ended
	}
	s.cut()
	if err != nil {
		return fmt.Errorf("store the last events: %w", err)
	}
	return nil
}

// Step does all that is to do now. It begins attempts and does not wait for them.
func (s *Service) Step(ctx context.Context) error {
	if s.Poll != nil {
		s.Poll(s.Now())
	}
	if err := s.store(ctx); err != nil {
		return err
	}
	if err := s.tellEndings(ctx); err != nil {
		return err
	}
	if err := s.spread(ctx); err != nil {
		return err
	}
	if err := s.begin(ctx); err != nil {
		return err
	}
	return s.clean(ctx)
}

// Wait returns when no attempt is under way.
func (s *Service) Wait() { s.attempts.Wait() }

// clean deletes a batch of what is too old, once a minute, or at each step while
// there is more.
func (s *Service) clean(ctx context.Context) error {
	now := s.Now()
	if now.Before(s.cleanAt) {
		return nil
	}
	const batch = 500
	n, err := s.Store.DeleteOldEvents(ctx, now.Add(-s.Retention), batch)
	if err != nil {
		return err
	}
	if n < batch {
		s.cleanAt = now.Add(time.Minute)
	}
	return nil
}

// Stats tell how deliveries fare.
type Stats struct {
	core.DeliveryStats
	Delivered, Failed int64 // since the start: deliveries that ended
	Dropped           int64 // events of the request path that found no room
}

// Stats reads the figures.
func (s *Service) Stats(ctx context.Context) (Stats, error) {
	d, err := s.Store.CountDeliveries(ctx)
	return Stats{DeliveryStats: d, Delivered: s.delivered.Load(), Failed: s.failed.Load(), Dropped: s.queue.dropped.Load()}, err
}

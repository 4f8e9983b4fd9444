package events

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tokligence/gateway/core"
)

const (
	maxWaiting = 1024        // events of the request path that are not stored yet
	steady     = time.Minute // at most one change of a deployment is told in that time
)

// queue holds what the request path has told until the service stores it. What
// is told twice is held once, and nobody waits: for the little that is told at
// all, a lock and an entry in a map.
type queue struct {
	mu          sync.Mutex
	waiting     map[string]notice
	deployments map[string]*deployment
	dropped     atomic.Int64

	prices sync.Map // priced → the day on which it was told, counted from 1970
}

// notice becomes an event when it is stored.
type notice struct {
	at   time.Time
	make func(ctx context.Context, at time.Time) (*core.Event, error)
}

// tell holds a notice until it is stored. It is false when there is no room.
func (s *Service) tell(once string, n notice) bool {
	q := &s.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	if _, there := q.waiting[once]; there {
		return true
	}
	if len(q.waiting) >= maxWaiting {
		q.dropped.Add(1)
		return false
	}
	if q.waiting == nil {
		q.waiting = map[string]notice{}
	}
	q.waiting[once] = n
	s.Wake()
	return true
}

// store makes events of what waits and stores them. What cannot be stored waits on.
func (s *Service) store(ctx context.Context) error {
	q := &s.queue
	q.mu.Lock()
	waiting := q.waiting
	q.waiting = nil
	q.mu.Unlock()
	var events []*core.Event
	var err error
	for once, n := range waiting {
		e, failed := n.make(ctx, n.at)
		if failed != nil {
			err = failed
			break
		}
		e.Once = once
		events = append(events, e)
	}
	if err == nil {
		err = s.add(ctx, events)
	}
	if err == nil {
		return s.storeDeployments(ctx)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.waiting == nil {
		q.waiting = map[string]notice{}
	}
	for once, n := range waiting {
		q.waiting[once] = n
	}
	return err
}

func (s *Service) add(ctx context.Context, events []*core.Event) error {
	if len(events) == 0 {
		return nil
	}
	_, err := s.Store.AddEvents(ctx, events)
	return err
}

// Budget tells of a budget, once for its amount, its period and the percentage.
// It never waits, and is false when there is no room: it is to be told again then.
func (s *Service) Budget(n core.BudgetNotice) bool {
	b := *n.Budget
	t := core.EventBudgetThreshold
	if n.Percent == 0 {
		t = core.EventBudgetExceeded
	}
	start := int64(0)
	if !n.Start.IsZero() {
		start = n.Start.Unix()
	}
	// Not the id: it changes with every change of the budget.
	once := strings.Join([]string{string(t), string(b.Scope), b.SubjectID, b.Amount.String(), string(b.Period), strconv.FormatInt(start, 10), strconv.Itoa(n.Percent)}, "/")
	return s.tell(once, notice{n.At, func(ctx context.Context, at time.Time) (*core.Event, error) {
		d := core.BudgetEventData{BudgetID: b.ID, Scope: b.Scope, SubjectID: b.SubjectID, Amount: b.Amount, Spent: n.Spent, Reserved: n.Reserved, Percent: n.Percent, Period: b.Period}
		if !n.End.IsZero() {
			d.ResetsAt = &n.End
		}
		whose, err := s.whose(ctx, b.Scope, b.SubjectID)
		if err != nil {
			return nil, err
		}
		d.Subject = whose.name
		e := core.NewEvent(t, at, d)
		e.OrganizationID, e.TeamID, e.UserID, e.KeyID = whose.organization, whose.team, whose.user, whose.key
		return e, nil
	}})
}

// priced is what has no price.
type priced struct{ deployment, model string }

// PriceMissing tells that an exchange could not be priced, once a day for each
// model of a deployment. It costs a look into a map.
func (s *Service) PriceMissing(deployment, provider, model string, at time.Time) {
	day := at.Unix() / 86400
	p := priced{deployment, model}
	if told, ok := s.queue.prices.Load(p); ok && told.(int64) == day {
		return
	}
	told := s.tell(string(core.EventPriceMissing)+"/"+deployment+"/"+model+"/"+strconv.FormatInt(day, 10), notice{at, func(_ context.Context, at time.Time) (*core.Event, error) {
		return core.NewEvent(core.EventPriceMissing, at, core.PriceEventData{Deployment: deployment, Provider: provider, Model: model}), nil
	}})
	if told {
		s.queue.prices.Store(p, day)
	}
}

// PluginFailed tells that a plugin is left alone for a while, once an hour.
func (s *Service) PluginFailed(id, fault string, at time.Time) {
	s.tell(string(core.EventPluginFailed)+"/"+id+"/"+strconv.FormatInt(at.Unix()/3600, 10), notice{at, func(_ context.Context, at time.Time) (*core.Event, error) {
		return core.NewEvent(core.EventPluginFailed, at, core.PluginEventData{Plugin: id, Error: fault}), nil
	}})
}

// ConfigFailed tells that the configuration on disk, or another node's, could not
// be put in force for so many problems; the same once a minute.
func (s *Service) ConfigFailed(problems int, at time.Time) {
	s.tell(string(core.EventConfigFailed)+"/"+strconv.Itoa(problems)+"/"+strconv.FormatInt(at.Unix()/60, 10), notice{at, func(_ context.Context, at time.Time) (*core.Event, error) {
		return core.NewEvent(core.EventConfigFailed, at, core.ConfigEventData{Problems: problems}), nil
	}})
}

// deployment is how a deployment is, and how it was told to be.
type deployment struct {
	data    core.DeploymentEventData
	at      time.Time // of the last change
	cooling bool
	told    bool // that it is cooling
	toldAt  time.Time
}

// Deployment tells that a deployment cools down until then, or, with the zero
// time, that it has recovered. One that changes all the time is told of once a
// minute, as it is then.
func (s *Service) Deployment(name string, until time.Time, code core.Code, at time.Time) {
	q := &s.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.deployments == nil {
		q.deployments = map[string]*deployment{}
	}
	d := q.deployments[name]
	if d == nil {
		d = &deployment{}
		q.deployments[name] = d
	}
	d.at, d.cooling = at, !until.IsZero()
	d.data = core.DeploymentEventData{Deployment: name}
	if d.cooling {
		until = until.UTC()
		d.data.CoolingUntil, d.data.Error = &until, string(code)
	}
	s.Wake()
}

// storeDeployments tells of those that are not as they were told to be.
func (s *Service) storeDeployments(ctx context.Context) error {
	q, now := &s.queue, s.Now()
	var events []*core.Event
	q.mu.Lock()
	was := map[*deployment]deployment{}
	for _, d := range q.deployments {
		if d.cooling == d.told || now.Sub(d.toldAt) < steady {
			continue
		}
		was[d] = *d
		t := core.EventDeploymentRecovered
		if d.cooling {
			t = core.EventDeploymentCooling
		}
		d.told, d.toldAt = d.cooling, now
		events = append(events, core.NewEvent(t, d.at, d.data))
	}
	q.mu.Unlock()
	err := s.add(ctx, events)
	if err != nil {
		q.mu.Lock()
		for d, old := range was {
			d.told, d.toldAt = old.told, old.toldAt
		}
		q.mu.Unlock()
	}
	return err
}

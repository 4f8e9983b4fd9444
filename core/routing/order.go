package routing

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/pdk/abi"
)

// Candidate is a deployment that may serve an alias.
type Candidate struct {
	Deployment *core.Deployment
	State      *State
	Price      *core.Price // nil when unknown
}

// Strategy ranks; *plugin.Strategy fulfils it.
type Strategy interface {
	Rank(ctx context.Context, r *abi.RankRequest) (*abi.RankReply, error)
}

// Route orders the candidates of one alias. Safe for concurrent use.
type Route struct {
	Alias      string
	Candidates []Candidate
	Strategy   Strategy // asked only where there is a choice; nil orders by weight

	standing atomic.Pointer[standing]
}

// standing is a strategy's answer that holds for a while.
type standing struct {
	until  time.Time
	usable []int // the candidates it was given
	order  []int
	shares []float64
	reason string
}

// Order returns indexes into Candidates, best first, and why. Those that cool
// down come last, soonest recovered first: a lone deployment is still tried,
// and nobody is told that a model does not exist because it is unwell.
// usable narrows the candidates (nil: all).
func (r *Route) Order(ctx context.Context, now time.Time, f abi.Facts, usable func(i int) bool) (order []int, reason string) {
	var healthy, cooling []int
	for i := range r.Candidates {
		switch {
		case usable != nil && !usable(i):
		case r.cooling(i, now):
			cooling = append(cooling, i)
		default:
			healthy = append(healthy, i)
		}
	}
	slices.SortStableFunc(cooling, func(a, b int) int {
		return r.coolingUntil(a, now).Compare(r.coolingUntil(b, now))
	})
	if len(healthy) < 2 {
		return append(healthy, cooling...), "only choice"
	}
	order, reason = r.rank(ctx, now, f, healthy)
	return append(order, cooling...), reason
}

func (r *Route) coolingUntil(i int, now time.Time) time.Time {
	s := r.Candidates[i].State
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.until
}

func (r *Route) cooling(i int, now time.Time) bool { return r.coolingUntil(i, now).After(now) }

func (r *Route) rank(ctx context.Context, now time.Time, f abi.Facts, healthy []int) ([]int, string) {
	if s := r.standing.Load(); s != nil && now.Before(s.until) && slices.Equal(s.usable, healthy) {
		return s.draw(rand.Float64()), s.reason
	}
	if r.Strategy == nil {
		return r.byWeight(healthy), "weighted"
	}
	reply, err := r.Strategy.Rank(ctx, r.request(now, f, healthy))
	if err != nil {
		// A strategy's failure costs its opinion, not the request.
		return r.byWeight(healthy), fmt.Sprintf("weighted, since the strategy failed: %s", core.AsError(err).Code)
	}
	s := &standing{usable: healthy, reason: reply.Reason, until: now.Add(time.Duration(reply.TTLMS) * time.Millisecond)}
	for _, i := range reply.Order {
		s.order = append(s.order, healthy[i])
	}
	if reply.TTLMS > 0 && len(reply.Shares) == len(healthy) {
		s.shares = reply.Shares
		r.standing.Store(s)
	}
	return slices.Clone(s.order), s.reason
}

// draw picks the first by the shares; the rest keep the strategy's order.
func (s *standing) draw(u float64) []int {
	var sum float64
	for _, w := range s.shares {
		sum += w
	}
	first := -1
	for i, w := range s.shares {
		if u -= w / sum; w > 0 && u < 0 {
			first = s.usable[i]
			break
		}
	}
	order := make([]int, 0, len(s.order))
	if first >= 0 {
		order = append(order, first)
	}
	for _, i := range s.order {
		if i != first {
			order = append(order, i)
		}
	}
	return order
}

// byWeight is a weighted shuffle within ascending priority.
func (r *Route) byWeight(healthy []int) []int {
	order := slices.Clone(healthy)
	key := make(map[int]float64, len(order))
	for _, i := range order {
		// The largest of u^(1/w) wins: drawing without replacement in one sort.
		w := r.Candidates[i].Deployment.Weight
		key[i] = -rand.ExpFloat64() / max(w, 1e-9)
	}
	slices.SortStableFunc(order, func(a, b int) int {
		pa, pb := r.Candidates[a].Deployment.Priority, r.Candidates[b].Deployment.Priority
		if pa != pb {
			return pa - pb
		}
		if key[a] > key[b] {
			return -1
		}
		return 1
	})
	return order
}

func (r *Route) request(now time.Time, f abi.Facts, healthy []int) *abi.RankRequest {
	req := &abi.RankRequest{Route: r.Alias, Facts: f, Seed: rand.Uint64(), Candidates: make([]abi.Candidate, len(healthy))}
	for n, i := range healthy {
		c := &r.Candidates[i]
		d, h := c.Deployment, c.State.Health(now)
		a := abi.Candidate{Deployment: d.Name, Weight: d.Weight, Priority: d.Priority, InFlight: h.InFlight,
			LatencyMS: h.LatencyMS, TTFTMS: h.FirstByteMS, ErrorShare: h.ErrorShare, RPM: h.Requests, TPM: h.Tokens,
			RPMLimit: d.Limits.RPM, TPMLimit: d.Limits.TPM, Tags: d.Tags}
		if p := c.Price; p != nil {
			if p.Rates.Input != nil {
				a.InputRate = int64(*p.Rates.Input)
			}
			if p.Rates.Output != nil {
				a.OutputRate = int64(*p.Rates.Output)
			}
		}
		req.Candidates[n] = a
	}
	return req
}

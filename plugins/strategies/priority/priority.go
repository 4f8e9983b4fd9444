package main

import (
	"math/rand/v2"
	"slices"

	"github.com/tokligence/gateway/pdk/abi"
	pdk "github.com/tokligence/gateway/pdk/go"
)

// New makes the plugin.
func New() *pdk.Strategy {
	return &pdk.Strategy{
		Manifest: abi.Manifest{
			ID: "strategy.priority", Name: "Priority", Version: "1.0.0", Kind: abi.KindStrategy, ABI: abi.Version,
			Description: "Tries deployments by priority, lowest first; those of equal priority share by weight.", License: "Apache-2.0", Stability: "stable",
		},
		Rank: rank,
	}
}

// standsFor is how long the order holds: it depends on settings alone.
const standsFor = 60_000 // ms

// rank orders by priority and draws by weight among equals. Only those of the
// best priority have a share of being first.
func rank(r *abi.RankRequest) (*abi.RankReply, error) {
	random := rand.New(rand.NewPCG(r.Seed, 0))
	n := len(r.Candidates)
	if n == 0 {
		return nil, &abi.Error{Code: abi.PluginFailed, Message: "there are no candidates"}
	}
	reply := &abi.RankReply{Order: make([]int, n), Reason: "by priority", TTLMS: standsFor, Shares: make([]float64, n)}
	key := make([]float64, n)
	best := r.Candidates[0].Priority
	for i, c := range r.Candidates {
		reply.Order[i] = i
		key[i] = random.ExpFloat64() / max(c.Weight, 1e-9)
		best = min(best, c.Priority)
	}
	for i, c := range r.Candidates {
		if c.Priority == best {
			reply.Shares[i] = max(c.Weight, 1e-9)
		}
	}
	slices.SortStableFunc(reply.Order, func(a, b int) int {
		if d := r.Candidates[a].Priority - r.Candidates[b].Priority; d != 0 {
			return d
		}
		if key[a] < key[b] {
			return -1
		}
		return 1
	})
	return reply, nil
}

package main

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/tokligence/gateway/pdk/abi"
	pdk "github.com/tokligence/gateway/pdk/go"
)

// standsFor is how long the shares hold: they depend on weights alone, and core
// asks again by itself when a candidate falls ill or recovers.
const standsFor = 60_000 // ms

// New makes the plugin.
func New() *pdk.Strategy {
	return &pdk.Strategy{
		Manifest: abi.Manifest{
			ID: "strategy.weighted", Name: "Weighted", Version: "1.0.0", Kind: abi.KindStrategy, ABI: abi.Version,
			Description: "Draws deployments in proportion to their weights.", License: "Apache-2.0", Stability: "stable",
		},
		Rank: rank,
	}
}

// rank draws an order without replacement, each place in proportion to the
// weights of those that are left. A weight of zero comes last: it serves only
// when nothing else does.
func rank(r *abi.RankRequest) (*abi.RankReply, error) {
	random := rand.New(rand.NewPCG(r.Seed, 0))
	n := len(r.Candidates)
	reply := &abi.RankReply{Order: make([]int, n), Reason: "by weight", TTLMS: standsFor, Shares: make([]float64, n)}
	key := make([]float64, n)
	var sum float64
	for i, c := range r.Candidates {
		reply.Order[i], reply.Shares[i] = i, c.Weight
		sum += c.Weight
		// Sorting by an exponential of rate w is a draw in proportion to w.
		key[i] = math.Inf(1)
		if c.Weight > 0 {
			key[i] = random.ExpFloat64() / c.Weight
		}
	}
	if sum == 0 { // nobody is preferred: all alike
		for i := range key {
			key[i], reply.Shares[i] = random.Float64(), 1
		}
	}
	slices.SortStableFunc(reply.Order, func(a, b int) int {
		switch {
		case key[a] < key[b]:
			return -1
		case key[a] > key[b]:
			return 1
		}
		return 0
	})
	return reply, nil
}

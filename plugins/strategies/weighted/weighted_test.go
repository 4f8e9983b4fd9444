package main

import (
	"math"
	"slices"
	"testing"

	"github.com/tokligence/gateway/pdk/abi"
)

func TestRank(t *testing.T) {
	for _, c := range []struct {
		name    string
		weights []float64
		first   []float64 // share of being first
		last    int       // always last, -1 for anyone
	}{
		{"in proportion", []float64{3, 1}, []float64{0.75, 0.25}, -1},
		{"zero only when nothing else is left", []float64{1, 0, 1}, []float64{0.5, 0, 0.5}, 1},
		{"all zero are alike", []float64{0, 0}, []float64{0.5, 0.5}, -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := abi.RankRequest{Candidates: make([]abi.Candidate, len(c.weights))}
			for i, w := range c.weights {
				r.Candidates[i].Weight = w
			}
			const rounds = 20000
			first := make([]float64, len(c.weights))
			for seed := range uint64(rounds) {
				r.Seed = seed
				reply, err := rank(&r)
				if err != nil {
					t.Fatal(err)
				}
				if again, _ := rank(&r); !slices.Equal(reply.Order, again.Order) {
					t.Fatal("the same seed gave another order")
				}
				first[reply.Order[0]] += 1.0 / rounds
				if c.last >= 0 && reply.Order[len(reply.Order)-1] != c.last {
					t.Fatalf("order %v", reply.Order)
				}
			}
			for i, want := range c.first {
				if math.Abs(first[i]-want) > 0.02 {
					t.Errorf("candidate %d was first in %.3f of the draws, want %.2f", i, first[i], want)
				}
			}
		})
	}
}

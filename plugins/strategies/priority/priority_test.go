package main

import (
	"slices"
	"testing"

	"github.com/tokligence/gateway/pdk/abi"
)

func TestRank(t *testing.T) {
	for _, c := range []struct {
		name       string
		priorities []int
		orders     [][]int // all that may come, each at least once
		mayBeFirst []bool
	}{
		{"lowest first", []int{3, 1, 2}, [][]int{{1, 2, 0}}, []bool{false, true, false}},
		{"equals share", []int{1, 2, 1}, [][]int{{0, 2, 1}, {2, 0, 1}}, []bool{true, false, true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := abi.RankRequest{Candidates: make([]abi.Candidate, len(c.priorities))}
			for i, p := range c.priorities {
				r.Candidates[i] = abi.Candidate{Priority: p, Weight: 1}
			}
			seen := make([]int, len(c.orders))
			for seed := range uint64(200) {
				r.Seed = seed
				reply, err := rank(&r)
				if err != nil {
					t.Fatal(err)
				}
				at := slices.IndexFunc(c.orders, func(o []int) bool { return slices.Equal(o, reply.Order) })
				if at < 0 {
					t.Fatalf("order %v", reply.Order)
				}
				seen[at]++
				for i, may := range c.mayBeFirst {
					if (reply.Shares[i] > 0) != may {
						t.Fatalf("shares %v", reply.Shares)
					}
				}
			}
			if slices.Contains(seen, 0) {
				t.Errorf("some order never came: %v", seen)
			}
		})
	}
}

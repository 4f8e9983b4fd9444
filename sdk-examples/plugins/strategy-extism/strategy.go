// Strategy-extism is a strategy as an Extism guest: it keeps requests of one
// kind on one deployment for as long as that one has room, so that the vendor's
// prompt cache stays warm, and spreads the rest.
package main

import (
	"cmp"
	"encoding/json"
	"slices"

	"github.com/tokligence/gateway/pdk/abi"
)

// config is the plugin's configuration.
type config struct {
	// Headroom is the share of a deployment's limits that stays free for others.
	Headroom float64 `json:"headroom"`
}

// configured is kept for the life of the instance. It is the only thing that is.
var configured = config{Headroom: 0.2}

func main() {}

// describe answers the manifest.
func describe([]byte) (any, error) {
	return abi.Manifest{
		ID:          "strategy.sticky-until-full",
		Name:        "Sticky until full",
		Version:     "1.0.0",
		Kind:        abi.KindStrategy,
		ABI:         abi.Version,
		Description: "Fills the first deployment up to its limits before it uses the next.",
		License:     "Apache-2.0",
		Stability:   "experimental",
		Functions:   []abi.Function{abi.Describe, abi.Configure, abi.Rank},
		Config: abi.Raw(`{
			"$schema": "https://json-schema.org/draft/2020-12/schema",
			"type": "object",
			"additionalProperties": false,
			"properties": {
				"headroom": {
					"type": "number", "minimum": 0, "exclusiveMaximum": 1, "default": 0.2,
					"description": "share of each limit that stays free"
				}
			}
		}`),
	}, nil
}

// configure keeps the configuration.
func configure(input []byte) (any, error) {
	var request abi.ConfigureRequest
	if err := json.Unmarshal(input, &request); err != nil {
		return nil, err
	}
	c := config{Headroom: 0.2}
	if err := json.Unmarshal(request.Config, &c); err != nil {
		return nil, err
	}
	if c.Headroom < 0 || c.Headroom >= 1 {
		return abi.ConfigureReply{Problems: []abi.Problem{{Path: "headroom", Message: "must be at least 0 and below 1"}}}, nil
	}
	configured = c
	return abi.ConfigureReply{}, nil
}

// rank puts deployments with room first, in the order of priority, then name,
// so that all instances agree; full ones follow, the emptiest first.
func rank(input []byte) (any, error) {
	var request abi.RankRequest
	if err := json.Unmarshal(input, &request); err != nil {
		return nil, err
	}
	if len(request.Candidates) == 0 {
		return nil, &abi.Error{Code: abi.InvalidRequest, Message: "no candidates", Param: "candidates"}
	}
	order := make([]int, len(request.Candidates))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		a, b := &request.Candidates[i], &request.Candidates[j]
		loadA, loadB := load(a), load(b)
		fullA, fullB := loadA > 1-configured.Headroom, loadB > 1-configured.Headroom
		switch {
		case fullA != fullB:
			if fullA {
				return 1
			}
			return -1
		case fullA:
			return cmp.Compare(loadA, loadB)
		}
		return cmp.Or(cmp.Compare(a.Priority, b.Priority), cmp.Compare(a.Deployment, b.Deployment))
	})
	reason := "first with room"
	if load(&request.Candidates[order[0]]) > 1-configured.Headroom {
		reason = "all are full; the emptiest"
	}
	return abi.RankReply{Order: order, Reason: reason}, nil
}

// load is the used share of the tightest limit; 0 when there is none.
func load(c *abi.Candidate) float64 {
	var used float64
	if c.RPMLimit > 0 {
		used = float64(c.RPM) / float64(c.RPMLimit)
	}
	if c.TPMLimit > 0 {
		used = max(used, float64(c.TPM)/float64(c.TPMLimit))
	}
	return used
}

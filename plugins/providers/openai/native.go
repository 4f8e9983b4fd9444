package main

import (
	"cmp"
	"slices"
	"strings"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// native are the vendor's own paths, as its base URL and the profile's endpoints
// have them: what the gateway serves under its own, for clients that are pointed at
// /{provider}. Parameters that the deployment sets may be given. Where the answer is
// made OpenAI's, the vendor's own client could not read it.
func native(profile []byte) *abi.NativePlan {
	var query []string
	scan.Members(scan.Get(profile, "query"), func(key, _ []byte) bool {
		query = append(query, string(key))
		return true
	})
	plan := &abi.NativePlan{}
	for _, endpoint := range abi.Endpoints {
		e := scan.Get(profile, "endpoints", string(endpoint))
		own, said := scan.Bool(scan.Get(e, "native"))
		if own = (own || !said) && scan.Get(e, "translate") == nil; !own {
			continue
		}
		asked := query
		if endpoint == abi.Messages { // Anthropic's clients say so of what is in beta
			asked = append(slices.Clip(query), "beta")
		}
		for _, path := range append([]string{scan.GetString(e, "path")}, texts(scan.Get(e, "aliases"))...) {
			if strings.HasPrefix(path, "/") && !strings.Contains(path, "?") {
				plan.Routes = append(plan.Routes, abi.NativeRoute{Path: basePath(profile) + path, Endpoint: endpoint, Query: asked})
			}
		}
	}
	return plan
}

// basePath is that of the vendor's base URL; /v1 for a server of one's own.
func basePath(profile []byte) string {
	_, address, _ := strings.Cut(cmp.Or(scan.GetString(profile, "base_url"), "http://own/v1"), "://")
	_, path, ok := strings.Cut(strings.TrimRight(address, "/"), "/")
	if !ok || strings.ContainsAny(path, "{}?#") {
		return ""
	}
	return "/" + path
}

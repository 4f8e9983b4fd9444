package keys

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/pdk/abi"
)

// maxRanges bounds what a request with the key has to be compared with.
const maxRanges = 256

// checkPlaces refuses lists that would make a key useless, or hold what no
// request can match; nil is no restriction.
func checkPlaces(ranges []netip.Prefix, allowed []string) error {
	const empty = "must not be empty: it would allow nothing; leave it out, or give null, for no restriction"
	switch {
	case ranges != nil && len(ranges) == 0:
		return core.Invalid("ip_ranges", empty)
	case len(ranges) > maxRanges:
		return core.Invalid("ip_ranges", "must not have more than %d entries", maxRanges)
	case allowed != nil && len(allowed) == 0:
		return core.Invalid("endpoints", empty)
	}
	for i, word := range allowed {
		at := "endpoints[" + strconv.Itoa(i) + "]"
		if !slices.Contains(abi.Endpoints[:], abi.Endpoint(word)) {
			return core.Invalid(at, "%q is not one of %s", word, knownEndpoints())
		}
		if slices.Contains(allowed[:i], word) {
			return core.Invalid(at, "%q is in the list twice", word)
		}
	}
	return nil
}

func knownEndpoints() string {
	var words []string
	for _, e := range abi.Endpoints {
		words = append(words, string(e))
	}
	return strings.Join(words, ", ")
}

package keys

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/pdk/abi"
)

// endpoints are the words that a key's Endpoints may have.
var endpoints = [...]abi.Endpoint{abi.Chat, abi.Messages, abi.CountTokens, abi.Embeddings, abi.Images}

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
		if !isEndpoint(word) {
			return core.Invalid("endpoints["+strconv.Itoa(i)+"]", "%q is not one of %s", word, endpointWords())
		}
	}
	return nil
}

func isEndpoint(word string) bool {
	for _, e := range endpoints {
		if string(e) == word {
			return true
		}
	}
	return false
}

func endpointWords() string {
	words := make([]string, len(endpoints))
	for i, e := range endpoints {
		words[i] = string(e)
	}
	return strings.Join(words, ", ")
}

package main

import (
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// usagePaths are for the endpoints that pass through. input_tokens is already
// without the cached parts, cache_creation_input_tokens holds both writes.
func usagePaths() abi.UsagePaths {
	both := func(path string) []string { return []string{"message.usage." + path, "usage." + path} }
	return abi.UsagePaths{
		Input:                both("input_tokens"),
		CacheRead:            both("cache_read_input_tokens"),
		CacheWrite5m:         both("cache_creation_input_tokens"),
		CacheWrite1h:         both("cache_creation.ephemeral_1h_input_tokens"),
		CacheWrite5mIncludes: []string{"cache_write_1h"},
		Output:               both("output_tokens"),
		Reasoning:            both("output_tokens_details.thinking_tokens"),
		Searches:             both("server_tool_use.web_search_requests"),
		Model:                []string{"message.model", "model"},
	}
}

// readUsage reads a usage object. hour is the count of 1 h cache writes known so
// far: message_delta repeats the sum of both writes without the split. It
// returns the count known now. Nil when raw is no object.
func readUsage(raw []byte, hour int64) (*abi.Usage, int64) {
	if scan.Kind(raw) != '{' {
		return nil, hour
	}
	u := &abi.Usage{}
	written := int64(-1)
	scan.Members(raw, func(key, value []byte) bool {
		switch string(key) {
		case "input_tokens":
			u.Input = count(value)
		case "output_tokens":
			u.Output = count(value)
		case "cache_read_input_tokens":
			u.CacheRead = count(value)
		case "cache_creation_input_tokens":
			if n, ok := scan.Int(value); ok {
				written = n
			}
		case "cache_creation":
			if n, ok := scan.GetInt(value, "ephemeral_1h_input_tokens"); ok {
				hour = n
			}
		case "output_tokens_details":
			u.Reasoning = count(scan.Get(value, "thinking_tokens"))
		case "server_tool_use":
			u.Searches = count(scan.Get(value, "web_search_requests"))
		}
		return true
	})
	if written >= 0 {
		hour = min(hour, written)
		short, long := written-hour, hour
		u.CacheWrite5m = &short
		if long > 0 {
			u.CacheWrite1h = &long
		}
	}
	return u, hour
}

func count(raw []byte) *int64 {
	n, ok := scan.Int(raw)
	if !ok {
		return nil
	}
	return &n
}

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

// readUsage reads what a usage object says into u; what it does not name stays.
// hour is the count of 1 h cache writes known so far: message_delta repeats the
// sum of both writes without the split. It returns the count known now.
func readUsage(u *abi.Usage, raw []byte, hour int64) int64 {
	written := int64(-1)
	scan.Members(raw, func(key, value []byte) bool {
		switch string(key) {
		case "input_tokens":
			count(&u.Input, value)
		case "output_tokens":
			count(&u.Output, value)
		case "cache_read_input_tokens":
			count(&u.CacheRead, value)
		case "cache_creation_input_tokens":
			if n, ok := scan.Int(value); ok {
				written = n
			}
		case "cache_creation":
			if n, ok := scan.GetInt(value, "ephemeral_1h_input_tokens"); ok {
				hour = n
			}
		case "output_tokens_details":
			count(&u.Reasoning, scan.Get(value, "thinking_tokens"))
		case "server_tool_use":
			count(&u.Searches, scan.Get(value, "web_search_requests"))
		}
		return true
	})
	if written >= 0 {
		long := min(hour, written)
		short := written - long
		u.CacheWrite5m = &short
		if long > 0 {
			u.CacheWrite1h = &long
		}
	}
	return hour
}

func count(part **int64, raw []byte) {
	if n, ok := scan.Int(raw); ok {
		*part = &n
	}
}

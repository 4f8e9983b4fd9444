package anthropic

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

// usage is what is counted, with the numbers that it points to.
type usage struct {
	abi.Usage
	numbers [7]int64
}

var usageFields = scan.NewNames("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens",
	"cache_creation", "output_tokens_details", "server_tool_use")

// read takes what a usage object says; what it does not name stays. hour is the
// count of 1 h cache writes known so far: message_delta repeats the sum of both
// writes without the split. It returns the count known now.
func (u *usage) read(raw []byte, hour int64) int64 {
	var input, output, cached, written, split, details, server []byte
	usageFields.Read(raw, nil, &input, &output, &cached, &written, &split, &details, &server)
	n := &u.numbers
	count(&u.Input, &n[0], input)
	count(&u.Output, &n[1], output)
	count(&u.CacheRead, &n[2], cached)
	if details != nil {
		count(&u.Reasoning, &n[3], scan.Get(details, "thinking_tokens"))
	}
	if server != nil {
		count(&u.Searches, &n[4], scan.Get(server, "web_search_requests"))
	}
	if split != nil {
		if n, ok := scan.GetInt(split, "ephemeral_1h_input_tokens"); ok {
			hour = n
		}
	}
	if written == nil {
		return hour
	}
	if sum, ok := scan.Int(written); ok && sum >= 0 {
		long := min(hour, sum)
		n[5], n[6] = sum-long, long
		if u.CacheWrite5m = &n[5]; long > 0 {
			u.CacheWrite1h = &n[6]
		}
	}
	return hour
}

// count makes part the number that raw is, kept in place.
func count(part **int64, place *int64, raw []byte) {
	if raw == nil {
		return
	}
	if n, ok := scan.Int(raw); ok {
		*place, *part = n, place
	}
}

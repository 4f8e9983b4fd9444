package responses

import (
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// usage is what is counted, with the numbers that it points to.
type usage struct {
	abi.Usage
	numbers [6]int64
}

var (
	usageFields  = scan.NewNames("input_tokens", "output_tokens", "input_tokens_details", "output_tokens_details", "tool_calls_details")
	detailFields = scan.NewNames("cached_tokens", "cache_write_tokens")
)

// read takes what a response's usage says; input_tokens contains the tokens of the cache,
// and output_tokens those of reasoning. It reports whether it says anything.
func (u *usage) read(raw []byte) bool {
	var input, output, details, said, tools, cached, written []byte
	if !usageFields.Read(raw, nil, &input, &output, &details, &said, &tools) {
		return false
	}
	detailFields.Read(details, nil, &cached, &written)
	n := &u.numbers
	count(&u.CacheRead, &n[0], cached)
	count(&u.CacheWrite5m, &n[1], written)
	if count(&u.Input, &n[2], input); u.Input != nil {
		n[2] = max(0, n[2]-n[0]-n[1])
	}
	count(&u.Output, &n[3], output)
	count(&u.Reasoning, &n[4], scan.Get(said, "reasoning_tokens"))
	count(&u.Searches, &n[5], scan.Get(tools, "search_web", "invocation")) // as Perplexity tells
	return true
}

// searched tells how often the web was searched.
func (u *usage) searched(n int64) { u.numbers[5], u.Searches = n, &u.numbers[5] }

// count makes part the number that raw is, kept in place.
func count(part **int64, place *int64, raw []byte) {
	if n, ok := scan.Int(raw); ok && n >= 0 {
		*place, *part = n, place
	}
}

// searches reports whether an item is a search of the web: to open or look through a page
// that was found costs nothing. https://platform.openai.com/docs/pricing#built-in-tools
func searches(kind string, item []byte) bool {
	if kind != "web_search_call" {
		return kind == "search_results" // Perplexity's
	}
	action := scan.GetText(item, "action", "type")
	return len(action) == 0 || string(action) == "search"
}

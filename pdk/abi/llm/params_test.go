package llm

import (
	"strings"
	"testing"

	"github.com/tokligence/gateway/pdk/abi"
)

func said(f *Fault) string {
	if f == nil {
		return ""
	}
	return f.param + " " + f.message
}

func TestForeign(t *testing.T) {
	for member, want := range map[string]string{
		`n 1`: "", `n 1.0`: "", `n 2`: "n is not supported by V", `n "1"`: "n is not supported by V",
		`logprobs false`: "", `logprobs true`: "logprobs is not supported by V",
		`parallel_tool_calls true`: "", `parallel_tool_calls false`: "parallel_tool_calls: V cannot be kept from calling several tools", `parallel_tool_calls 1`: "parallel_tool_calls must be true or false",
		`top_logprobs 0`: "", `presence_penalty 0.0`: "", `frequency_penalty 0.1`: "frequency_penalty is not supported by V",
		`service_tier "auto"`: "", `service_tier "default"`: "", `service_tier "flex"`: "service_tier is not supported by V",
		`modalities ["text"]`: "", `modalities []`: "modalities is not supported by V", `modalities ["text","audio"]`: "modalities is not supported by V",
		`seed 0`: "seed is not supported by V", `functions []`: "functions is not supported by V",
		`unheard 5`: "left out unheard",
	} {
		var notices []string
		key, value, _ := strings.Cut(member, " ")
		got := said(Foreign("V", key, []byte(value), &notices)) + strings.Join(notices, "")
		if got != want {
			t.Errorf("%s: %q, want %q", member, got, want)
		}
	}
}

func TestStops(t *testing.T) {
	for stop, want := range map[string]string{
		``: "", `null`: "", `[]`: "", `"a"`: `["a"]`, `["a","","b"]`: `["a","b"], left out an empty stop sequence`,
		`""`: ", left out an empty stop sequence", `["a","b","c"]`: "stop may hold at most 2 sequences with V",
		`7`: "stop must be a string or an array of strings", `["a",7]`: "stop must be a string or an array of strings",
		`{}`: "stop must be a string or an array of strings",
	} {
		var notices []string
		list, f := Stops("V", []byte(stop), 2, &notices)
		got := strings.Join(append([]string{string(list) + said(f)}, notices...), ", ")
		if got != want {
			t.Errorf("%s: %q, want %q", stop, got, want)
		}
	}
	if list, f := Stops("V", []byte(`["a","b","c"]`), 0, nil); f != nil || string(list) != `["a","b","c"]` {
		t.Errorf("without a limit: %s, %q", list, said(f))
	}
}

func TestFormat(t *testing.T) {
	for format, want := range map[string]string{
		``: "text", `null`: "text", `{"type":"text"}`: "text", `{"type":"json_object"}`: "json_object",
		`{"type":"json_schema","json_schema":{"schema":{"a":1.0}}}`: `json_schema{"a":1.0}`,
		`{"type":"json_schema","json_schema":{"schema":true}}`:      "json_schemaresponse_format.json_schema.schema must be an object",
		`{"type":"xml"}`: "xmlresponse_format.type must be text, json_object or json_schema", `5`: "response_format.type must be text, json_object or json_schema",
	} {
		kind, schema, f := Format([]byte(format))
		if got := kind + string(schema) + said(f); got != want {
			t.Errorf("%s: %q, want %q", format, got, want)
		}
	}
}

func TestThinking(t *testing.T) {
	for _, c := range []struct {
		thinking, word, effort string
		budget                 int64
		fault                  string
	}{
		{``, ``, "", 0, ""},
		{`null`, `null`, "", 0, ""},
		{``, `"high"`, "high", 16384, ""},
		{``, `"none"`, "none", 0, ""},
		{``, `"hard"`, "hard", 0, "reasoning_effort must be none, minimal, low, medium, high, xhigh or max"},
		{``, `5`, "", 0, "reasoning_effort must be none, minimal, low, medium, high, xhigh or max"},
		{`{"type":"enabled","budget_tokens":9000}`, `"low"`, "medium", 9000, ""},
		{`{"type":"disabled"}`, `"low"`, "none", 0, ""},
		{`{"type":"adaptive"}`, ``, "medium", 0, ""},
		{`{"type":"adaptive"}`, `null`, "medium", 0, ""},
		{`{"type":"adaptive"}`, `"none"`, "medium", 0, ""},
		{`{"type":"adaptive"}`, `"max"`, "max", 32768, ""},
		{`{"type":"adaptive"}`, `"hard"`, "hard", 0, "reasoning_effort must be none, minimal, low, medium, high, xhigh or max"},
		{`{"type":"enabled"}`, ``, "", 0, "thinking.budget_tokens must be a positive whole number"},
		{`{"type":"enabled","budget_tokens":0}`, ``, "", 0, "thinking.budget_tokens must be a positive whole number"},
		{`5`, `"low"`, "", 0, "thinking.type must be enabled, disabled or adaptive"},
	} {
		effort, budget, f := Thinking([]byte(c.thinking), []byte(c.word))
		if effort != c.effort || budget != c.budget || said(f) != c.fault {
			t.Errorf("%s, %s: %q, %d, %q", c.thinking, c.word, effort, budget, said(f))
		}
	}
}

func TestStatusCode(t *testing.T) {
	for status, want := range map[int]abi.ErrorCode{400: abi.UpstreamRejected, 401: abi.UpstreamCredential, 402: abi.RateLimited, 403: abi.UpstreamCredential,
		404: abi.UpstreamRejected, 408: abi.UpstreamUnavailable, 413: abi.ContextWindow, 422: abi.UpstreamRejected, 429: abi.RateLimited,
		499: abi.UpstreamUnavailable, 500: abi.UpstreamUnavailable, 503: abi.UpstreamUnavailable} {
		if code, noRetry := StatusCode(status); code != want || noRetry != (status == 402) {
			t.Errorf("%d: %s, %v", status, code, noRetry)
		}
	}
}

func TestAppendCallID(t *testing.T) {
	seen := map[string]bool{}
	for _, parts := range [][]string{{}, {""}, {"", ""}, {"a", "b"}, {"ab", ""}, {"", "ab"}, {"a", "b", "0"}, {"a", "b", "1"}} {
		var raw [][]byte
		for _, p := range parts {
			raw = append(raw, []byte(p))
		}
		id := string(AppendCallID(nil, raw...))
		if seen[id] || id != string(AppendCallID(nil, raw...)) || !strings.HasPrefix(id, `"call_`) || len(id) > 2+5+16 {
			t.Errorf("%q: %s", parts, id)
		}
		seen[id] = true
	}
}

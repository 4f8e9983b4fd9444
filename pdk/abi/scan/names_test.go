package scan

import (
	"bytes"
	"testing"
)

// TestNames: each name gets what Get finds, whatever hash it shares.
func TestNames(t *testing.T) {
	names := []string{"model", "messages", "max_tokens", "max_completion_tokens", "temperature", "top_p", "top_k", "stop",
		"tools", "tool_choice", "tool_calls", "tool_call_id", "stream", "stream_options", "n", "", "presence_penalty", "frequency_penalty",
		"user", "seed", "x", "y", "z", "logprobs", "top_logprobs", "response_format", "reasoning_effort", "service_tier", "metadata"}
	fields := NewNames(names...)
	var text []byte
	for i, name := range names {
		text = append(AppendName(text, name), byte('0'+i%10))
	}
	text = CloseObject(text, 0)
	x := &index{}
	x.read(text)
	for _, at := range []*index{{}, x} {
		known = *at
		values, into := make([][]byte, len(names)), make([]*[]byte, len(names))
		for i := range into {
			into[i] = &values[i]
		}
		if !fields.Read(text, func(name, _ []byte) { t.Errorf("%s is none", name) }, into...) {
			t.Error("no object")
		}
		for i, name := range names {
			if !bytes.Equal(values[i], Get(text, name)) {
				t.Errorf("%s is %s", name, values[i])
			}
		}
		if fields.Read([]byte("[1]"), nil, into...) || string(values[0]) != "0" {
			t.Error("an array has members")
		}
	}
	known = index{}
}

func TestNames_Word(t *testing.T) {
	names := NewNames("text", "tool_use", "tool_result", "redacted_thinking", "rejected_thinking", "")
	for raw, want := range map[string]string{
		`"text"`: "text", `"tool_use"`: "tool_use", `"tool_result"`: "tool_result", `"tool_resulz"`: "", `"toolXresult"`: "",
		`"redacted_thinking"`: "redacted_thinking", `"rejected_thinking"`: "rejected_thinking", `"redacted_thinkinG"`: "",
		`"\u0074ext"`: "text", `"te\\xt"`: "", `""`: "", `"tex"`: "", `text`: "", `12`: "", ``: "", `"`: "",
	} {
		if got := names.Word([]byte(raw)); got != want {
			t.Errorf("%s is %q", raw, got)
		}
		for _, name := range names.names {
			if is := Is([]byte(raw), name); is != (want == name && (name != "" || raw == `""`)) {
				t.Errorf("%s is %q: %v", raw, name, is)
			}
		}
	}
}

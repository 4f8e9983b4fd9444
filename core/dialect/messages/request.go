package messages

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/dialect/bridge"
	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// ToChat translates a Messages request into the canonical form. What no other
// provider could do (server tools, MCP servers, containers) is refused by
// name; the error is a *core.Error of the client's. Members that only steer
// Anthropic's own service are left out, with a notice where they change an answer;
// members that nobody knows are passed on.
func (Bridge) ToChat(body []byte, to bridge.To) (chat []byte, notices []string, _ error) {
	w := requestWriter{dst: make([]byte, 0, len(body)+256), body: body, to: to}
	w.dst = append(w.dst, '{')
	scan.Members(body, func(key, value []byte) bool {
		if !scan.IsNull(value) {
			w.member(string(key), value)
		}
		return w.err == nil
	})
	if w.err != nil {
		return nil, nil, w.err
	}
	return append(w.dst, '}'), w.left.Notice(w.notices), nil
}

type requestWriter struct {
	dst     []byte
	body    []byte
	to      bridge.To
	left    bridge.LeftOut // of the history
	notices []string
	err     *core.Error
}

func (w *requestWriter) fail(param, format string, args ...any) {
	if w.err == nil {
		w.err = core.Invalid(param, format, args...)
	}
}

// name begins a member or element: a comma unless it is the first.
func (w *requestWriter) name(name string) {
	w.comma()
	w.dst = append(scan.AppendString(w.dst, name), ':')
}

func (w *requestWriter) comma() {
	if c := w.dst[len(w.dst)-1]; c != '{' && c != '[' {
		w.dst = append(w.dst, ',')
	}
}

func (w *requestWriter) raw(name string, value []byte) {
	w.name(name)
	w.dst = append(w.dst, value...)
}

func (w *requestWriter) str(name, value string) {
	w.name(name)
	w.dst = scan.AppendString(w.dst, value)
}

func (w *requestWriter) member(key string, value []byte) {
	switch key {
	case "model", "max_tokens", "stream", "temperature", "top_p", "top_k":
		w.raw(key, value)
	case "stop_sequences":
		if scan.Len(value) > 0 {
			w.raw("stop", value)
		}
	case "service_tier":
		w.tier(value)
	case "metadata":
		w.user(scan.Get(value, "user_id"))
	case "messages":
		w.name("messages")
		w.messages(value)
	case "tools":
		w.tools(value)
	case "tool_choice":
		w.toolChoice(value)
	case "thinking":
		w.thinking(value)
	case "output_config":
		w.outputConfig(value)
	case "n":
		if one, ok := scan.Int(value); !ok || one != 1 {
			w.fail(key, "n is not supported: the Messages API gives one answer")
		}
	case "system": // goes first in messages
	case "mcp_servers", "container", "thread":
		if scan.Kind(value) != '[' || scan.Len(value) > 0 {
			w.fail(key, "%s is not supported for this model's provider", key)
		}
	case "inference_geo": // where the data may go is a promise
		if !scan.Is(value, "global") {
			w.fail(key, "%s is not supported for this model's provider", key)
		}
	case "speed", "context_management", "diagnostics":
		if !usual(key, value) {
			w.notices = append(w.notices, "dropped "+key)
		}
	default:
		if !slices.Contains(aside[:], key) {
			w.raw(key, value)
		}
	}
}

// usual reports whether one of these members asks for what happens anyway.
func usual(key string, value []byte) bool {
	switch key {
	case "speed":
		return scan.Is(value, "standard")
	case "context_management":
		return scan.Len(scan.Get(value, "edits")) == 0
	}
	return false
}

// aside are members of the Messages API that neither say what is answered nor promise
// anything: where to cache, and which of Anthropic's models stand in for one another.
var aside = [...]string{"cache_control", "fallbacks"}

// tier asks for the service that the client wants. Without a word each has its best.
// https://docs.anthropic.com/en/api/service-tiers
func (w *requestWriter) tier(value []byte) {
	switch {
	case scan.Is(value, "auto"):
	case scan.Is(value, "standard_only"):
		w.str("service_tier", "default")
	default:
		w.raw("service_tier", value)
	}
}

// userLimit is the length, in bytes, that providers allow for user: OpenAI's own.
const userLimit = 64

// user is an opaque name that some clients make long: a longer one is replaced
// by its SHA-256, in hexadecimal, which is as good a name.
func (w *requestWriter) user(id []byte) {
	name, ok := scan.String(id)
	if !ok || name == "" {
		return
	}
	if len(name) > userLimit {
		sum := sha256.Sum256([]byte(name))
		name = hex.EncodeToString(sum[:])
	}
	w.str("user", name)
}

// known are the words for how long to think that all know who know any: a budget becomes
// no other.
var known = [...]string{"low", "medium", "high"}

// thinking goes along as it is, and as an effort for providers that think in words.
func (w *requestWriter) thinking(value []byte) {
	w.raw("thinking", value)
	if budget, ok := scan.GetInt(value, "budget_tokens"); ok && scan.GetString(value, "type") == "enabled" && scan.Get(w.body, "output_config", "effort") == nil {
		w.str("reasoning_effort", llm.FitEffort(llm.Effort(budget), known[:]))
	}
}

func (w *requestWriter) outputConfig(value []byte) {
	if effort := scan.GetString(value, "effort"); effort != "" {
		w.str("reasoning_effort", effort)
	}
	format := scan.Get(value, "format")
	if scan.GetString(format, "type") != "json_schema" {
		return
	}
	w.name("response_format")
	w.dst = append(w.dst, `{"type":"json_schema","json_schema":{"name":"answer","strict":true,"schema":`...)
	w.dst = append(append(w.dst, scan.Get(format, "schema")...), "}}"...)
}

package main

import (
	"strconv"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// Bounds of what may be asked for.
const (
	maxDelay  = 60_000
	maxPieces = 100_000
	maxTokens = 1 << 40
)

// wish is the request's member "echo": how the answer shall be. README.md
// documents each member.
type wish struct {
	delay, firstDelay int64 // milliseconds
	chunks            int64 // 0 is a piece per word
	reply             *string
	reasoning         string
	finish            string
	toolCalls         []toolCall
	usage             []byte // raw: an object, or false for none
	fail              *failure
	failAfter         int64 // pieces; -1 is before the answer
	retryAfter        int64 // seconds; 0 is none
}

// toolCall has raw values.
type toolCall struct{ name, arguments []byte }

// failure is what "fail" may be.
type failure struct {
	name    string
	status  int // 0 is a broken connection
	code    abi.ErrorCode
	kind    string // as OpenAI's error.type
	vcode   string
	message string
}

var failures = [...]failure{
	{"400", 400, abi.UpstreamRejected, "invalid_request_error", "", "echo was asked to reject this request"},
	{"401", 401, abi.UpstreamCredential, "authentication_error", "invalid_api_key", "echo was asked to refuse the credential"},
	{"403", 403, abi.UpstreamCredential, "permission_error", "", "echo was asked to refuse the credential"},
	{"404", 404, abi.UpstreamRejected, "invalid_request_error", "model_not_found", "echo was asked not to know the model"},
	{"408", 408, abi.UpstreamUnavailable, "timeout_error", "", "echo was asked to time out"},
	{"413", 413, abi.ContextWindow, "invalid_request_error", "", "echo was asked to find the request too large"},
	{"429", 429, abi.RateLimited, "rate_limit_error", "rate_limit_exceeded", "echo was asked to be busy"},
	{"500", 500, abi.UpstreamUnavailable, "server_error", "", "echo was asked to fail"},
	{"502", 502, abi.UpstreamUnavailable, "server_error", "", "echo was asked to fail"},
	{"503", 503, abi.UpstreamUnavailable, "server_error", "", "echo was asked to be unavailable"},
	{"504", 504, abi.UpstreamUnavailable, "server_error", "", "echo was asked to time out"},
	{"529", 529, abi.UpstreamUnavailable, "overloaded_error", "", "echo was asked to be overloaded"},
	{"context_window", 400, abi.ContextWindow, "invalid_request_error", "context_length_exceeded", "echo was asked to find the input too long"},
	{"content_policy", 400, abi.ContentPolicy, "invalid_request_error", "content_policy_violation", "echo was asked to refuse the content"},
	{"cut", 0, "", "", "", ""},
}

// readWish reads the member "echo" of a request, strictly: a misspelt wish that
// is quietly not granted makes a test pass that should not.
func readWish(body []byte, delay int64) (*wish, error) {
	w := &wish{delay: delay, failAfter: -1}
	raw := scan.Get(body, "echo")
	if scan.IsNull(raw) {
		return w, nil
	}
	if scan.Kind(raw) != '{' {
		return nil, refuse("echo", "must be an object")
	}
	var err error
	scan.Members(raw, func(key, value []byte) bool {
		err = w.set(string(key), value)
		return err == nil
	})
	if err == nil && w.fail == nil && (w.failAfter >= 0 || w.retryAfter > 0) {
		err = refuse("echo.fail", "is missing: fail_after and retry_after say when and how to fail, fail says what with")
	}
	if err == nil && w.failAfter >= 0 && w.retryAfter > 0 {
		err = refuse("echo.retry_after", "is a header, and there is none in the middle of a stream: leave out fail_after")
	}
	return w, err
}

func (w *wish) set(key string, value []byte) (err error) {
	param := "echo." + key
	switch key {
	case "delay_ms":
		w.delay, err = wholeNumber(param, value, 0, maxDelay)
	case "first_delay_ms":
		w.firstDelay, err = wholeNumber(param, value, 0, maxDelay)
	case "chunks":
		w.chunks, err = wholeNumber(param, value, 1, maxPieces)
	case "fail_after":
		w.failAfter, err = wholeNumber(param, value, 0, maxPieces)
	case "retry_after":
		w.retryAfter, err = wholeNumber(param, value, 1, 86_400)
	case "reply":
		var s string
		s, err = text(param, value)
		w.reply = &s
	case "reasoning":
		w.reasoning, err = text(param, value)
	case "finish_reason":
		if w.finish, err = text(param, value); err == nil && w.finish != "stop" && w.finish != "length" && w.finish != "content_filter" {
			err = refuse(param, "must be stop, length or content_filter")
		}
	case "tool_call":
		err = w.setToolCalls(param, value)
	case "usage":
		err = w.setUsage(param, value)
	case "fail":
		err = w.setFail(param, value)
	default:
		err = refuse(param, "is unknown; known are delay_ms, first_delay_ms, chunks, reply, reasoning, finish_reason, tool_call, usage, fail, fail_after, retry_after")
	}
	return err
}

func text(param string, raw []byte) (string, error) {
	s, ok := scan.String(raw)
	if !ok {
		return "", refuse(param, "must be a string")
	}
	return s, nil
}

func (w *wish) setFail(param string, value []byte) error {
	name, ok := scan.String(value)
	if n, isInt := scan.Int(value); isInt {
		name, ok = strconv.FormatInt(n, 10), true
	}
	known := ""
	for i := range failures {
		if ok && failures[i].name == name {
			w.fail = &failures[i]
			return nil
		}
		known += " " + failures[i].name
	}
	return refuse(param, "must be one of"+known)
}

// setToolCalls takes one call or an array of them.
func (w *wish) setToolCalls(param string, value []byte) (err error) {
	if scan.Kind(value) == '{' {
		return w.addToolCall(param, value)
	}
	if scan.Len(value) == 0 {
		return refuse(param, "must be {name, arguments} or an array of them")
	}
	scan.Elements(value, func(i int, v []byte) bool {
		err = w.addToolCall(param+"["+strconv.Itoa(i)+"]", v)
		return err == nil
	})
	return err
}

func (w *wish) addToolCall(param string, value []byte) (err error) {
	c := toolCall{arguments: []byte(`"{}"`)}
	scan.Members(value, func(key, v []byte) bool {
		switch {
		case string(key) == "name" && len(v) > 2 && v[0] == '"':
			c.name = v
		case string(key) == "arguments" && scan.Kind(v) == '"':
			c.arguments = v
		case string(key) == "arguments" && scan.Kind(v) == '{':
			c.arguments = scan.AppendString(nil, v)
		case string(key) == "name" || string(key) == "arguments":
			err = refuse(param+"."+string(key), "must be a string; arguments may be an object, too")
		default:
			err = refuse(param+"."+string(key), "is unknown; known are name, arguments")
		}
		return err == nil
	})
	if err == nil && c.name == nil {
		err = refuse(param+".name", "is missing")
	}
	w.toolCalls = append(w.toolCalls, c)
	return err
}

func (w *wish) setUsage(param string, value []byte) (err error) {
	w.usage = value
	if b, ok := scan.Bool(value); ok && !b {
		return nil
	}
	if scan.Kind(value) != '{' {
		return refuse(param, "must be an object of token counts, or false for no report")
	}
	var u abi.Usage
	scan.Members(value, func(key, v []byte) bool {
		if usagePart(&u, string(key)) == nil {
			err = refuse(param+"."+string(key), "is unknown; known are input, cache_read, cache_write_5m, cache_write_1h, output, reasoning, searches")
			return false
		}
		_, err = wholeNumber(param+"."+string(key), v, 0, maxTokens)
		return err == nil
	})
	return err
}

// failure makes the LocalAnswer of a request that fails before its answer.
func (w *wish) failure() []byte {
	b := w.begin(200)
	if w.fail.status == 0 {
		return append(b, `,"cut":true}`...)
	}
	b = w.begin(w.fail.status)
	if w.retryAfter > 0 {
		b = strconv.AppendInt(append(b, `,"headers":{"retry-after":"`...), w.retryAfter, 10)
		b = append(b, `"}`...)
	}
	b = scan.AppendString(append(b, `,"body":{"error":{"message":`...), w.fail.message)
	b = scan.AppendString(append(b, `,"type":`...), w.fail.kind)
	b = append(b, `,"code":`...)
	if w.fail.vcode == "" {
		b = append(b, `null`...)
	} else {
		b = scan.AppendString(b, w.fail.vcode)
	}
	return append(b, `}}}`...)
}

// begin opens a LocalAnswer.
func (w *wish) begin(status int) []byte {
	b := strconv.AppendInt([]byte(`{"status":`), int64(status), 10)
	if w.firstDelay > 0 {
		b = strconv.AppendInt(append(b, `,"delay_ms":`...), w.firstDelay, 10)
	}
	return b
}

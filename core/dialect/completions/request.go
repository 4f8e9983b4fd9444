package completions

import (
	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/dialect/bridge"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// Bridge carries completions over chat.
type Bridge struct{}

// ToChat makes a chat request of a completions request.
func (Bridge) ToChat(body []byte, _ bridge.To) (chat []byte, notices []string, _ error) {
	n, ok := scan.GetInt(body, "n")
	if !ok {
		n = 1
	}
	var err *core.Error
	dst := make([]byte, 0, len(body)+64)
	scan.RawMembers(body, func(rawName, value []byte) bool {
		name, _ := scan.String(rawName)
		switch fits, why := carried(name, value, n); {
		case scan.IsNull(value):
		case why != "":
			err = core.Invalid(name, "%s %s for a model that is served by chat", name, why)
		case name == "prompt":
			dst = append(append(dst, `,"messages":[{"role":"user","content":`...), promptText(value)...)
			dst = append(dst, "}]"...)
		case fits:
			dst = append(append(append(append(dst, ','), rawName...), ':'), value...)
		}
		return err == nil
	})
	if err != nil {
		return nil, nil, err
	}
	return scan.CloseObject(dst, 0), nil, nil
}

// carried tells whether a member that is not null stands in the chat request as it
// is, or why there can be none.
func carried(name string, value []byte, n int64) (fits bool, why string) {
	switch name {
	case "prompt":
		if promptText(value) == nil {
			return false, "must be one string"
		}
	case "suffix", "logprobs", "max_completion_tokens": // of the last the API knows nothing, but chat does
		return false, "is not supported"
	case "messages":
		return false, "cannot stand beside prompt"
	case "best_of":
		if best, ok := scan.Int(value); !ok || best > n {
			return false, "must not be more than n"
		}
		return false, ""
	case "max_tokens":
		if most, _ := scan.Int(value); most < 1 {
			return false, "must be at least 1"
		}
	case "echo":
		if _, ok := scan.Bool(value); !ok {
			return false, "must be true or false"
		}
		return false, ""
	}
	return true, ""
}

// promptText is the raw string of a prompt: nil when it is none, or several.
func promptText(prompt []byte) []byte {
	if scan.Kind(prompt) == '[' && scan.Len(prompt) == 1 {
		scan.Elements(prompt, func(_ int, v []byte) bool { prompt = v; return false })
	}
	if scan.Kind(prompt) != '"' {
		return nil
	}
	return prompt
}

// echo is the raw prompt that shall stand before the answer; nil for none.
func echo(a *bridge.Answer) []byte {
	if on, _ := scan.Bool(scan.Get(a.Request, "echo")); !on {
		return nil
	}
	return promptText(scan.Get(a.Request, "prompt"))
}

package llm

import (
	"bytes"
	"slices"

	"github.com/tokligence/gateway/pdk/abi/scan"
)

// extensions are the members of this package's making that OpenAI's own API
// does not have, wherever they may stand.
var extensions = [...]string{"thinking", "top_k", "thinking_blocks", "cache_control", "extra_content", "citations", "is_error", "reasoning_content", "reasoning_details"}

// nested are the members below which extensions may stand.
var nested = map[string]bool{"messages": true, "content": true, "tool_calls": true, "tools": true}

// Strip returns a chat request without the extensions but for those to keep, for
// a vendor that refuses members it does not know. Everything else stays byte for
// byte.
func Strip(body []byte, keep ...string) []byte {
	var away []string
	for _, name := range extensions {
		// Most bodies have none of them, which a search of the bytes tells soonest. A
		// name may be written with escapes.
		if !slices.Contains(keep, name) && (bytes.Contains(body, []byte(name)) || bytes.Contains(body, []byte(`\u00`))) {
			away = append(away, name)
		}
	}
	if len(away) == 0 {
		return body
	}
	// thinking is a member of the request; a part's of that name is a vendor's own word.
	return without(body, away, slices.DeleteFunc(slices.Clone(away), func(name string) bool { return name == "thinking" }))
}

// without is the object without the members away, and without those of below in what
// is nested in it.
func without(object []byte, away, below []string) []byte {
	var edits []scan.Edit
	scan.Members(object, func(key, value []byte) bool {
		name := string(key)
		switch {
		case slices.Contains(away, name):
			edits = append(edits, scan.Edit{Key: name})
		case nested[name] && scan.Kind(value) == '[':
			list := []byte{'['}
			scan.Elements(value, func(i int, v []byte) bool {
				if i > 0 {
					list = append(list, ',')
				}
				list = append(list, without(v, below, below)...)
				return true
			})
			edits = append(edits, scan.Edit{Key: name, Value: append(list, ']')})
		}
		return true
	})
	if len(edits) == 0 {
		return object
	}
	return scan.Apply(make([]byte, 0, len(object)), object, edits)
}

package llm

import "github.com/tokligence/gateway/pdk/abi/scan"

// extensions are the members of this package's making that OpenAI's own API
// does not have, wherever they may stand.
var extensions = map[string]bool{"thinking": true, "top_k": true, "thinking_blocks": true, "cache_control": true,
	"extra_content": true, "citations": true, "is_error": true, "reasoning_content": true}

// nested are the members below which extensions may stand.
var nested = map[string]bool{"messages": true, "content": true, "tool_calls": true, "tools": true}

// Strip returns a chat request without the extensions, for a vendor that refuses
// members it does not know. Everything else stays byte for byte.
func Strip(body []byte) []byte {
	var edits []scan.Edit
	scan.Members(body, func(key, value []byte) bool {
		name := string(key)
		switch {
		case extensions[name]:
			edits = append(edits, scan.Edit{Key: name})
		case nested[name] && scan.Kind(value) == '[':
			list := []byte{'['}
			scan.Elements(value, func(i int, v []byte) bool {
				if i > 0 {
					list = append(list, ',')
				}
				list = append(list, Strip(v)...)
				return true
			})
			edits = append(edits, scan.Edit{Key: name, Value: append(list, ']')})
		}
		return true
	})
	if len(edits) == 0 {
		return body
	}
	return scan.Apply(make([]byte, 0, len(body)), body, edits)
}

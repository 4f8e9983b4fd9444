package llm

import "github.com/tokligence/gateway/pdk/abi/scan"

// Alternate returns a chat request in which no two messages of the user, and no
// two of the assistant, follow one another: neighbours are joined in their order,
// with what was thought and called. Everything else stays byte for byte.
func Alternate(body []byte) []byte {
	list := scan.Get(body, "messages")
	var messages, last []byte
	joined := false
	scan.Elements(list, func(_ int, m []byte) bool {
		switch {
		case last == nil:
			last = m
		case follows(last, m):
			last, joined = join(last, m), true
		default:
			messages = append(append(messages, ','), last...)
			last = m
		}
		return true
	})
	if !joined {
		return body
	}
	messages = append(append(messages, ','), last...)
	return scan.Apply(make([]byte, 0, len(body)+64), body, []scan.Edit{{Key: "messages", Value: scan.CloseArray(messages, 0)}})
}

// follows reports whether b is to be joined to a.
func follows(a, b []byte) bool {
	role := string(scan.GetText(a, "role"))
	return (role == "user" || role == "assistant") && role == string(scan.GetText(b, "role"))
}

// join puts the members of the message b behind those of a. A text goes on in a
// new paragraph, a list with the other's elements; of the rest the first counts.
func join(a, b []byte) []byte {
	var edits []scan.Edit
	scan.Members(b, func(key, value []byte) bool {
		name := string(key)
		old := scan.Get(a, name)
		switch {
		case scan.IsNull(value):
		case scan.IsNull(old):
			edits = append(edits, scan.Edit{Key: name, Value: value})
		case name == "role":
		case scan.Kind(old) == '"' && scan.Kind(value) == '"' && (name == "content" || name == "reasoning_content"):
			edits = append(edits, scan.Edit{Key: name, Value: paragraphs(old, value)})
		case scan.Kind(old) == '[' && scan.Kind(value) == '[' || name == "content":
			edits = append(edits, scan.Edit{Key: name, Value: elements(elements(nil, old), value)})
		}
		return true
	})
	return scan.Apply(nil, a, edits)
}

// paragraphs is two raw strings as one.
func paragraphs(a, b []byte) []byte {
	if len(a) == 2 || len(b) == 2 { // one is empty
		return append(append([]byte(nil), a[:len(a)-1]...), b[1:]...)
	}
	return append(append(append([]byte(nil), a[:len(a)-1]...), `\n\n`...), b[1:]...)
}

// elements puts the elements of value behind those of the array list. A string is
// a part of content.
func elements(list, value []byte) []byte {
	if list == nil {
		list = []byte("[]")
	}
	list = list[:len(list)-1]
	add := func(v []byte) {
		if len(list) > 1 {
			list = append(list, ',')
		}
		list = append(list, v...)
	}
	if scan.Kind(value) == '"' {
		add(append(append([]byte(`{"type":"text","text":`), value...), '}'))
	}
	scan.Elements(value, func(_ int, v []byte) bool {
		add(v)
		return true
	})
	return append(list, ']')
}

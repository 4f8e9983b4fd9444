package llm

import (
	"slices"
	"strconv"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// Fault is a refusal of a client's request whose param grows from the inside
// out: who finds it knows the member, who called knows where that member stands.
type Fault struct{ param, message string }

// Refuse says that the member param is wrong; message goes on from its name:
// "must be a string". "" is the place itself, for Under to name.
func Refuse(param, message string) *Fault { return &Fault{param, message} }

// Under puts the enclosing member before the path. A nil fault stays nil.
func (f *Fault) Under(path string) *Fault {
	if f == nil {
		return nil
	}
	switch {
	case f.param == "":
	case f.param[0] == '[':
		path += f.param
	default:
		path += "." + f.param
	}
	return &Fault{path, f.message}
}

// At is Under for an element of a list: "messages", 3. Its place costs nothing
// while all is well.
func (f *Fault) At(list string, i int) *Fault {
	if f == nil {
		return nil
	}
	return f.Under(list + "[" + strconv.Itoa(i) + "]")
}

// Named is the *abi.Error, invalid_request with its param, that a plugin answers.
func (f *Fault) Named() error {
	return &abi.Error{Code: abi.InvalidRequest, Message: f.param + " " + f.message, Param: f.param}
}

// EachMember calls f for every member of a request but for those that are null
// and those that the operator wants dropped, until f finds a fault. A dropped
// member is told in notices.
func EachMember(body []byte, drop []string, notices *[]string, f func(key, value []byte) *Fault) (fault *Fault) {
	scan.Members(body, func(key, value []byte) bool {
		switch {
		case scan.Kind(value) == 'n':
		case slices.Contains(drop, string(key)):
			*notices = append(*notices, "dropped "+string(key))
		default:
			fault = f(key, value)
		}
		return fault == nil
	})
	return fault
}

var textFields = scan.NewNames("type", "text", "refusal", "cache_control")

// EachText calls f with the raw text of a message's content that may hold
// nothing but text, and with the cache_control of its part (nil for none).
func EachText(content []byte, f func(text, mark []byte)) (err *Fault) {
	switch scan.Kind(content) {
	case '"':
		f(content, nil)
		return nil
	case 0, 'n':
		return nil
	case '[':
	default:
		return Refuse("", "must be a string or an array of parts")
	}
	scan.Elements(content, func(i int, part []byte) bool {
		member := "text"
		var kind, text, refusal, mark []byte
		textFields.Read(part, nil, &kind, &text, &refusal, &mark)
		switch {
		case scan.Is(kind, "text"):
		case scan.Is(kind, "refusal"):
			member, text = "refusal", refusal
		default:
			err = Refuse("type", "must be text here").At("", i)
			return false
		}
		if scan.Kind(text) != '"' {
			err = Refuse(member, "must be a string").At("", i)
			return false
		}
		f(text, mark)
		return true
	})
	return err
}

// Read is [scan.Names.Read] for a request: members that the operator wants
// dropped are, which is told in notices, and other is called with the members of
// other names until it finds a fault.
func Read(body []byte, drop []string, notices *[]string, fields *scan.Names, other func(name string, value []byte) *Fault, into ...*[]byte) (fault *Fault) {
	fields.Read(body, func(name, value []byte) {
		switch {
		case fault != nil:
		case slices.Contains(drop, string(name)):
			*notices = append(*notices, "dropped "+string(name))
		default:
			fault = other(string(name), value)
		}
	}, into...)
	for _, name := range drop {
		if i := fields.Index(name); i >= 0 && *into[i] != nil {
			*into[i] = nil
			*notices = append(*notices, "dropped "+name)
		}
	}
	return fault
}

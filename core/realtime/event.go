// Package realtime carries a session of events between two WebSockets: it reads what
// it has to know of an event, moves messages, and ends both sides together. What an
// event means for money, limits and guardrails is its steward's business.
//
// The events are OpenAI's: https://platform.openai.com/docs/api-reference/realtime
package realtime

import (
	"strings"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// Event is one event: a JSON object with a type.
type Event struct {
	scan.Object
	Type string
}

// acted are the members of a client's event that the gateway acts on: who reads
// another one of two, or one in other letters, would act on something else.
var acted = [...]string{"type", "event_id", "session", "response", "item"}

// ReadClient reads a client's event strictly: valid JSON, and the members that
// matter once and as they are written. An event without type is the vendor's to
// refuse.
func ReadClient(message []byte) (Event, *core.Error) {
	o, err := scan.Parse(message)
	if err != nil {
		return Event{}, core.Invalid("", "the event is not valid JSON: %v", err)
	}
	if scan.Kind(message) != '{' {
		return Event{}, core.Invalid("", "an event must be a JSON object")
	}
	if err := Once(message, "", acted[:]...); err != nil {
		return Event{}, err
	}
	kind, _ := scan.String(o.Get("type"))
	return Event{o, kind}, nil
}

// Once reports a member of obj, which stands at path, that has one of the names but
// stands twice or is written in another case.
func Once(obj []byte, path string, names ...string) (err *core.Error) {
	var seen uint64
	scan.Members(obj, func(key, _ []byte) bool {
		for i, name := range names {
			switch {
			case len(key) != len(name) || !strings.EqualFold(string(key), name):
			case string(key) != name:
				err = core.Invalid(path+name, "member %s must be written %s", key, path+name)
			case seen&(1<<i) != 0:
				err = core.Invalid(path+name, "member %s stands twice", path+name)
			default:
				seen |= 1 << i
			}
		}
		return err == nil
	})
	return err
}

// ErrorEvent is an error as the vendor's own come. body is the error as a whole
// answer has it, id the event's own, cause the event_id of the client's event that
// is answered; "" for none.
func ErrorEvent(body []byte, id, cause string) []byte {
	e := scan.Get(body, "error")
	value := []byte("null")
	if cause != "" {
		value = scan.AppendString(nil, cause)
	}
	out := append([]byte(`{"type":"error","event_id":`), scan.AppendString(nil, id)...)
	out = append(out, `,"error":`...)
	out = append(out, scan.Apply(nil, e, []scan.Edit{{Key: "event_id", Value: value}})...)
	return append(out, '}')
}

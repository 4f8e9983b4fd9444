package responses

import (
	"github.com/tokligence/gateway/core/dialect/bridge"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// Own gives a vendor's response, or an event that has one, the id of the answer,
// and says of what comes before it and of its storing what the client's request
// said: vendors' ids are nobody's business.
func Own(doc []byte, a *bridge.Answer) []byte {
	if scan.GetString(doc, "object") == "response" {
		return own(doc, a)
	}
	if response := scan.Get(doc, "response"); scan.Kind(response) == '{' {
		return scan.Apply(nil, doc, []scan.Edit{{Key: "response", Value: own(response, a)}})
	}
	return doc
}

func own(response []byte, a *bridge.Answer) []byte {
	edits := []scan.Edit{{Key: "id", Value: scan.AppendString(nil, a.ID)}}
	for _, name := range [...]string{"previous_response_id", "store"} {
		v := scan.Get(a.Request, name)
		if scan.IsNull(v) {
			v = []byte(otherwise(name))
		}
		edits = append(edits, scan.Edit{Key: name, Value: v})
	}
	return scan.Apply(make([]byte, 0, len(response)+128), response, edits)
}

// otherwise is what a response says where the request does not.
func otherwise(name string) string {
	for _, m := range repeated {
		if m.name == name {
			return m.otherwise
		}
	}
	return "null"
}

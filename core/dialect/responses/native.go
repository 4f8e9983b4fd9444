package responses

import (
	"fmt"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// Native makes a request fit for a vendor that speaks the Responses API itself.
// What a vendor keeps belongs to one account that all clients share: an id of an
// item goes there only if kept says that it is the client's own and lies with that
// vendor. Items are sent without theirs; thoughts that only an id stands for, and
// those that were sealed here, are left out. The error is a *core.Error of the
// client's.
func Native(body []byte, kept func(id string) bool) ([]byte, error) {
	input := scan.Get(body, "input")
	if scan.Kind(input) != '[' {
		return body, nil
	}
	var list []byte
	var err *core.Error
	changed := false
	scan.Elements(input, func(i int, item []byte) bool {
		id := scan.GetString(item, "id")
		own := id != "" && kept(id)
		out := item
		switch kind := scan.GetString(item, "type"); kind {
		case "item_reference":
			if !own {
				err = missing(i, id)
			}
		case "reasoning":
			out = thought(item, own)
		case "image_generation_call":
			if !own && scan.IsNull(scan.Get(item, "result")) {
				err = missing(i, id)
			}
		case "", "message", "function_call", "function_call_output", "custom_tool_call", "custom_tool_call_output":
			if !own && scan.Get(item, "id") != nil {
				out = scan.Apply(nil, item, []scan.Edit{{Key: "id"}})
			}
		}
		changed = changed || len(out) != len(item)
		if out != nil {
			list = append(append(list, ','), out...)
		}
		return err == nil
	})
	switch {
	case err != nil:
		return body, err
	case !changed:
		return body, nil
	}
	return scan.Apply(make([]byte, 0, len(body)), body, []scan.Edit{{Key: "input", Value: scan.CloseArray(list, 0)}}), nil
}

// thought is a reasoning item as a vendor may have it, nil for none.
func thought(item []byte, own bool) []byte {
	sealed := scan.Get(item, "encrypted_content")
	switch {
	case own:
		return item
	case Ours(sealed), !filled(sealed) && scan.Len(scan.Get(item, "content")) == 0:
		return nil
	}
	return scan.Apply(nil, item, []scan.Edit{{Key: "id"}})
}

// missing is the error of an item that its id alone stands for.
func missing(i int, id string) *core.Error {
	e := core.Errorf(core.CodeNotFound, core.SourceClient, "there is no item %q", id)
	e.Param = fmt.Sprintf("input[%d].id", i)
	return e
}

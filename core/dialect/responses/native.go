package responses

import (
	"fmt"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// Native makes a request fit for a vendor that speaks the Responses API itself.
// What a vendor keeps belongs to one account that all clients share: it is told to
// keep nothing, what the request goes on from must be in its input, and items are
// sent without the ids that they have been given and without what a bridge put there. Thoughts that only an id stands
// for, and those that were sealed here, are left out; others are asked for in the
// form in which they can come back. The error is a *core.Error of the client's.
func Native(body []byte) ([]byte, error) {
	edits := []scan.Edit{{Key: "store", Value: []byte("false")}, {Key: "previous_response_id"}}
	if thinks(body) {
		edits = append(edits, scan.Edit{Key: "include", Value: including(scan.Get(body, "include"))})
	}
	if input := scan.Get(body, "input"); scan.Kind(input) == '[' {
		list, err := nativeItems(input)
		if err != nil {
			return body, err
		}
		if list != nil {
			edits = append(edits, scan.Edit{Key: "input", Value: list})
		}
	}
	return scan.Apply(make([]byte, 0, len(body)+64), body, edits), nil
}

// thinks reports whether the client says how its model shall think, and wants the
// response kept: models that do not think refuse to hand over their thoughts.
func thinks(body []byte) bool {
	store, _ := scan.Bool(scan.Get(body, "store"))
	return store && scan.Kind(scan.Get(body, "reasoning")) == '{'
}

// sealedThoughts asks for encrypted_content.
const sealedThoughts = "reasoning.encrypted_content"

func including(include []byte) []byte {
	var list []byte
	has := false
	scan.Elements(include, func(_ int, v []byte) bool {
		has = has || scan.Is(v, sealedThoughts)
		list = append(append(list, ','), v...)
		return true
	})
	if !has {
		list = scan.AppendString(append(list, ','), sealedThoughts)
	}
	return scan.CloseArray(list, 0)
}

// nativeItems are the items as a vendor may have them; nil when they are as they came.
func nativeItems(input []byte) (_ []byte, err error) {
	var list []byte
	changed := false
	scan.Elements(input, func(i int, item []byte) bool {
		id := scan.GetString(item, "id")
		out := item
		switch kind := scan.GetString(item, "type"); kind {
		case "item_reference":
			err = missing(i, id)
		case "reasoning":
			out = thought(item)
		case "image_generation_call":
			if scan.IsNull(scan.Get(item, "result")) {
				err = missing(i, id)
			}
		case "", "message", "function_call", "function_call_output", "custom_tool_call", "custom_tool_call_output":
			if kind == "" && scan.Get(item, "role") == nil {
				err = missing(i, id)
			} else if scan.Get(item, "id") != nil || scan.Get(item, "extra_content") != nil {
				out = scan.Apply(nil, item, []scan.Edit{{Key: "id"}, {Key: "extra_content"}})
			}
		case "local_shell_call":
			if scan.Get(item, "extra_content") != nil {
				out = scan.Apply(nil, item, []scan.Edit{{Key: "extra_content"}})
			}
		}
		changed = changed || len(out) != len(item)
		if out != nil {
			list = append(append(list, ','), out...)
		}
		return err == nil
	})
	if err != nil || !changed {
		return nil, err
	}
	return scan.CloseArray(list, 0), nil
}

// thought is a reasoning item as a vendor may have it, nil for none.
func thought(item []byte) []byte {
	sealed := scan.Get(item, "encrypted_content")
	if Ours(sealed) || !filled(sealed) && scan.Len(scan.Get(item, "content")) == 0 {
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

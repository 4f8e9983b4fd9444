package patch

import (
	"testing"

	"github.com/tokligence/gateway/pdk/abi"
)

// TestApply_Thinking: parts of thinking, either way.
func TestApply_Thinking(t *testing.T) {
	split := abi.Edit{Op: abi.EditSplitThinking, Key: "m[].content", To: "thought"}
	join := abi.Edit{Op: abi.EditJoinThinking, Key: "m[].thought", To: "content"}
	for _, c := range []struct {
		name      string
		edit      abi.Edit
		doc, want string // want "" is doc
	}{
		{"thought and text", split, `{"m":[{"content":[{"type":"thinking","thinking":[{"type":"text","text":"a\n"},{"type":"text","text":"\ud83d\ude00"}]},{"type":"text","text":"b"},{"type":"text","text":"\"c"}],"x":1.0}]}`,
			`{"m":[{"content":"b\"c","x":1.0,"thought":"a\n\ud83d\ude00"}]}`},
		{"thought alone", split, `{"m":[{"content":[{"type":"thinking","thinking":"a","closed":true}]}]}`, `{"m":[{"content":null,"thought":"a"}]}`},
		{"nothing thought", split, `{"m":[{"content":[{"type":"thinking","thinking":[]}]}]}`, `{"m":[{"content":null}]}`},
		{"text alone", split, `{"m":[{"content":[{"type":"text","text":"a"}]}]}`, `{"m":[{"content":"a"}]}`},
		{"another part stays", split, `{"m":[{"content":[{"type":"thinking","thinking":"a"},{"type":"text","text":"b"},{"type":"reference","reference_ids":[1]}]}]}`,
			`{"m":[{"content":[{"type":"text","text":"b"},{"type":"reference","reference_ids":[1]}],"thought":"a"}]}`},
		{"behind what is there", split, `{"m":[{"thought":"a","content":[{"type":"thinking","thinking":"b"}]}]}`, `{"m":[{"thought":"ab","content":null}]}`},
		{"a string", split, `{"m":[{"content":"type"}]}`, ""},
		{"no object in it", split, `{"m":[{"content":["type",{"type":7}]}]}`, ""},
		{"back, before text", join, `{"m":[{"content":"b","thought":"a\n"}]}`,
			`{"m":[{"content":[{"type":"thinking","thinking":[{"type":"text","text":"a\n"}]},{"type":"text","text":"b"}]}]}`},
		{"back, before parts", join, `{"m":[{"thought":"a","content":[{"type":"text","text":"b"}]}]}`,
			`{"m":[{"content":[{"type":"thinking","thinking":[{"type":"text","text":"a"}]},{"type":"text","text":"b"}]}]}`},
		{"back, before null", join, `{"m":[{"thought":"a","content":null}]}`, `{"m":[{"content":[{"type":"thinking","thinking":[{"type":"text","text":"a"}]}]}]}`},
		{"back, before nothing", join, `{"m":[{"thought":"a","x":1}]}`, `{"m":[{"x":1,"content":[{"type":"thinking","thinking":[{"type":"text","text":"a"}]}]}]}`},
		{"nothing to hand back", join, `{"m":[{"thought":"","content":"b"},{"thought":null}]}`, ""},
	} {
		t.Run(c.name, func(t *testing.T) { compareApply(t, c.edit, c.doc, c.want) })
	}
}

func TestApply_ShortID(t *testing.T) {
	id := abi.Edit{Op: abi.EditShortID, Key: "m[].id", Value: abi.Raw("9")}
	for _, c := range []struct{ name, doc, want string }{
		{"of that form", `{"m":[{"id":"abcDEF019"}]}`, ""},
		{"no string", `{"m":[{"id":7},{"id":null},{}]}`, ""},
		{"the same for the same", `{"m":[{"id":"call_1"},{"id":"c\u0061ll_1"},{"id":"call_2"},{"id":"abc-DEF01"},{"id":""}]}`,
			`{"m":[{"id":"9gD2Dimct"},{"id":"9gD2Dimct"},{"id":"Ytz7idqbt"},{"id":"wCFAASivx"},{"id":"HIQo8RRkb"}]}`},
	} {
		t.Run(c.name, func(t *testing.T) { compareApply(t, id, c.doc, c.want) })
	}
	// At the top of a document, too, an edit of this kind is no plain one.
	if list := mustPatch(t, abi.Edit{Op: abi.EditShortID, Key: "id", Value: abi.Raw("9")}); !Deep(list) {
		t.Error("an edit that depends on the value is taken for one that does not")
	}
}

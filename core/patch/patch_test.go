package patch

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

func mustPatch(t testing.TB, e abi.Edit) []Patch {
	t.Helper()
	list, err := Compile([]abi.Edit{e})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestApply(t *testing.T) {
	set := func(key, value string) abi.Edit {
		return abi.Edit{Op: abi.EditSet, Key: key, Value: abi.Raw(value)}
	}
	otherwise := func(key, value string) abi.Edit {
		return abi.Edit{Op: abi.EditDefault, Key: key, Value: abi.Raw(value)}
	}
	remove := func(key string) abi.Edit { return abi.Edit{Op: abi.EditRemove, Key: key} }
	where := func(e abi.Edit, object string) abi.Edit {
		e.Where = abi.Raw(object)
		return e
	}
	rename := func(key, to string) abi.Edit { return abi.Edit{Op: abi.EditRename, Key: key, To: to} }
	double := func(key, to string) abi.Edit { return abi.Edit{Op: abi.EditCopy, Key: key, To: to} }
	lift := func(key, to string) abi.Edit {
		return abi.Edit{Op: abi.EditLift, Key: key, To: to, Value: abi.Raw(`""`)}
	}
	signed := func(key string) abi.Edit { return abi.Edit{Op: abi.EditInt8, Key: key} }
	unwrap := func(key string) abi.Edit { return abi.Edit{Op: abi.EditUnwrap, Key: key} }
	nest := abi.Edit{Op: abi.EditNest, Key: "text.format.type", To: "schema", Where: abi.Raw(`{"type":"s"}`)}
	drop := abi.Edit{Op: abi.EditDrop, Key: "a.list[].type", Value: abi.Raw(`["x","y"]`)}
	for _, c := range []struct {
		name      string
		edit      abi.Edit
		doc, want string // want "" is doc
	}{
		{"the others in one object", nest, `{"text":{"format":{"name":"n","type":"s","strict":true},"v":1.0}}`, `{"text":{"format":{"type":"s","schema":{"name":"n","strict":true}},"v":1.0}}`},
		{"they are in one", nest, `{"text":{"format":{"type":"s","schema":{"name":"n"}}}}`, ""},
		{"of another kind", nest, `{"text":{"format":{"type":"t","name":"n"}}}`, ""},
		{"some are dropped", drop, `{"a":{"list":[{"type":"z"},{"type":"x","n":1.0}, {"n":2},7,{"type":"y"}],"b":1}}`, `{"a":{"list":[{"type":"z"},{"n":2},7],"b":1}}`},
		{"all are", drop, `{"a":{"list":[{"type":"x"}]}}`, `{"a":{"list":[]}}`},
		{"none is", drop, `{"a":{"list":[{"type":"z"}, {}]}}`, ""},
		{"no list", drop, `{"a":{"list":{"type":"x"}}}`, ""},
		{"in every element", rename("choices[].delta.reasoning", "reasoning_content"),
			`{"choices":[{"delta":{"reasoning":"a","x":1.0}}, {"delta":{"content":"b"}},{"delta":{"reasoning":"c"}}]}`,
			`{"choices":[{"delta":{"x":1.0,"reasoning_content":"a"}}, {"delta":{"content":"b"}},{"delta":{"reasoning_content":"c"}}]}`},
		{"the new name is there", rename("a.b", "c"), `{"a":{"b":1,"c":2}}`, `{"a":{"c":2}}`},
		{"copied", double("a.b", "c"), `{"a":{"b":1.0,"d":2}}`, `{"a":{"b":1.0,"d":2,"c":1.0}}`},
		{"the copy's name is there", double("a.b", "c"), `{"a":{"b":1,"c":2}}`, ""},
		{"nothing to copy", double("a.b", "c"), `{"a":{"d":1}}`, ""},
		{"copied at the top", double("b", "c"), `{"b":[1e3]}`, `{"b":[1e3],"c":[1e3]}`},
		{"to itself", rename("a.b", "b"), `{"a":{"b":1}}`, ""},
		{"removed where it stands twice", remove("a.b"), `{"a":{"b":1,"c":2,"b":3}}`, `{"a":{"c":2}}`},
		{"in both of two parents", remove("a.b"), `{"a":{"b":1},"a":{"b":2,"c":3}}`, `{"a":{},"a":{"c":3}}`},
		{"set where it stands twice", set("a.b", "0"), `{"a":{"b":1,"b":3}}`, `{"a":{"b":0}}`},
		{"no parent", set("a.b", "0"), `{"c":1}`, ""},
		{"a parent that is no object", set("a.b", "0"), `{"a":[{"b":1}]}`, ""},
		{"a parent that is null", otherwise("a.b", "0"), `{"a":null}`, ""},
		{"an array is wanted", set("a[].b", "0"), `{"a":{"b":1}}`, ""},
		{"arrays in arrays", set("a[].b[].c", "0"), `{"a":[{"b":[{},{"c":1},7,[{"c":2}]]},[{"b":[{}]}],{"b":{}}]}`,
			`{"a":[{"b":[{"c":0},{"c":0},7,[{"c":2}]]},[{"b":[{}]}],{"b":{}}]}`},
		{"default where absent", otherwise("a[].b", `"x"`), `{"a":[{},{"b":null},{"b":1}]}`, `{"a":[{"b":"x"},{"b":null},{"b":1}]}`},
		{"escaped names", remove("messages[].reasoning"), `{"m\u0065ssages":[{"r\u0065asoning":1,"b":2}]}`, `{"m\u0065ssages":[{"b":2}]}`},
		{"a name that only looks alike", remove("a.b"), `{"a":{"\\u0062":1,"bb":2,"c":"b"}}`, ""},
		{"the name as a value", remove("a.b"), `{"a":{"c":"b"},"b":{"b":1}}`, ""},
		{"null under the new name", rename("a.b", "c"), `{"a":{"b":"x","c":null}}`, `{"a":{"c":"x"}}`},
		{"only where", where(set("messages[].role", `"system"`), `{"role":"developer"}`), `{"messages":[{"role":"developer"},{"role":"user","content":"developer"},{"role":"d\u0065veloper"},7]}`,
			`{"messages":[{"role":"system"},{"role":"user","content":"developer"},{"role":"system"},7]}`},
		{"only where, absent", where(otherwise("messages[].x", `""`), `{"role":"assistant","y":null}`), `{"messages":[{"role":"assistant"},{"role":"assistant","y":null},{"role":"assistant","x":1,"y":null}]}`,
			`{"messages":[{"role":"assistant"},{"role":"assistant","y":null,"x":""},{"role":"assistant","x":1,"y":null}]}`},
		{"only where, at the top", where(set("tool_choice", `"any"`), `{"tool_choice":"required"}`), `{"tool_choice":"required","n":1}`, `{"tool_choice":"any","n":1}`},
		{"only where, another kind", where(set("a", `1`), `{"a":"2"}`), `{"a":2}`, ""},
		{"lifted", lift("a[].b.c", "d"), `{"a":[{"b":{"c":"x","e":1},"f":2},{"b":{"c":null}},{"b":{}},{"b":7},{"c":8}]}`,
			`{"a":[{"f":2,"d":"x"},{"d":""},{"d":""},{"b":7},{"c":8}]}`},
		{"lifted to the top", lift("b.c", "d"), `{"a":1,"b":{"c":[1e3]},"d":2}`, `{"a":1,"d":[1e3]}`},
		{"lifted to its object's name", lift("a[].b[].c.d", "c"), `{"a":[{"b":[{"c":{"d":"x","e":1}},{"c":"y"}]},{"b":"z"}]}`, `{"a":[{"b":[{"c":"x"},{"c":"y"}]},{"b":"z"}]}`},
		{"lifted only where", where(lift("b.c", "d"), `{"e":"f"}`), `{"b":{"c":1,"e":"g"}}`, ""},
		{"unwrapped", unwrap("a"), `{"a":["x"],"b":1}`, `{"a":"x","b":1}`},
		{"unwrapped in every element", unwrap("a[].b"), `{"a":[{"b":[[1]]},{"b":[1,2]},{"b":[]},{"b":"x"}]}`, `{"a":[{"b":[1]},{"b":[1,2]},{"b":[]},{"b":"x"}]}`},
		{"signed bytes", signed("data[].v"), `{"data":[{"v":"AAF/gP8="},{"v":""},{"v":"no base64"},{"v":[1]}]}`, `{"data":[{"v":[0,1,127,-128,-1]},{"v":[]},{"v":"no base64"},{"v":[1]}]}`},
		{"at the top", rename("b", "c"), `{"a":1,"b":[1e3]}`, `{"a":1,"c":[1e3]}`},
		{"new at the top", set("b", "{}"), `{}`, `{"b":{}}`},
		{"white space around", remove("a.b"), " { \"a\" : { \"b\" : 1 , \"c\" : 2 } , \"d\":3 } ", " { \"a\" : { \"c\" : 2} , \"d\":3 } "},
	} {
		t.Run(c.name, func(t *testing.T) { compareApply(t, c.edit, c.doc, c.want) })
	}
}

// compareApply: want "" is doc, unchanged.
func compareApply(t *testing.T, e abi.Edit, doc, want string) {
	t.Helper()
	made := want != ""
	if !made {
		want = doc
	}
	if got, changed := Apply([]byte(doc), mustPatch(t, e)); string(got) != want || changed != made {
		t.Errorf("changed %v:\n got %s\nwant %s", changed, got, want)
	}
}

// TestCompile_Lift: what is lifted stands in an object that is a member.
func TestCompile_Lift(t *testing.T) {
	for _, key := range []string{"a", "a[].b", "a..b"} {
		if _, err := Compile([]abi.Edit{{Op: abi.EditLift, Key: key, To: "c"}}); err == nil {
			t.Errorf("%s is compiled", key)
		}
	}
}

// TestPatch_Concerns: a document without the name is not gone through.
func TestPatch_Concerns(t *testing.T) {
	for _, c := range []struct {
		edit abi.Edit
		doc  string
		want bool
	}{
		{abi.Edit{Op: abi.EditRemove, Key: "a[].bee"}, `{"a":[{"c":1}]}`, false},
		{abi.Edit{Op: abi.EditRemove, Key: "a[].bee"}, `{"a":[{"\u0062ee":1}]}`, true},
		{abi.Edit{Op: abi.EditSet, Key: "aaa.b", Value: abi.Raw("1")}, `{"b":1}`, false},
		{abi.Edit{Op: abi.EditSet, Key: "b", Value: abi.Raw("1")}, `{}`, true},
	} {
		if p := mustPatch(t, c.edit); p[0].concerns([]byte(c.doc)) != c.want {
			t.Errorf("%s of %s in %s: not %v", c.edit.Op, c.edit.Key, c.doc, c.want)
		}
	}
}

func TestPatch_Finds(t *testing.T) {
	for doc, want := range map[string]bool{
		`{"a":[{"b":{"c":1}}]}`:                 true,
		`{"a":[{"b":{}},{"b":{"c":null}}]}`:     true,
		`{"a":[{"b":{"c":1}}],"a":[]}`:          true, // a vendor may read either
		`{"a":[{"b":[{"c":1}]}]}`:               false,
		`{"a":{"b":{"c":1}},"b":{"c":1},"c":1}`: false,
	} {
		if p := mustPatch(t, abi.Edit{Op: abi.EditRemove, Key: "a[].b.c"}); p[0].Finds([]byte(doc)) != want {
			t.Errorf("%s: not %v", doc, want)
		}
	}
}

// FuzzApply: an edit never breaks JSON, changes nothing but its place, and does
// the same the second time.
func FuzzApply(f *testing.F) {
	for _, doc := range []string{`{"a":[{"b":{"c":1}},{"b":{}}],"d":[{"b":{"c":2,"c":3}}]}`, `{"a":{"b":1},"a":[{"b":{"x":"c"}}]}`, `[{"a":1}]`, ` {"\u0061":[{"b":{ "c" : 1 }}]} `,
		`{"a":[{"b":{"c":[{"type":"thinking","thinking":[{"text":"\ud83d"}]},{"type":"text","text":"x"}],"e":"y"}},{"b":{"c":"call_1","e":[7]}}]}`} {
		for op := range 8 {
			f.Add(doc, uint8(op))
		}
	}
	f.Fuzz(func(t *testing.T, doc string, op uint8) {
		if scan.Valid([]byte(doc)) != nil {
			return
		}
		e := abi.Edit{Op: [...]abi.EditOp{abi.EditSet, abi.EditDefault, abi.EditRemove, abi.EditRename, abi.EditCopy,
			abi.EditSplitThinking, abi.EditJoinThinking, abi.EditShortID}[op%8], Key: "a[].b.c", To: "e", Value: abi.Raw("17")}
		list := mustPatch(t, e)
		got, changed := Apply([]byte(doc), list)
		if err := scan.Valid(got); err != nil {
			t.Fatalf("%s made of %s: %v", got, doc, err)
		}
		if again, _ := Apply(got, list); !bytes.Equal(again, got) {
			t.Fatalf("a second time: %s, before %s", again, got)
		}
		if changed == (string(got) == doc) {
			t.Fatalf("changed is %v: %s of %s", changed, got, doc)
		}
		// Without the place and what was put there, both are the same document.
		clean := mustPatch(t, abi.Edit{Op: abi.EditRemove, Key: "a[].b.c"})
		clean = append(clean, mustPatch(t, abi.Edit{Op: abi.EditRemove, Key: "a[].b.e"})...)
		before, _ := Apply([]byte(doc), clean)
		after, _ := Apply(got, clean)
		if !sameJSON(before, after) {
			t.Fatalf("%s\nbecame %s", doc, got)
		}
	})
}

// sameJSON compares documents number by number as they are written. Depths that
// encoding/json does not read count as the same.
func sameJSON(a, b []byte) bool {
	read := func(b []byte) (v any, err error) {
		d := json.NewDecoder(strings.NewReader(string(b)))
		d.UseNumber()
		err = d.Decode(&v)
		return v, err
	}
	x, err1 := read(a)
	y, err2 := read(b)
	return err1 != nil && err2 != nil || reflect.DeepEqual(x, y)
}

func BenchmarkApply_Event(b *testing.B) {
	event := []byte(`{"id":"x1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":" word"},"finish_reason":null}]}`)
	list := mustPatch(b, abi.Edit{Op: abi.EditRename, Key: "choices[].delta.reasoning", To: "reasoning_content"})
	for b.Loop() {
		Apply(event, list)
	}
}

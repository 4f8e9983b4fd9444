package scan

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

func TestObject(t *testing.T) {
	for _, c := range []struct {
		text, members, edited string
		a                     string // Get's
	}{
		{` { "a" : {"b":[1]} , "z":"x" } `, `a={"b":[1]} z="x" `, `{ "a" : 7, "z":"x","n":1}`, `{"b":[1]}`},
		{`{"\u0061":1,"b":null,"a":2}`, `a=1 b=null a=2 `, `{"\u0061":7,"b":null,"n":1}`, `2`},
		{`{}`, ``, `{"a":7,"n":1}`, ``},
		{`[{"a":1}]`, ``, `[{"a":1}]`, ``},
		{`"a"`, ``, `"a"`, ``},
	} {
		parsed, err := Parse([]byte(c.text))
		if err != nil {
			t.Fatalf("%s: %v", c.text, err)
		}
		for how, o := range map[string]Object{"parsed": parsed, "walked": Walk([]byte(c.text))} {
			var got strings.Builder
			o.Members(func(key, value []byte) bool { fmt.Fprintf(&got, "%s=%s ", key, value); return true })
			if got.String() != c.members || string(o.Text()) != c.text {
				t.Errorf("%s, %s: %q, want %q", c.text, how, got.String(), c.members)
			}
			if v := o.Get("a"); string(v) != c.a || (v == nil) != (c.a == "") || o.Get("b") != nil && c.a != `2` {
				t.Errorf("%s, %s: a is %s, want %s", c.text, how, v, c.a)
			}
			edits := []Edit{{Key: "a", Value: []byte("7")}, {Key: "n", Value: []byte("1")}}
			if text := o.Apply(nil, edits); string(text) != c.edited {
				t.Errorf("%s, %s: edited to %s, want %s", c.text, how, text, c.edited)
			}
			if text := o.Apply([]byte("x"), nil); string(text) != "x"+c.text {
				t.Errorf("%s, %s: not edited it is %s", c.text, how, text)
			}
		}
	}
	if o, err := Parse([]byte(`{"a":1,"b":}`)); err == nil || o.Get("a") != nil {
		t.Errorf("text that is not valid: %v, a is %s", err, o.Get("a"))
	}
}

func TestVisit(t *testing.T) {
	var got strings.Builder
	f := func(name, value []byte) { fmt.Fprintf(&got, "%s=%s ", name, value) }
	if err := Visit([]byte(` {"a": {"b" :[{"c":"\"d\":1"}]} ,"\u0065":null} `), f); err != nil {
		t.Fatal(err)
	}
	const want = `c="\"d\":1" b=[{"c":"\"d\":1"}] a={"b" :[{"c":"\"d\":1"}]} \u0065=null `
	if got.String() != want {
		t.Errorf("visited %s, want %s", got.String(), want)
	}
	got.Reset()
	if err := Visit([]byte(`{"a":tru}`), f); err == nil || got.Len() > 0 {
		t.Errorf("%v, visited %s", err, got.String())
	}
}

// FuzzObject holds an object that was walked through once against the functions
// that walk through it each time.
func FuzzObject(f *testing.F) {
	for _, s := range []string{` {"a" : 1 , "b":{"a":2},"\u0061":[3]} `, `{}`, `[]`, `{"":""}`, `{"a`} {
		f.Add([]byte(s))
	}
	list := func(members func(func(key, value []byte) bool)) (s string) {
		members(func(key, value []byte) bool { s += fmt.Sprintf("%q=%q ", key, value); return true })
		return s
	}
	edits := []Edit{{Key: "a", Value: []byte("7")}, {Key: "b"}, {Key: "c", Value: []byte("8"), OnlyIfAbsent: true}}
	f.Fuzz(func(t *testing.T, b []byte) {
		valid := Valid(b)
		parsed, err := Parse(b)
		if fmt.Sprint(err) != fmt.Sprint(valid) {
			t.Fatalf("%q: Parse says %v, Valid %v", b, err, valid)
		}
		if visited := Visit(b, func(name, value []byte) {}); fmt.Sprint(visited) != fmt.Sprint(valid) {
			t.Fatalf("%q: Visit says %v, Valid %v", b, visited, valid)
		}
		walked := Walk(b) // stays within bounds on any text
		if err != nil {
			return
		}
		want := list(func(f func(key, value []byte) bool) { Members(b, f) })
		for _, o := range [...]Object{parsed, walked} {
			if got := list(o.Members); got != want {
				t.Fatalf("%q: members %s, want %s", b, got, want)
			}
			if got := o.Get("a"); !bytes.Equal(got, Get(b, "a")) {
				t.Fatalf("%q: a is %q", b, got)
			}
			if got := o.Apply(nil, edits); !bytes.Equal(got, Apply(nil, b, edits)) {
				t.Fatalf("%q: edited to %q", b, got)
			}
		}
	})
}

package config

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
)

// Field describes one key, for the reference and the starter file.
type Field struct {
	Name     string
	Type     string // "string", "duration", "list of strings", …
	Default  string // as written in TOML; "" is none
	Required bool
	Doc      string
	Nested   []Field // of a list of tables that is described by itself
}

// field is a Field with the way its value gets into a T.
type field[T any] struct {
	Field
	set func(t *T, v value)
}

// value is a raw TOML value with its place. Its readers report what is wrong
// and then answer false.
type value struct {
	l   *loader
	at  place
	raw any
}

func (v value) fail(format string, args ...any) { v.l.fail(v.at, format, args...) }

// wrongType never quotes the value: it may be a secret.
func (v value) wrongType(want string) {
	v.fail("must be %s, not %s", want, typeName(v.raw))
}

func typeName(raw any) string {
	switch raw.(type) {
	case nil:
		return "null"
	case string:
		return "a string"
	case int64:
		return "an integer"
	case float64:
		return "a float"
	case bool:
		return "a boolean"
	case time.Time:
		return "a date or time"
	case map[string]any:
		return "a table"
	case []map[string]any, []any:
		return "a list"
	}
	return fmt.Sprintf("%T", raw)
}

// text reads a string and follows an env: or file: reference in it.
func (v value) text() (string, bool) {
	s, ok := v.raw.(string)
	if !ok {
		v.wrongType("a string")
		return "", false
	}
	r, isRef, err := parseReference(s)
	if err != nil {
		v.fail("%v", err)
		return "", false
	}
	if !isRef {
		return s, true
	}
	if v.at.src.owned() {
		v.fail("%v", errOwnedReference)
		return "", false
	}
	s, err = v.l.follow(r, v.at.src.dir)
	if err != nil {
		v.fail("%v", err)
		return "", false
	}
	return s, true
}

func (v value) texts() ([]string, bool) {
	list, ok := v.raw.([]any)
	if !ok {
		v.wrongType("a list of strings")
		return nil, false
	}
	out := make([]string, 0, len(list))
	for i, e := range list {
		s, good := value{v.l, v.at.element(i), e}.text()
		if ok = ok && good; !good {
			continue
		}
		if slices.Contains(out, s) {
			v.l.fail(v.at.element(i), "%q is in the list twice", s)
			ok = false
		}
		out = append(out, s)
	}
	return out, ok
}

func (v value) number() (float64, bool) {
	switch n := v.raw.(type) {
	case int64:
		return float64(n), true
	case float64:
		if math.IsNaN(n) || math.IsInf(n, 0) {
			v.fail("must be a finite number")
			return 0, false
		}
		return n, true
	}
	v.wrongType("a number")
	return 0, false
}

func (v value) whole() (int64, bool) {
	n, ok := v.raw.(int64)
	if !ok {
		v.wrongType("an integer")
	}
	return n, ok
}

func (v value) boolean() (bool, bool) {
	b, ok := v.raw.(bool)
	if !ok {
		v.wrongType("true or false")
	}
	return b, ok
}

func (v value) duration() (time.Duration, bool) {
	s, ok := v.text()
	if !ok {
		return 0, false
	}
	d, err := time.ParseDuration(s)
	switch {
	case err != nil:
		v.fail("%q is not a duration such as %q, %q or %q", s, "250ms", "30s", "10m")
		return 0, false
	case d < 0:
		v.fail("must not be negative")
		return 0, false
	}
	return d, true
}

func (v value) size() (int64, bool) {
	s, ok := v.text()
	if !ok {
		return 0, false
	}
	n, err := ParseSize(s)
	if err != nil {
		v.fail("%v", err)
		return 0, false
	}
	return n, true
}

// object reads a table as JSON, with references followed.
func (v value) object() (json.RawMessage, bool) {
	if _, ok := v.raw.(map[string]any); !ok {
		v.wrongType("a table")
		return nil, false
	}
	tree, ok := v.tree()
	if !ok {
		return nil, false
	}
	raw, err := json.Marshal(tree)
	if err != nil {
		v.fail("cannot be written as JSON")
		return nil, false
	}
	return raw, true
}

func (v value) tree() (any, bool) {
	ok := true
	switch t := v.raw.(type) {
	case string:
		return v.text()
	case float64:
		return v.number()
	case map[string]any:
		out := make(map[string]any, len(t))
		for k, e := range t {
			sub, good := value{v.l, v.at.child(k), e}.tree()
			out[k], ok = sub, ok && good
		}
		return out, ok
	case []map[string]any:
		out := make([]any, len(t))
		for i, e := range t {
			sub, good := value{v.l, v.at.element(i), e}.tree()
			out[i], ok = sub, ok && good
		}
		return out, ok
	case []any:
		out := make([]any, len(t))
		for i, e := range t {
			sub, good := value{v.l, v.at.element(i), e}.tree()
			out[i], ok = sub, ok && good
		}
		return out, ok
	}
	return v.raw, true
}

// Constructors of fields, one per type. at points to where the value goes;
// checks run on a value of the right type and report through it.

func text[T any](name, def, doc string, at func(*T) *string, checks ...func(value, string)) field[T] {
	return fieldOf("string", name, def, doc, at, value.text, checks...)
}

func texts[T any](name, doc string, at func(*T) *[]string, checks ...func(value, []string)) field[T] {
	return fieldOf("list of strings", name, "[]", doc, at, value.texts, checks...)
}

func number[T any](name, def, doc string, at func(*T) *float64, checks ...func(value, float64)) field[T] {
	return fieldOf("number", name, def, doc, at, value.number, checks...)
}

func whole[T any](name, def, doc string, at func(*T) *int64, checks ...func(value, int64)) field[T] {
	return fieldOf("integer", name, def, doc, at, value.whole, checks...)
}

func boolean[T any](name, def, doc string, at func(*T) *bool) field[T] {
	return fieldOf("boolean", name, def, doc, at, value.boolean)
}

func duration[T any](name, def, doc string, at func(*T) *time.Duration, checks ...func(value, time.Duration)) field[T] {
	return fieldOf("duration", name, def, doc, at, value.duration, checks...)
}

func size[T any](name, def, doc string, at func(*T) *int64, checks ...func(value, int64)) field[T] {
	return fieldOf("size", name, def, doc, at, value.size, checks...)
}

func object[T any](name, doc string, at func(*T) *json.RawMessage) field[T] {
	return fieldOf("table", name, "", doc, at, value.object)
}

// choice is a string out of a few.
func choice[T any](name, def, doc string, options []string, at func(*T, string)) field[T] {
	f := field[T]{Field: Field{Name: name, Type: "one of " + strings.Join(options, ", "), Default: def, Doc: doc}}
	f.set = func(t *T, v value) {
		s, ok := v.text()
		if !ok {
			return
		}
		if !slices.Contains(options, s) {
			v.fail("%q is not one of %s%s", s, strings.Join(options, ", "), didYouMean(s, options))
			return
		}
		at(t, s)
	}
	return f
}

func fieldOf[T, V any](typ, name, def, doc string, at func(*T) *V, read func(value) (V, bool), checks ...func(value, V)) field[T] {
	return field[T]{
		Field: Field{Name: name, Type: typ, Default: def, Doc: doc},
		set: func(t *T, v value) {
			x, ok := read(v)
			if !ok {
				return
			}
			for _, check := range checks {
				check(v, x)
			}
			*at(t) = x
		},
	}
}

// required marks a field that has to be given.
func required[T any](f field[T]) field[T] {
	f.Required = true
	return f
}

// parseDefault reads a default as it is written in the table of fields. A
// malformed one is a fault of that table, which every load would show.
func parseDefault(text string) any {
	var doc struct{ V any }
	if _, err := toml.Decode("V = "+text, &doc); err != nil {
		panic("config: default " + text + ": " + err.Error())
	}
	return doc.V
}

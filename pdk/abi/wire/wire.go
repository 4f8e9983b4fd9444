// Package wire writes and reads the documents of package abi that cross the
// sandbox on the hot path, by appending and scanning: no reflection, no tree.
// For every document D there are
//
//	AppendD(dst []byte, d *abi.D) []byte
//	ParseD(b []byte, d *abi.D) error
//
// and of those that cross it at load what the guest needs: with encoding/json
// it would be half as large again. Of replies with a large body there is also
//
//	ReadD(b []byte, d *abi.D) error
//
// which is [scan.Valid] and ParseD in one walk.
//
// What Append writes means the same to encoding/json, and Parse reads what
// encoding/json writes. Maps are written in the order of their keys, so the same
// document always has the same bytes. A number that JSON cannot say (NaN, an
// infinity) is written as null.
//
// Parse takes text that has passed scan.Valid; on other text it stays within
// bounds and finds less. It replaces all of d, but reuses its slices and equal
// strings, so a document that is parsed into again and again settles down to no
// allocation. Raw members alias b, or the Text of a deployment. Unknown members
// are ignored and null counts as absent, except as an element of an array. A
// member of the wrong type is a *[TypeError].
package wire

import (
	"math"
	"slices"
	"strconv"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// TypeError says which member of a document has the wrong type.
type TypeError struct {
	Path string // "usage.input"; "" is the document itself
	Want string // "a string"
}

func (e *TypeError) Error() string {
	if e.Path == "" {
		return "expected " + e.Want
	}
	return e.Path + ": expected " + e.Want
}

func wrong(want string) error { return &TypeError{Want: want} }

// under puts name before the path of err.
func under(name string, err error) error {
	e, ok := err.(*TypeError)
	switch {
	case !ok || e.Path == "":
	case e.Path[0] == '[':
		name += e.Path
	default:
		name += "." + e.Path
	}
	if ok {
		e.Path = name
	}
	return err
}

func putString(dst []byte, name, s string) []byte {
	return scan.AppendString(scan.AppendName(dst, name), s)
}

func optString(dst []byte, name, s string) []byte {
	if s == "" {
		return dst
	}
	return putString(dst, name, s)
}

func putBool(dst []byte, name string, b bool) []byte {
	return strconv.AppendBool(scan.AppendName(dst, name), b)
}

func optBool(dst []byte, name string, b bool) []byte {
	if !b {
		return dst
	}
	return putBool(dst, name, b)
}

func putInt(dst []byte, name string, n int64) []byte {
	return strconv.AppendInt(scan.AppendName(dst, name), n, 10)
}

func optInt(dst []byte, name string, n int64) []byte {
	if n == 0 {
		return dst
	}
	return putInt(dst, name, n)
}

func putFloat(dst []byte, name string, f float64) []byte {
	return appendFloat(scan.AppendName(dst, name), f)
}

func appendFloat(dst []byte, f float64) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return append(dst, "null"...)
	}
	return strconv.AppendFloat(dst, f, 'g', -1, 64)
}

func appendRaw(dst, raw []byte) []byte {
	if len(raw) == 0 {
		return append(dst, "null"...)
	}
	return append(dst, raw...)
}

func putRaw(dst []byte, name string, raw []byte) []byte {
	return appendRaw(scan.AppendName(dst, name), raw)
}

func optRaw(dst []byte, name string, raw []byte) []byte {
	if len(raw) == 0 {
		return dst
	}
	return putRaw(dst, name, raw)
}

func putList[T any](dst []byte, name string, list []T, element func([]byte, *T) []byte) []byte {
	dst = scan.AppendName(dst, name)
	start := len(dst)
	for i := range list {
		dst = element(append(dst, ','), &list[i])
	}
	return scan.CloseArray(dst, start)
}

func optList[T any](dst []byte, name string, list []T, element func([]byte, *T) []byte) []byte {
	if len(list) == 0 {
		return dst
	}
	return putList(dst, name, list, element)
}

func appendStringElement(dst []byte, s *string) []byte { return scan.AppendString(dst, *s) }

func optHeaders(dst []byte, name string, h abi.Headers) []byte {
	if len(h) == 0 {
		return dst
	}
	var room [16]string
	keys := room[:0]
	for k := range h {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	dst = scan.AppendName(dst, name)
	start := len(dst)
	for _, k := range keys {
		dst = append(scan.AppendString(append(dst, ','), k), ':')
		dst = scan.AppendString(dst, h[k])
	}
	return scan.CloseObject(dst, start)
}

// member takes one member of a document.
type member = func(key, v []byte) error

// members calls f for the members of raw that are not null.
func members(raw []byte, f member) error {
	if scan.Kind(raw) != '{' {
		return wrong("an object")
	}
	var err error
	scan.Members(raw, taking(f, &err))
	return err
}

// taking hands members that are not null to f, and ends a walk with its error.
func taking(f member, failed *error) func(key, v []byte) bool {
	return func(key, v []byte) bool {
		if v[0] == 'n' {
			return true
		}
		err := f(key, v)
		if err != nil {
			*failed = under(string(key), err)
		}
		return err == nil
	}
}

// read is scan.Valid and members in one walk.
func read(raw []byte, f member) error {
	o, err := scan.Parse(raw)
	if err != nil {
		return err
	}
	if scan.Kind(raw) != '{' {
		return wrong("an object")
	}
	o.Members(taking(f, &err))
	return err
}

// setString reads a string; old is taken when it is equal, which saves the copy.
func setString[S ~string](dst *S, old S, v []byte) error {
	if len(v) < 2 || v[0] != '"' {
		return wrong("a string")
	}
	switch {
	case scan.Is(v, string(old)):
		*dst = old
	case scan.Escaped(v):
		setEscaped(dst, v)
	default:
		*dst = S(v[1 : len(v)-1])
	}
	return nil
}

func setEscaped[S ~string](dst *S, v []byte) {
	var room [256]byte // on the stack
	*dst = S(scan.AppendUnescaped(room[:0], v))
}

func setBool(dst *bool, v []byte) error {
	b, ok := scan.Bool(v)
	if !ok {
		return wrong("true or false")
	}
	*dst = b
	return nil
}

func setInt[I int | int64](dst *I, v []byte) error {
	n, ok := scan.Int(v)
	if !ok || int64(I(n)) != n {
		return wrong("an integer")
	}
	*dst = I(n)
	return nil
}

func setFloat(dst *float64, v []byte) error {
	f, ok := scan.Float(v)
	if !ok {
		return wrong("a number")
	}
	*dst = f
	return nil
}

// setList reads an array into old's memory. Element functions get what stood
// there before and replace all of it.
func setList[T any](dst *[]T, old []T, v []byte, element func(*T, []byte) error) error {
	if v[0] != '[' {
		return wrong("an array")
	}
	list := old[:0]
	var err error
	scan.Elements(v, func(i int, e []byte) bool {
		if i < cap(list) {
			list = list[:i+1]
		} else {
			var zero T
			list = append(list, zero)
		}
		if err = element(&list[i], e); err != nil {
			err = under("["+strconv.Itoa(i)+"]", err)
		}
		return err == nil
	})
	*dst = list
	return err
}

func stringElement(s *string, v []byte) error { return setString(s, *s, v) }

// sameHeaders reports whether v has what h has, as when a vendor answers always alike.
func sameHeaders(h abi.Headers, v []byte) bool {
	left, same := len(h), true
	scan.Members(v, func(key, v []byte) bool {
		left--
		s, ok := h[string(key)]
		same = ok && scan.Is(v, s)
		return same
	})
	return same && left == 0
}

func setHeaders(dst *abi.Headers, v []byte) error {
	if v[0] != '{' {
		return wrong("an object")
	}
	h := abi.Headers{}
	err := members(v, func(key, v []byte) error {
		var s string
		if err := setString(&s, "", v); err != nil {
			return err
		}
		h[string(key)] = s
		return nil
	})
	*dst = h
	return err
}

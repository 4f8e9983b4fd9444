package wire

import "github.com/tokligence/gateway/pdk/abi"

// What is asked for every exchange is read by scan.Names: one walk, and then
// member by member. The keep functions are the set functions for a value that is
// nil when the member is absent; the zero value is kept then.

// reading is the first error of a document's members.
type reading struct{ err error }

func (r *reading) done(name string, err error) {
	if err != nil && r.err == nil {
		r.err = under(name, err)
	}
}

func keepString[S ~string](dst *S, old S, v []byte) error {
	if v == nil {
		*dst = ""
		return nil
	}
	return setString(dst, old, v)
}

func keepBool(dst *bool, v []byte) error {
	if *dst = false; v == nil {
		return nil
	}
	return setBool(dst, v)
}

func keepInt(dst *int, v []byte) error {
	if *dst = 0; v == nil {
		return nil
	}
	return setInt(dst, v)
}

func keepList[T any](dst *[]T, old []T, v []byte, element func(*T, []byte) error) error {
	if v == nil {
		*dst = nil
		return nil
	}
	return setList(dst, old, v, element)
}

func keepHeaders(dst *abi.Headers, v []byte) error {
	if v == nil {
		*dst = nil
		return nil
	}
	if len(*dst) > 0 && sameHeaders(*dst, v) {
		return nil
	}
	return setHeaders(dst, v)
}

package abi

import "errors"

// Raw is JSON text that is carried as it stands. It is encoding/json's
// RawMessage without encoding/json, which makes a Go guest half as large again.
type Raw []byte

// MarshalJSON implements json.Marshaler.
func (r Raw) MarshalJSON() ([]byte, error) {
	if r == nil {
		return []byte("null"), nil
	}
	return r, nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (r *Raw) UnmarshalJSON(text []byte) error {
	if r == nil {
		return errors.New("abi.Raw: UnmarshalJSON on nil pointer")
	}
	*r = append((*r)[0:0], text...)
	return nil
}

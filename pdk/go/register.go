package pdk

import (
	"errors"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/wire"
)

// registered is what the exports of a wasm guest answer with.
var registered Plugin

// Register makes p the plugin of this program. Call it once, in an init
// function; a second call panics.
func Register(p Plugin) {
	if registered != nil {
		panic("pdk: Register called twice")
	}
	registered = p
}

// Level says how important a line of the plugin's log is.
type Level int32

// The levels.
const (
	Debug Level = iota
	Info
	Warn
	Error
)

// Serve runs f of p on input and appends to dst what the host gets: the reply,
// or with failed an abi.Error document. The carriers' guest sides call it; a
// test may, too. It does not recover panics: the host discards the instance.
func Serve(p Plugin, f abi.Function, dst, input []byte) (output []byte, failed bool) {
	var err error
	if p == nil {
		err = errors.New("no plugin is registered")
	} else {
		var out []byte
		if out, err = p.Call(f, dst, input); err == nil {
			return out, false
		}
	}
	var e *abi.Error
	if !errors.As(err, &e) {
		e = &abi.Error{Code: abi.PluginFailed, Message: err.Error()}
	}
	return wire.AppendError(dst, e), true
}

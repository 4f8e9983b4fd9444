// Package pdk is the kit for plugins in Go. A plugin is a [Provider], a
// [Strategy] or a [Guardrail]: a manifest and a few functions from a document
// of package abi to another. Register it in init; main stays empty:
//
//	func init() { pdk.Register(New()) }
//	func main() {}
//
// Built with GOOS=wasip1 GOARCH=wasm -buildmode=c-shared it is a wasm plugin;
// the same value is tested natively, and served as a process by pdk/process.
//
// A document that a function is given, and every raw part of it, is valid until
// the function returns and must not be changed: the kit reuses its memory, and
// keeps an index of it for package scan. Strings may be kept, and so may the
// configuration. A reply is written before the next call is made, so its raw
// parts may lie in memory that the plugin uses again. The kit fills in the manifest's kind, ABI version and
// functions, and exports every function; one that the plugin lacks answers
// plugin_failed.
//
// JSON on the hot path is read and written with package scan, by scanning and
// appending: encoding/json costs five times as much in a guest, and makes its
// file half as large again.
package pdk

import "github.com/tokligence/gateway/pdk/abi"

// Plugin answers calls with the documents of package abi.
type Plugin interface {
	// Call appends the answer of f to dst. An *abi.Error goes to the host as it
	// is, any other error as plugin_failed. Call is never made twice at once.
	Call(f abi.Function, dst, input []byte) ([]byte, error)
}

// Provider translates between the canonical form and one vendor's. Plan is
// needed; the others as the plans say. Configure may be nil.
type Provider struct {
	Manifest     abi.Manifest
	Configure    func(config abi.Raw) []abi.Problem
	Plan         func(*abi.PlanRequest) (*abi.PlanReply, error)
	Encode       func(*abi.EncodeRequest) (*abi.EncodeReply, error)
	Decode       func(*abi.DecodeRequest) (*abi.DecodeReply, error)
	DecodeEvents func(*abi.DecodeEventsRequest) (*abi.DecodeEventsReply, error)
	DecodeError  func(*abi.DecodeErrorRequest) (*abi.DecodeErrorReply, error)
	Converse     func(*abi.ConverseRequest) (*abi.ConverseReply, error)

	documents documents
}

// Strategy orders candidates.
type Strategy struct {
	Manifest  abi.Manifest
	Configure func(config abi.Raw) []abi.Problem
	Rank      func(*abi.RankRequest) (*abi.RankReply, error)

	documents documents
}

// Guardrail inspects or rewrites text.
type Guardrail struct {
	Manifest  abi.Manifest
	Configure func(config abi.Raw) []abi.Problem
	Inspect   func(*abi.InspectRequest) (*abi.InspectReply, error)

	documents documents
}

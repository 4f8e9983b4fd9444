// The guest as an Extism plugin, on the kernel's functions as they are.
package main

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"strings"

	"github.com/tokligence/gateway/core/plugin/carriertest/guest"
	"github.com/tokligence/gateway/pdk/abi"
)

//go:wasmimport extism:host/env input_length
func inputLength() uint64

//go:wasmimport extism:host/env input_load_u8
func inputLoad8(offset uint64) uint32

//go:wasmimport extism:host/env input_load_u64
func inputLoad64(offset uint64) uint64

//go:wasmimport extism:host/env alloc
func alloc(n uint64) uint64

//go:wasmimport extism:host/env store_u8
func store8(offset uint64, value uint32)

//go:wasmimport extism:host/env store_u64
func store64(offset, value uint64)

//go:wasmimport extism:host/env output_set
func outputSet(offset, n uint64)

//go:wasmimport extism:host/env error_set
func errorSet(offset uint64)

//go:wasmimport extism:host/env log_info
func logInfo(offset uint64)

//go:wasmimport extism:host/env log_warn
func logWarn(offset uint64)

//go:wasmimport extism:host/env log_error
func logError(offset uint64)

//go:wasmimport extism:host/env var_set
func varSet(name, value uint64)

//go:wasmimport extism:host/env http_request
func httpRequest(request, body uint64) uint64

func main() {}

var plugin = guest.Guest{Log: func(level, message string) {
	switch at := store([]byte(message)); level {
	case "info":
		logInfo(at)
	case "warn":
		logWarn(at)
	default:
		logError(at)
	}
}}

func input() []byte {
	b := make([]byte, inputLength())
	i := 0
	for ; i+8 <= len(b); i += 8 {
		binary.LittleEndian.PutUint64(b[i:], inputLoad64(uint64(i)))
	}
	for ; i < len(b); i++ {
		b[i] = byte(inputLoad8(uint64(i)))
	}
	return b
}

func store(b []byte) uint64 {
	at := alloc(uint64(len(b)))
	i := 0
	for ; i+8 <= len(b); i += 8 {
		store64(at+uint64(i), binary.LittleEndian.Uint64(b[i:]))
	}
	for ; i < len(b); i++ {
		store8(at+uint64(i), uint32(b[i]))
	}
	return at
}

func serve(f abi.Function) int32 {
	in := input()
	switch do, arg, _ := strings.Cut(string(in[:min(len(in), 100)]), " "); do {
	case "var":
		varSet(store([]byte("a")), store([]byte("b")))
	case "http":
		httpRequest(store([]byte(`{"url":"`+arg+`"}`)), 0)
	case "silent":
		return 2
	case "error-and-zero":
		errorSet(store([]byte("an error all the same")))
		return 0
	}
	out, err := plugin.Call(f, nil, in)
	if err == nil {
		outputSet(store(out), uint64(len(out)))
		return 0
	}
	text := []byte(err.Error())
	if refusal := (*abi.Error)(nil); errors.As(err, &refusal) {
		text, _ = json.Marshal(refusal)
	}
	errorSet(store(text))
	return 1
}

//go:wasmexport tok_describe
func tokDescribe() int32 { return serve(abi.Describe) }

//go:wasmexport tok_configure
func tokConfigure() int32 { return serve(abi.Configure) }

//go:wasmexport tok_plan
func tokPlan() int32 { return serve(abi.Plan) }

//go:wasmexport tok_encode
func tokEncode() int32 { return serve(abi.Encode) }

//go:wasmexport tok_decode
func tokDecode() int32 { return serve(abi.Decode) }

//go:wasmexport tok_decode_events
func tokDecodeEvents() int32 { return serve(abi.DecodeEvents) }

//go:wasmexport tok_decode_error
func tokDecodeError() int32 { return serve(abi.DecodeError) }

//go:wasmexport tok_converse
func tokConverse() int32 { return serve(abi.Converse) }

//go:wasmexport tok_rank
func tokRank() int32 { return serve(abi.Rank) }

//go:wasmexport tok_inspect
func tokInspect() int32 { return serve(abi.Inspect) }

package main

import (
	"encoding/binary"
	"encoding/json"
	"errors"

	"github.com/tokligence/gateway/pdk/abi"
)

// This file is all that an Extism guest in Go needs: Extism's kernel keeps the
// input, the output and the error in a memory of its own, which is read and
// written eight bytes at a time. Extism's kits for other languages bring the same.

//go:wasmimport extism:host/env input_length
func inputLength() uint64

//go:wasmimport extism:host/env input_load_u64
func inputLoad64(offset uint64) uint64

//go:wasmimport extism:host/env input_load_u8
func inputLoad8(offset uint64) uint32

//go:wasmimport extism:host/env alloc
func alloc(n uint64) uint64

//go:wasmimport extism:host/env store_u64
func store64(offset, value uint64)

//go:wasmimport extism:host/env store_u8
func store8(offset uint64, value uint32)

//go:wasmimport extism:host/env output_set
func outputSet(offset, n uint64)

//go:wasmimport extism:host/env error_set
func errorSet(offset uint64)

// readInput copies the input out of the kernel.
func readInput() []byte {
	n := inputLength()
	b := make([]byte, n)
	i := uint64(0)
	for ; i+8 <= n; i += 8 {
		binary.LittleEndian.PutUint64(b[i:], inputLoad64(i))
	}
	for ; i < n; i++ {
		b[i] = byte(inputLoad8(i))
	}
	return b
}

// store copies b into the kernel and returns where it stands.
func store(b []byte) uint64 {
	n := uint64(len(b))
	at := alloc(n)
	i := uint64(0)
	for ; i+8 <= n; i += 8 {
		store64(at+i, binary.LittleEndian.Uint64(b[i:]))
	}
	for ; i < n; i++ {
		store8(at+i, uint32(b[i]))
	}
	return at
}

// answer runs f on the input. The gateway takes a non-zero result for a
// refusal: the error is an abi.Error document.
func answer(f func(input []byte) (any, error)) int32 {
	reply, err := f(readInput())
	if err == nil {
		var b []byte
		if b, err = json.Marshal(reply); err == nil {
			outputSet(store(b), uint64(len(b)))
			return 0
		}
	}
	var refusal *abi.Error
	if !errors.As(err, &refusal) {
		refusal = &abi.Error{Code: abi.PluginFailed, Message: err.Error()}
	}
	b, _ := json.Marshal(refusal)
	errorSet(store(b))
	return 1
}

//go:wasmexport tok_describe
func tokDescribe() int32 { return answer(describe) }

//go:wasmexport tok_configure
func tokConfigure() int32 { return answer(configure) }

//go:wasmexport tok_rank
func tokRank() int32 { return answer(rank) }

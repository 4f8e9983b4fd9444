package pdk

import (
	"unsafe"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// keepBytes is the largest buffer that is kept for the next call.
const keepBytes = 1 << 20

//go:wasmimport tokligence input_indexed
func inputIndexed(to unsafe.Pointer, n uint32, index unsafe.Pointer, m uint32) uint64

//go:wasmimport tokligence output_write
func outputWrite(from unsafe.Pointer, n uint32)

//go:wasmimport tokligence log
func hostLog(level int32, from unsafe.Pointer, n uint32)

// An instance serves one call at a time, so its buffers live as long as it does.
var input, output []byte

func serve(f abi.Function) int32 {
	readInput()
	out, failed := Serve(registered, f, output[:0], input)
	if len(out) > 0 {
		outputWrite(unsafe.Pointer(unsafe.SliceData(out)), uint32(len(out)))
	}
	output = out
	if cap(input) > keepBytes {
		input = nil
		scan.Index(nil)
	}
	if cap(output) > keepBytes {
		output = nil
	}
	if failed {
		return 1
	}
	return 0
}

// readInput fills input and indexes it, with the index that the host has made if
// it has: native code is ten times faster at that.
func readInput() {
	for {
		index, room := scan.IndexRoom()
		got := inputIndexed(unsafe.Pointer(unsafe.SliceData(input)), uint32(cap(input)), index, uint32(room))
		n, nodes := int(uint32(got)), int(got>>32)
		if n > cap(input) {
			input = make([]byte, n)
			continue
		}
		input = input[:n]
		if nodes > 0 {
			scan.Indexed(input, nodes)
		} else {
			scan.Index(input)
		}
		return
	}
}

// Log tells the operator something. It never belongs to a reply, and it must
// not quote a prompt.
func Log(level Level, message string) {
	hostLog(int32(level), unsafe.Pointer(unsafe.StringData(message)), uint32(len(message)))
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

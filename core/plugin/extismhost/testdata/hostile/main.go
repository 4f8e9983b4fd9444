// Hostile is an Extism guest that does what the input of an inspect call says.
package main

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
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

//go:wasmimport extism:host/env log_warn
func logWarn(offset uint64)

//go:wasmimport extism:host/env var_set
func varSet(name, value uint64)

//go:wasmimport extism:host/env http_request
func httpRequest(request, body uint64) uint64

func main() {}

var kept [][]byte

func input() string {
	b := make([]byte, inputLength())
	i := 0
	for ; i+8 <= len(b); i += 8 {
		binary.LittleEndian.PutUint64(b[i:], inputLoad64(uint64(i)))
	}
	for ; i < len(b); i++ {
		b[i] = byte(inputLoad8(uint64(i)))
	}
	return string(b)
}

func store(s string) uint64 {
	b := []byte(s)
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

func output(s string) int32 {
	outputSet(store(s), uint64(len(s)))
	return 0
}

func refuse(s string) int32 {
	errorSet(store(s))
	return 1
}

//go:wasmexport tok_describe
func describe() int32 { return output(`{"id":"guardrail.hostile"}`) }

//go:wasmexport tok_configure
func configure() int32 {
	if strings.Contains(input(), "bad") {
		return output(`{"problems":[{"path":"word","message":"is bad"}]}`)
	}
	return output(`{}`)
}

func recurse(n int) int { return recurse(n+1) + recurse(n+2) }

//go:wasmexport tok_plan
func empty() int32 { return 0 }

//go:wasmexport tok_inspect
func inspect() int32 {
	all := input()
	do, arg, _ := strings.Cut(all, " ")
	switch do {
	case "loop":
		for {
		}
	case "panic":
		panic("out of cheese")
	case "exit":
		code, _ := strconv.Atoi(arg)
		output("half an answer")
		os.Exit(code)
	case "recurse":
		return output(fmt.Sprint(recurse(0)))
	case "allocate":
		for {
			kept = append(kept, make([]byte, 1<<20))
		}
	case "bytes":
		n, _ := strconv.Atoi(arg)
		outputSet(alloc(uint64(n)), uint64(n))
		return 0
	case "refuse":
		return refuse(`{"code":"invalid_request","message":"no","param":"messages"}`)
	case "fail":
		return refuse("plain words")
	case "silent":
		return 2
	case "var":
		varSet(store("a"), store("b"))
	case "http":
		httpRequest(store(`{"url":"http://127.0.0.1:1/"}`), 0)
	case "file":
		_, err := os.ReadFile("/etc/passwd")
		return output(fmt.Sprint(err))
	case "env":
		b, _ := json.Marshal(os.Environ())
		return output(string(b))
	case "random":
		return output(rand.Text())
	case "year":
		return output(fmt.Sprint(time.Now().Year()))
	case "log":
		for range 1000 {
			logWarn(store("beware"))
		}
		return output(`0`)
	}
	return output(all)
}

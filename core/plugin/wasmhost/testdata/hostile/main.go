// Hostile is a guest that does what the input of an encode call says.
package main

import (
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
	"unsafe"
)

//go:wasmimport tokligence input_length
func inputLength() uint32

//go:wasmimport tokligence input_read
func inputRead(to unsafe.Pointer, n uint32)

//go:wasmimport tokligence output_write
func outputWrite(from unsafe.Pointer, n uint32)

//go:wasmimport tokligence log
func hostLog(level int32, from unsafe.Pointer, n uint32)

func main() {}

var (
	buffer []byte
	kept   [][]byte
	sink   []byte
)

func input() []byte {
	n := int(inputLength())
	if cap(buffer) < n {
		buffer = make([]byte, n)
	}
	buffer = buffer[:n]
	inputRead(unsafe.Pointer(unsafe.SliceData(buffer)), uint32(n))
	return buffer
}

func write(b []byte) { outputWrite(unsafe.Pointer(unsafe.SliceData(b)), uint32(len(b))) }

func output(s string) int32 {
	write([]byte(s))
	return 0
}

//go:wasmexport tok_describe
func describe() int32 { return output(`{"id":"provider.hostile"}`) }

//go:wasmexport tok_configure
func configure() int32 {
	if strings.Contains(string(input()), "bad") {
		return output(`{"problems":[{"path":"word","message":"is bad"}]}`)
	}
	return output(`{}`)
}

//go:wasmexport tok_plan
func empty() int32 { return 0 }

//go:wasmexport tok_decode
func echo() int32 {
	write(input())
	return 0
}

func recurse(n int) int { return recurse(n+1) + recurse(n+2) }

//go:wasmexport tok_encode
func encode() int32 {
	do, arg, _ := strings.Cut(string(input()), ":")
	if misbehave(do, arg) {
		return 0
	}
	switch do {
	case "litter":
		sink = []byte(arg)
		return 0
	case "refuse":
		output(`{"code":"invalid_request",`)
		output(`"message":"no","param":"messages"}`)
		return 1
	case "malformed":
		output(`{"code":`)
		return 1
	case "result":
		n, _ := strconv.Atoi(arg)
		return int32(n)
	case "file":
		_, err := os.ReadFile("/etc/passwd")
		return output(fmt.Sprint(err))
	case "write file":
		return output(fmt.Sprint(os.WriteFile("x", nil, 0o600)))
	case "env":
		return output(fmt.Sprint(os.Environ(), len(os.Args)))
	case "socket":
		_, err := net.Dial("tcp", arg)
		return output(fmt.Sprint(err))
	case "random":
		return output(rand.Text())
	case "year":
		return output(strconv.Itoa(time.Now().Year()))
	case "log":
		for range 1000 {
			hostLog(2, unsafe.Pointer(unsafe.StringData("beware")), 6)
		}
		return 0
	}
	write(buffer)
	return 0
}

// misbehave does not return when it knows what to do.
func misbehave(do, arg string) bool {
	n, _ := strconv.Atoi(arg)
	switch do {
	case "loop":
		for {
		}
	case "panic":
		panic("out of cheese")
	case "exit":
		output("half an answer")
		os.Exit(n)
	case "recurse":
		output(strconv.Itoa(recurse(0)))
	case "allocate":
		for {
			kept = append(kept, make([]byte, 1<<20))
		}
	case "bytes":
		write(make([]byte, n))
	case "flood":
		for {
			output("0123456789")
		}
	case "copy":
		for b := make([]byte, 8<<20); ; {
			copy(b, b[1:])
		}
	case "draw":
		for b := make([]byte, 8<<20); ; {
			rand.Read(b)
		}
	case "shout":
		for {
			os.Stderr.WriteString("la la la\n")
		}
	case "pointer":
		outputWrite(unsafe.Pointer(^uintptr(0)-8), 4)
	case "long read":
		inputRead(unsafe.Pointer(unsafe.SliceData(buffer)), uint32(len(buffer)+1))
	default:
		return false
	}
	return true
}

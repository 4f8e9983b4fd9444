package guest

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/tokligence/gateway/pdk/abi"
)

var kept [][]byte

// do does what a script says. The verbs of perish do not come back.
func (g *Guest) do(dst []byte, verb, arg string) ([]byte, error) {
	n, _ := strconv.Atoi(arg)
	switch verb {
	case "say":
		return append(dst, arg...), nil
	case "word":
		return append(dst, g.word...), nil
	case "bytes":
		return append(dst, make([]byte, n)...), nil
	case "refuse":
		return dst, &abi.Error{Code: abi.InvalidRequest, Message: "no \xff", Param: "messages"}
	case "fail":
		return dst, errors.New("plain words")
	case "nameless":
		return dst, &abi.Error{Message: "an error without a code"}
	case "log":
		for range n {
			g.Log("warn", "beware")
		}
		return dst, nil
	case "garbage":
		g.Log("error", "\xff\xfe\x00\x1b[31m\r\nforged "+strings.Repeat("x", 1<<20))
		fmt.Fprint(os.Stderr, "\xff\xfe\x00\x1b[31m\r\rforged\n", strings.Repeat("y", 1<<20))
		fmt.Fprint(os.Stdout, strings.Repeat("\n\n\x00", 1000))
		return append(dst, "done"...), nil
	case "hold":
		g.Log("info", "holding")
		hold(arg)
		return append(dst, "held"...), nil
	case "litter":
		kept = [][]byte{[]byte(arg)}
		return dst, nil
	case "keep":
		kept = append(kept, make([]byte, n))
		return dst, nil
	}
	if out, ok := look(verb, arg); ok {
		return append(dst, out...), nil
	}
	g.perish(verb, n)
	return dst, fmt.Errorf("there is no verb %q", verb)
}

// look tries what a sandbox forbids, and tells what came of it.
func look(verb, arg string) (out string, ok bool) {
	switch verb {
	case "read":
		b, err := os.ReadFile(arg)
		return fmt.Sprintf("%s, %v", b, err), true
	case "write":
		return fmt.Sprint(os.WriteFile(arg, []byte("x"), 0o600)), true
	case "list":
		list, err := os.ReadDir(arg)
		return fmt.Sprintf("%d entries, %v", len(list), err), true
	case "environment":
		return fmt.Sprintf("%q", os.Environ()), true
	case "arguments":
		return fmt.Sprintf("%q", os.Args), true
	case "pid":
		return strconv.Itoa(os.Getpid()), true
	case "socket":
		_, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
		return fmt.Sprint(err), true
	case "random":
		return rand.Text(), true
	case "year":
		return strconv.Itoa(time.Now().Year()), true
	case "descriptors":
		return closeDescriptors(), true
	case "fork":
		return fmt.Sprint(fork(arg)), true
	case "fork-exit":
		if err := fork(arg); err != nil {
			return fmt.Sprint(err), true
		}
		os.Exit(3)
	case "fork-sleep":
		if err := fork(arg); err != nil {
			return fmt.Sprint(err), true
		}
		time.Sleep(time.Hour)
	}
	return "", false
}

// perish does something that ends the instance, if it knows what.
func (g *Guest) perish(verb string, n int) {
	switch verb {
	case "loop":
		for {
		}
	case "sleep":
		time.Sleep(time.Duration(1<<63 - 1))
	case "wait":
		<-make(chan int)
	case "recurse":
		debug.SetMaxStack(32 << 20) // the machine's memory is more than a test may fill
		fmt.Println(recurse(0))
	case "allocate":
		for {
			kept = append(kept, make([]byte, 1<<20))
			if runtime.GOOS != "wasip1" {
				time.Sleep(time.Millisecond) // nothing ends it but its deadline: it shall not have much by then
			}
		}
	case "panic":
		panic("out of cheese")
	case "panic-elsewhere":
		go func() { panic("out of cheese, elsewhere") }()
		select {}
	case "nil":
		fmt.Println(*(*int)(nil))
	case "exit":
		os.Exit(n)
	case "shout":
		for {
			os.Stderr.WriteString("la la la\n")
		}
	case "print":
		for {
			os.Stdout.WriteString("tra la la\n")
		}
	case "copy":
		for b := make([]byte, 8<<20); ; {
			copy(b, b[1:])
		}
	case "draw":
		for b := make([]byte, 8<<20); ; {
			rand.Read(b)
		}
	case "log-forever":
		for {
			g.Log("info", "la la la")
		}
	}
}

func recurse(n int) int { return recurse(n+1) + recurse(n+2) }

// hold goes on when a file is there. In a sandbox, which has no files, the
// host's log does not return before.
func hold(path string) {
	for runtime.GOOS != "wasip1" {
		if _, err := os.Stat(path); err == nil {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// fork starts a program that outlives this one if it may, and writes down its number.
func fork(path string) error {
	p, err := os.StartProcess("/bin/sleep", []string{"sleep", "3600"}, &os.ProcAttr{})
	if err != nil {
		return err
	}
	return os.WriteFile(path, []byte(strconv.Itoa(p.Pid)), 0o600)
}

// closeDescriptors closes what is open beside the standard ones: in a process
// the socket on which the gateway calls is among them.
func closeDescriptors() string {
	n := 0
	for fd := uintptr(3); fd < 64; fd++ {
		if os.NewFile(fd, "").Close() == nil {
			n++
		}
	}
	return fmt.Sprintf("closed %d", n)
}

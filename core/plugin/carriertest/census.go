package carriertest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strings"
	"testing"
	"time"
)

// census counts what a test may leave behind: goroutines, descriptors, children
// and files in the temporary folder.
type census struct{ goroutines, descriptors, children, files int }

// takeCensus gives the test a temporary folder of its own first.
func takeCensus(t *testing.T) census {
	t.Setenv("TMPDIR", t.TempDir())
	return count()
}

func count() census {
	descriptors, _ := os.ReadDir("/proc/self/fd") // elsewhere there is nothing to count
	files, _ := os.ReadDir(os.TempDir())
	return census{runtime.NumGoroutine(), len(descriptors), children(), len(files)}
}

// children counts the processes whose parent this one is, zombies included.
func children() (n int) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range stats {
		b, err := os.ReadFile(file)
		if err != nil {
			continue // it has just ended
		}
		// pid (name) state parent …; the name may hold anything.
		fields := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
		if len(fields) > 1 && string(fields[1]) == fmt.Sprint(os.Getpid()) {
			n++
		}
	}
	return n
}

// compare waits until there is no more of anything than there was.
func (before census) compare(t *testing.T) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		now := count()
		if now.goroutines <= before.goroutines && now.descriptors <= before.descriptors && now.children <= before.children && now.files <= before.files {
			return
		}
		if time.Now().After(end) {
			var stacks strings.Builder
			pprof.Lookup("goroutine").WriteTo(&stacks, 1)
			t.Fatalf("something is left behind: %+v before, %+v now\n%s", before, now, stacks.String())
		}
	}
}

// gone waits until a process has ended, be it that nobody has collected it yet.
func gone(t *testing.T, pid string) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		b, err := os.ReadFile("/proc/" + pid + "/stat")
		if err != nil || strings.HasPrefix(string(b[bytes.LastIndexByte(b, ')')+1:]), " Z") {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("process %s lives on: %s", pid, b)
		}
	}
}

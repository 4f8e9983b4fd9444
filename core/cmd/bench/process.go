package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// process is a server that a run has started.
type process struct {
	cmd   *exec.Cmd
	addr  string
	log   *output
	ended chan struct{}
}

// start runs a program and waits until it tells its address. It dies with ctx.
func start(ctx context.Context, dir string, env []string, name string, args ...string) (*process, error) {
	p := &process{cmd: exec.CommandContext(ctx, name, args...), log: &output{address: make(chan string, 1)}, ended: make(chan struct{})}
	p.cmd.Dir, p.cmd.Env = dir, append(os.Environ(), env...)
	p.cmd.Stderr = p.log
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { _ = p.cmd.Wait(); close(p.ended) }()
	select {
	case p.addr = <-p.log.address:
		return p, nil
	case <-p.ended:
	case <-time.After(30 * time.Second):
		p.stop()
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return nil, fmt.Errorf("%s %s tells no address: %s", name, strings.Join(args, " "), p.log)
}

func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(10 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
}

// output is what a process writes to its standard error: JSON lines, of which
// the first with an address says where it listens. The end is kept for a report.
type output struct {
	mu      sync.Mutex
	text    []byte
	told    bool
	address chan string
}

const kept = 2000

// Write takes whole lines, or pieces of them.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text = append(o.text, p...)
	if !o.told {
		_, rest, _ := bytes.Cut(o.text, []byte(`"address":"`))
		var addr []byte
		if addr, _, o.told = bytes.Cut(rest, []byte(`"`)); o.told {
			o.address <- string(addr)
		}
	} else if len(o.text) > 2*kept {
		o.text = append(o.text[:0], o.text[len(o.text)-kept:]...)
	}
	return len(p), nil
}

// String is the end of what was written.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.text[max(len(o.text)-kept, 0):])
}

// cpu is the user and system time of the process so far.
func (p *process) cpu() time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	// The fields behind the command's name, which may hold spaces: utime and
	// stime are the 12th and 13th, in hundredths of a second.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * 10 * time.Millisecond
}

// memory is the resident set in KiB.
func (p *process) memory() int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	n, _ := strconv.ParseInt(strings.Fields(rest + " 0")[0], 10, 64)
	return n
}

//go:build unix

package prochost

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tokligence/gateway/core/plugin"
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/process"
)

func sum(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// TestCall_KilledMidCall: a kill from outside fails that call at once, and no other.
func TestCall_KilledMidCall(t *testing.T) {
	p := open(t, plugin.Source{Limits: plugin.Limits{Timeout: time.Minute, MaxInstances: 1}})
	out, err := p.Call(t.Context(), abi.Inspect, []byte("do:pid"), nil)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(string(out))
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() {
		_, err := p.Call(t.Context(), abi.Inspect, []byte("do:loop"), nil)
		ended <- err
	}()
	for p.Stats().Idle > 0 { // until the call has the process
		time.Sleep(time.Millisecond)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	var f *plugin.Fault
	if err := <-ended; !errors.As(err, &f) || f.Kind != plugin.FaultExit || !strings.Contains(err.Error(), "killed") {
		t.Errorf("error %v", err)
	}
	if _, err := p.Call(t.Context(), abi.Inspect, []byte("x"), nil); err != nil {
		t.Errorf("next call: %v", err)
	}
}

// TestCall_KilledBetween: a process that ends while it lies idle fails no call.
func TestCall_KilledBetween(t *testing.T) {
	var mu sync.Mutex
	var log string
	opened, err := New().Open(t.Context(), plugin.Source{
		ID: "guardrail.x", Path: guestFile,
		Limits: plugin.Limits{Timeout: 5 * time.Second},
		Log:    func(level, message string) { mu.Lock(); log += level + " " + message + "\n"; mu.Unlock() },
	})
	if err != nil {
		t.Fatal(err)
	}
	c := opened.(*code)
	setup := plugin.Setup{Config: json.RawMessage(`{}`)}.Of(&c.source)
	i, err := c.configured(t.Context(), &setup)
	if err != nil {
		t.Fatal(err)
	}
	defer i.Close(context.Background())
	proc := i.(*restarting).proc
	if err := proc.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-proc.done
	if out, err := i.Call(t.Context(), abi.Inspect, []byte("hello"), nil); err != nil || string(out) != "hello" {
		t.Errorf("next call: %q, %v", out, err)
	}
	mu.Lock()
	defer mu.Unlock()
	if want := "warn the process ended between two calls: signal: killed"; !strings.Contains(log, want) {
		t.Errorf("log %q lacks %q", log, want)
	}
}

// TestOpen_Refused: what is no plugin, or not the pinned one, is refused with the reason.
func TestOpen_Refused(t *testing.T) {
	script := func(text string) string {
		path := filepath.Join(t.TempDir(), "plugin")
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		return path
	}
	sum := func(text string) string { return sum([]byte("#!/bin/sh\n" + text + "\n")) }
	wrong := strings.Repeat("0", 64)
	for _, c := range []struct {
		name   string
		source plugin.Source
		texts  []string
	}{
		{"absent", plugin.Source{Path: "no/such/file"}, []string{"no such file"}},
		{"folder", plugin.Source{Path: t.TempDir()}, []string{"is not a file"}},
		{"wrong checksum", plugin.Source{Path: script("exit 7"), SHA256: wrong}, []string{wrong, sum("exit 7")}},
		{"ends at once", plugin.Source{Path: script("echo oh dear >&2; exit 7"), SHA256: sum("echo oh dear >&2; exit 7")}, []string{"start: exit", "oh dear"}},
		{"never shakes hands", plugin.Source{Path: script("exec /bin/sleep 60")}, []string{"no handshake within 300ms"}},
		{"leaves a child with its pipes", plugin.Source{Path: script("/bin/sleep 60 & exit 0")}, []string{"start: exit"}},
		{"other words", plugin.Source{Path: script("echo hello; exec /bin/sleep 60")}, []string{"hello"}},
		{"another ABI", plugin.Source{Path: script("echo '1|99|unix|/none|grpc|'; exec /bin/sleep 60")}, []string{"99", "1"}},
		{"a line without end", plugin.Source{Path: script("exec /bin/cat /dev/zero")}, []string{"start: exit"}},
		{"listens nowhere", plugin.Source{Path: script("echo '1|1|unix|/none|grpc|'; exec /bin/sleep 60")}, []string{"no such file"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.source.ID = "guardrail.x"
			_, err := carrier{startTimeout: 300 * time.Millisecond}.Open(t.Context(), c.source)
			if err == nil {
				t.Fatal("opened")
			}
			if n := strings.Count(err.Error(), "guardrail.x"); n != 1 {
				t.Errorf("error %q names the plugin %d times", err, n)
			}
			for _, text := range c.texts {
				if !strings.Contains(err.Error(), text) {
					t.Errorf("error %q lacks %q", err, text)
				}
			}
		})
	}
}

// TestServe_EndsWithInput: a process does not outlive a gateway that was killed.
func TestServe_EndsWithInput(t *testing.T) {
	p, err := start(guestFile, []string{process.CookieKey + "=" + process.CookieValue})
	if err != nil {
		t.Fatal(err)
	}
	defer p.closePipes()
	defer p.kill()
	p.input.Close()
	select {
	case <-p.done:
		if p.state() != "exit status 0" {
			t.Error(p.state())
		}
	case <-time.After(10 * time.Second):
		t.Error("the process goes on without its host")
	}
}

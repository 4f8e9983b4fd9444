//go:build unix

package prochost

import (
	"context"
	"crypto/tls"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/tokligence/gateway/core/plugin"
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/process/proto"
)

// TestCall_Rude: an answer is that of the call, or the process ends and the next
// caller gets another.
func TestCall_Rude(t *testing.T) {
	for _, c := range []struct {
		name, input string
		timeout     time.Duration
		kind        plugin.FaultKind
		text        string
	}{
		{"never", "never", time.Second, plugin.FaultDeadline, "deadline"},
		{"with another number", "number", time.Minute, plugin.FaultContract, "it answered call 9 when it was asked call 2"},
		{"by ending the stream", "end", time.Minute, plugin.FaultExit, "EOF"},
		{"with a status", "status", time.Minute, plugin.FaultTrap, "no tea"},
		{"with an error without a code", "error without a code", time.Minute, plugin.FaultOutput, "its error has no code"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := open(t, plugin.Source{Path: rudeFile, Limits: plugin.Limits{Timeout: c.timeout, MaxInstances: 1}})
			_, err := p.Call(t.Context(), abi.Inspect, []byte(c.input), nil)
			var f *plugin.Fault
			if !errors.As(err, &f) || f.Kind != c.kind || !strings.Contains(err.Error(), c.text) {
				t.Errorf("error %v, want kind %s with %q", err, c.kind, c.text)
			}
			out, err := p.Call(t.Context(), abi.Inspect, []byte("hello"), nil)
			if s := p.Stats(); err != nil || string(out) != "hello" || s.Discarded != 1 || s.Faults != 1 {
				t.Errorf("next call: %q, %v; stats %+v", out, err, s)
			}
		})
	}
	t.Run("with an error and a payload", func(t *testing.T) {
		p := open(t, plugin.Source{Path: rudeFile})
		out, err := p.Call(t.Context(), abi.Inspect, []byte("error with a payload"), nil)
		var refusal *abi.Error
		if !errors.As(err, &refusal) || *refusal != (abi.Error{Code: abi.InvalidRequest, Message: "no"}) || len(out) > 0 {
			t.Errorf("%q, %v", out, err)
		}
	})
}

// TestCall_Twice: a second answer is never the next caller's.
func TestCall_Twice(t *testing.T) {
	p := open(t, plugin.Source{Path: rudeFile, Limits: plugin.Limits{MaxInstances: 1}})
	if out, err := p.Call(t.Context(), abi.Inspect, []byte("twice"), nil); err != nil || string(out) != "twice" {
		t.Fatalf("%q, %v", out, err)
	}
	out, err := p.Call(t.Context(), abi.Inspect, []byte("mine"), nil)
	var f *plugin.Fault
	if !errors.As(err, &f) || f.Kind != plugin.FaultContract || !strings.Contains(err.Error(), "it answered call 2 when it was asked call 3") {
		t.Errorf("%q, %v", out, err)
	}
	if out, err := p.Call(t.Context(), abi.Inspect, []byte("mine"), nil); err != nil || string(out) != "mine" {
		t.Errorf("next call: %q, %v", out, err)
	}
}

// TestCall_Certificates: nobody else can call a plugin's process, and a program
// without a certificate is not called.
func TestCall_Certificates(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	p := open(t, plugin.Source{})
	sockets, err := filepath.Glob(filepath.Join(os.TempDir(), "*", "*"))
	if err != nil || len(sockets) != 1 {
		t.Fatalf("sockets %v, %v", sockets, err)
	}
	for name, c := range map[string]credentials.TransportCredentials{
		"in the clear":          insecure.NewCredentials(),
		"without a certificate": credentials.NewTLS(&tls.Config{InsecureSkipVerify: true}),
	} {
		conn, err := grpc.NewClient("unix://"+sockets[0], grpc.WithTransportCredentials(c), grpc.WithAuthority("localhost"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		calls, err := proto.NewPluginClient(conn).Calls(ctx)
		if err == nil {
			_ = calls.Send(&proto.CallRequest{Function: string(abi.Describe)})
			_, err = calls.Recv()
		}
		if err == nil {
			t.Errorf("it was called %s", name)
		}
	}
	if out, err := p.Call(t.Context(), abi.Decode, []byte("hello"), nil); err != nil || string(out) != "hello" {
		t.Errorf("the gateway's call: %q, %v", out, err)
	}

	clear := filepath.Join(t.TempDir(), "in-the-clear")
	if err := os.Symlink(rudeFile, clear); err != nil {
		t.Fatal(err)
	}
	if _, err := New().Open(t.Context(), plugin.Source{ID: "guardrail.x", Path: clear}); err == nil || !strings.Contains(err.Error(), "TLS handshake") {
		t.Errorf("a program without a certificate: %v", err)
	}
}

// TestStart_Pinned: the pin is checked at each start of a process, not only at the first.
func TestStart_Pinned(t *testing.T) {
	program, err := os.ReadFile(guestFile)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "program")
	write := func(b []byte) string {
		if err := errors.Join(os.WriteFile(path+".new", b, 0o700), os.Rename(path+".new", path)); err != nil {
			t.Fatal(err)
		}
		return sum(b)
	}
	pin := write(program)
	p := open(t, plugin.Source{Path: path, SHA256: strings.ToUpper(pin), Limits: plugin.Limits{MaxInstances: 1}})
	if _, err := p.Call(t.Context(), abi.Encode, []byte("do:exit 3"), nil); err == nil {
		t.Fatal("it did not exit")
	}
	if out, err := p.Call(t.Context(), abi.Encode, []byte("hello"), nil); err != nil || string(out) != "hello" {
		t.Fatalf("%q, %v", out, err)
	}
	other := write(append(program, 'x'))
	if out, err := p.Call(t.Context(), abi.Encode, []byte("hello"), nil); err != nil || string(out) != "hello" {
		t.Errorf("the process that runs: %q, %v", out, err)
	}
	if _, err := p.Call(t.Context(), abi.Encode, []byte("do:exit 3"), nil); err == nil {
		t.Fatal("it did not exit")
	}
	_, err = p.Call(t.Context(), abi.Encode, []byte("hello"), nil)
	var f *plugin.Fault
	if !errors.As(err, &f) || f.Kind != plugin.FaultExit || !strings.Contains(err.Error(), other) || !strings.Contains(err.Error(), strings.ToUpper(pin)) {
		t.Errorf("a changed program: %v", err)
	}
	write(program)
	if out, err := p.Call(t.Context(), abi.Encode, []byte("hello"), nil); err != nil || string(out) != "hello" {
		t.Errorf("the pinned program again: %q, %v", out, err)
	}
}

// TestStart_LeftAlone: a program that does not start is not started for ever.
func TestStart_LeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "program")
	if err := os.Symlink(guestFile, path); err != nil {
		t.Fatal(err)
	}
	p := open(t, plugin.Source{Path: path, Limits: plugin.Limits{MaxInstances: 1}})
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	kinds := []plugin.FaultKind{plugin.FaultExit, plugin.FaultExit, plugin.FaultExit, plugin.FaultExit, plugin.FaultExit, plugin.FaultBreaker}
	for i, kind := range kinds {
		_, err := p.Call(t.Context(), abi.Encode, []byte("do:exit 3"), nil)
		var f *plugin.Fault
		if !errors.As(err, &f) || f.Kind != kind || i > 0 && kind == plugin.FaultExit && !strings.Contains(err.Error(), "no such file") {
			t.Errorf("call %d: %v, want kind %s", i, err, kind)
		}
	}
}

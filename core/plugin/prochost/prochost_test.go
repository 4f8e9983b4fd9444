//go:build unix

package prochost

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/tokligence/gateway/core/plugin"
	"github.com/tokligence/gateway/core/plugin/carriertest"
	"github.com/tokligence/gateway/pdk/abi"
)

// The programs of package carriertest and of testdata/rude, built once.
var guestFile, rudeFile string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "prochost")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(dir)
		if guestFile, _, err = carriertest.Build(dir, carriertest.Process); err != nil {
			panic(err)
		}
		rudeFile = filepath.Join(dir, "rude")
		if out, err := exec.Command("go", "build", "-o", rudeFile, "./testdata/rude").CombinedOutput(); err != nil {
			panic(fmt.Sprintf("%v\n%s", err, out))
		}
		return m.Run()
	}())
}

func TestCarrier(t *testing.T) {
	carriertest.Run(t, &carriertest.Host{
		Name: carriertest.Process, Carrier: New(), Hasty: carrier{2 * time.Second}, File: guestFile,
		Declares: carriertest.LinkProcess(guestFile),
	})
}

func open(t testing.TB, s plugin.Source) plugin.Plugin {
	t.Helper()
	s.ID = "guardrail.x"
	if s.Path == "" {
		s.Path = guestFile
	}
	if s.Limits.Timeout == 0 {
		s.Limits.Timeout = time.Minute
	}
	code, err := New().Open(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	p, err := code.Start(t.Context(), plugin.Setup{Config: json.RawMessage(`{}`)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(p.Close(context.Background()), code.Close(context.Background())); err != nil {
			t.Error(err)
		}
	})
	return p
}

func BenchmarkCall(b *testing.B) {
	p := open(b, plugin.Source{})
	for _, n := range []int{0, 200, 1 << 10, 10 << 10, 100 << 10} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			input := bytes.Repeat([]byte{'x'}, n)
			var dst []byte
			for b.Loop() {
				var err error
				if dst, err = p.Call(b.Context(), abi.Inspect, input, dst[:0]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

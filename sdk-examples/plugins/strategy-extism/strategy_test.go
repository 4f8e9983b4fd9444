package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/tokligence/gateway/core/plugin"
	"github.com/tokligence/gateway/core/plugin/extismhost"
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/conformance"
)

// The plugin, built once, and its compiled code.
var file, cacheDir string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "strategy")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(dir)
		file, cacheDir = filepath.Join(dir, "strategy.wasm"), filepath.Join(dir, "cache")
		cmd := exec.Command("go", "build", "-buildmode=c-shared", "-ldflags=-s -w", "-o", file, ".")
		cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
		if out, err := cmd.CombinedOutput(); err != nil {
			panic(fmt.Sprintf("%v\n%s", err, out))
		}
		return m.Run()
	}())
}

func open(t *testing.T) plugin.Code {
	t.Helper()
	module, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	code, err := extismhost.New().Open(t.Context(), plugin.Source{ID: "strategy.sticky-until-full", Bytes: module, CacheDir: cacheDir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { code.Close(context.Background()) })
	return code
}

func TestStrategy(t *testing.T) {
	code := open(t)
	p, err := code.Start(t.Context(), plugin.Setup{Config: json.RawMessage(`{"headroom":0.1}`)})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close(context.Background())
	for _, c := range []struct {
		name       string
		candidates []abi.Candidate
		order      []int
	}{
		{"priority, then name", []abi.Candidate{
			{Deployment: "b", Priority: 1}, {Deployment: "a", Priority: 1}, {Deployment: "c"},
		}, []int{2, 1, 0}},
		{"a full one waits", []abi.Candidate{
			{Deployment: "a", RPM: 95, RPMLimit: 100}, {Deployment: "b", RPM: 90, RPMLimit: 100},
		}, []int{1, 0}},
		{"tokens fill as well", []abi.Candidate{
			{Deployment: "a", RPM: 1, RPMLimit: 100, TPM: 95, TPMLimit: 100}, {Deployment: "b"},
		}, []int{1, 0}},
		{"all full", []abi.Candidate{
			{Deployment: "a", RPM: 99, RPMLimit: 100}, {Deployment: "b", RPM: 95, RPMLimit: 100},
		}, []int{1, 0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			input, err := json.Marshal(abi.RankRequest{Candidates: c.candidates})
			if err != nil {
				t.Fatal(err)
			}
			out, err := p.Call(t.Context(), abi.Rank, input, nil)
			if err != nil {
				t.Fatal(err)
			}
			var got abi.RankReply
			if err := json.Unmarshal(out, &got); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got.Order, c.order) || got.Reason == "" {
				t.Errorf("reply %s, want order %v", out, c.order)
			}
		})
	}
	var refusal *abi.Error
	if _, err := p.Call(t.Context(), abi.Rank, []byte(`{}`), nil); !errors.As(err, &refusal) || refusal.Param != "candidates" {
		t.Errorf("no candidates: %v", err)
	}
}

func TestConfigure(t *testing.T) {
	_, err := open(t).Start(t.Context(), plugin.Setup{Config: json.RawMessage(`{"headroom":1}`)})
	var e *plugin.ConfigError
	if !errors.As(err, &e) || e.Problems[0].Path != "headroom" {
		t.Errorf("error %v", err)
	}
}

// TestConformance is what `tokligence plugin test` checks.
func TestConformance(t *testing.T) {
	conformance.Run(t, conformance.Target{
		Declaration: plugin.Declaration{Source: file},
		Carriers:    map[string]plugin.Carrier{"extism": extismhost.New()},
		CacheDir:    cacheDir,
	})
}

package codecache_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tokligence/gateway/core/plugin/codecache"
)

// empty is the smallest module.
var empty = []byte("\x00asm\x01\x00\x00\x00")

func TestOpen(t *testing.T) {
	ctx, dir := t.Context(), filepath.Join(t.TempDir(), "made")
	for _, where := range []string{dir, ""} {
		cache, err := codecache.Open(where)
		if err != nil {
			t.Fatal(err)
		}
		rt := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().WithCompilationCache(cache))
		if _, err := rt.CompileModule(ctx, empty); err != nil {
			t.Error(err)
		}
		if err := cache.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}
	if kept, err := os.ReadDir(dir); err != nil || len(kept) != 1 {
		t.Errorf("%v %v, want one folder, of this version", kept, err)
	}
}

func TestOpen_NoDirectory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := codecache.Open(file); err == nil || !strings.HasPrefix(err.Error(), "cache of compiled code: ") {
		t.Errorf("%v", err)
	}
}

// TestKeep: what is kept is made once, for each name, unless it is not whole any more.
func TestKeep(t *testing.T) {
	dir, made := filepath.Join(t.TempDir(), "made"), 0
	keep := func(dir, name string) string {
		t.Helper()
		content, err := codecache.Keep(dir, name, func() ([]byte, error) {
			made++
			return []byte("content of " + name), nil
		})
		if err != nil || string(content) != "content of "+name {
			t.Errorf("%s: %q, %v", name, content, err)
		}
		return filepath.Join(dir, name)
	}
	expect := func(want int, what string) {
		t.Helper()
		if made != want {
			t.Errorf("%s: made %d times, want %d", what, made, want)
		}
	}
	file := keep(dir, "a")
	keep(dir, "a")
	expect(1, "the same name again")
	keep(dir, "b")
	expect(2, "another name")
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	broken := map[string][]byte{"empty": nil, "cut in its sum": whole[:20], "cut": whole[:len(whole)-1], "longer": append(whole[:len(whole):len(whole)], 'x'), "changed": append(whole[:len(whole)-1:len(whole)-1], 'x')}
	for what, content := range broken {
		made = 0
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
		keep(dir, "a")
		expect(1, what)
		keep(dir, "a")
		expect(1, what+", mended")
	}
	made = 0
	keep("", "a")
	keep("", "a")
	expect(2, "without a folder")
	keep(file, "a") // no folder can be made there
	expect(3, "where nothing can be kept")
	if left, err := os.ReadDir(dir); err != nil || len(left) != 2 {
		t.Errorf("%v, %v, want the two files", left, err)
	}
}

// TestKeep_Fails: nothing is kept of what could not be made.
func TestKeep_Fails(t *testing.T) {
	dir, wrong := t.TempDir(), errors.New("wrong")
	if _, err := codecache.Keep(dir, "a", func() ([]byte, error) { return nil, wrong }); err != wrong {
		t.Errorf("%v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("%v, %v", left, err)
	}
}

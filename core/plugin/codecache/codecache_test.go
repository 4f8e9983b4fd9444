package codecache_test

import (
	"context"
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

// Package codecache keeps between starts what carriers have made of Wasm modules: code
// that wazero has compiled, and files.
package codecache

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/tetratelabs/wazero"
)

// versioned has wazero find its own version, by which it keeps compiled code: it
// writes that down at the first use and does not expect two of them at once.
var versioned = sync.OnceFunc(func() {
	ctx := context.Background()
	_ = wazero.NewRuntime(ctx).Close(ctx)
})

// Open returns the cache in dir, which is made where it is not there; "" is a cache
// in memory. Plugins may be opened at the same time, each with a cache of its own.
func Open(dir string) (wazero.CompilationCache, error) {
	versioned()
	if dir == "" {
		return wazero.NewCompilationCache(), nil
	}
	cache, err := wazero.NewCompilationCacheWithDir(dir)
	if err != nil {
		return nil, fmt.Errorf("cache of compiled code: %w", err)
	}
	return cache, nil
}

// Keep returns the content that is kept in dir under a name, which tells all that it is
// made of. What is not there, or is not whole, is made and kept for the next start; where
// it cannot be kept, and with "", it is made each time.
func Keep(dir, name string, make func() ([]byte, error)) ([]byte, error) {
	if dir == "" {
		return make()
	}
	path := filepath.Join(dir, name)
	if content, whole := read(path); whole {
		return content, nil
	}
	content, err := make()
	if err == nil {
		_ = write(path, content)
	}
	return content, err
}

// read returns a file that write has written, and whether it is as it was.
func read(path string) (content []byte, whole bool) {
	file, err := os.ReadFile(path)
	if err != nil || len(file) < sha256.Size {
		return nil, false
	}
	content = file[sha256.Size:]
	return content, sha256.Sum256(content) == [sha256.Size]byte(file)
}

// write puts a file in its place as a whole, behind the sum of its content.
func write(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	sum := sha256.Sum256(content)
	_, err = f.Write(sum[:])
	if err == nil {
		_, err = f.Write(content)
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // it is nobody's
	}
	return err
}

// Package codecache opens the cache of compiled code that carriers of Wasm modules share.
package codecache

import (
	"context"
	"fmt"
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

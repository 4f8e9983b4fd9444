// Compile fills a cache of compiled code: compile CARRIER FILE CACHE. It runs as
// a program of its own because the race detector, under which tests run, makes
// the compiler take half a minute.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/tokligence/gateway/core/plugin"
	"github.com/tokligence/gateway/core/plugin/extismhost"
	"github.com/tokligence/gateway/core/plugin/wasmhost"
)

func main() {
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(carrier, file, cache string) error {
	module, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	carriers := map[string]plugin.Carrier{"wasm": wasmhost.New(), "extism": extismhost.New()}
	code, err := carriers[carrier].Open(context.Background(), plugin.Source{ID: "provider.guest", Bytes: module, CacheDir: cache})
	if err != nil {
		return err
	}
	return code.Close(context.Background())
}

// Package plugins holds the first-party plugins: their sources in the folders
// below, and what make built of them, embedded.
package plugins

import (
	"bytes"
	"compress/gzip"
	"embed"
	"fmt"
	"io"
	"strings"
)

//go:embed builtin
var files embed.FS

const suffix = ".wasm.gz"

// Set opens embedded plugins by name.
type Set struct{}

// Builtin is the set of plugins inside this binary.
func Builtin() Set { return Set{} }

// Names lists them, sorted.
func (Set) Names() (names []string) {
	entries, err := files.ReadDir("builtin")
	if err != nil {
		return nil
	}
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), suffix); ok {
			names = append(names, name)
		}
	}
	return names
}

// Open returns the module of that name.
func (s Set) Open(name string) ([]byte, error) {
	packed, err := files.Open("builtin/" + name + suffix)
	if err != nil {
		return nil, fmt.Errorf("this binary has no plugin %q; it has %s", name, strings.Join(s.Names(), ", "))
	}
	defer packed.Close()
	module, err := unpack(packed)
	if err != nil {
		return nil, fmt.Errorf("plugin %q: %w", name, err)
	}
	return module, nil
}

func unpack(packed io.Reader) ([]byte, error) {
	z, err := gzip.NewReader(packed)
	if err != nil {
		return nil, err
	}
	// Most of them fit at once: growing step by step takes as long as unpacking.
	module := bytes.NewBuffer(make([]byte, 0, 3<<20))
	if _, err := module.ReadFrom(z); err != nil {
		return nil, err
	}
	return module.Bytes(), nil
}

// Package plugins holds the first-party plugins: their sources in the folders
// below, and what make built of them, embedded. A folder with a profile.json has
// no code of its own: it is that of another, configured for one vendor.
package plugins

import (
	"bytes"
	"compress/gzip"
	"embed"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
)

//go:embed builtin providers/*/profile.json
var files embed.FS

const (
	suffix  = ".wasm.gz"
	folder  = "providers/"
	profile = "/profile.json"
)

// Set opens embedded plugins by name.
type Set struct{}

// Builtin is the set of plugins inside this binary.
func Builtin() Set { return Set{} }

// Names lists them, sorted.
func (Set) Names() (names []string) {
	modules, err := fs.Glob(files, "builtin/*"+suffix)
	if err != nil {
		return nil
	}
	for _, path := range modules {
		names = append(names, strings.TrimSuffix(strings.TrimPrefix(path, "builtin/"), suffix))
	}
	names = append(names, Builtin().Profiles()...)
	slices.Sort(names)
	return slices.Compact(names)
}

// Profiles lists the names of those that are profiles, sorted.
func (Set) Profiles() (names []string) {
	paths, err := fs.Glob(files, folder+"*"+profile)
	if err != nil {
		return nil
	}
	for _, path := range paths {
		names = append(names, strings.TrimSuffix(strings.TrimPrefix(path, folder), profile))
	}
	return names
}

// Profile returns the profile.json of that name, nil when there is none.
func (Set) Profile(name string) []byte {
	text, err := files.ReadFile(folder + name + profile)
	if err != nil {
		return nil
	}
	return text
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

// Package vectortest plays the vectors of package vector to a plugin's own code,
// without a carrier.
package vectortest

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/tokligence/gateway/pdk/abi"
	pdk "github.com/tokligence/gateway/pdk/go"
	"github.com/tokligence/gateway/pdk/vector"
)

var update = flag.Bool("update", false, "write the expected sections of the vectors anew")

// shortLimit is how long a string may be that still enters a plugin: so short that
// vectors have many that do not.
const shortLimit = 12

// Run plays every vector of dir to providers made by newProvider, a fresh one
// for each call: nothing may live in an instance. go test -update writes the
// expected sections anew.
func Run(t *testing.T, newProvider func() *pdk.Provider, dir string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no vectors in %s: %v", dir, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			call := func(f abi.Function, input []byte) ([]byte, error) { return newProvider().Call(f, nil, input) }
			played, problems := vector.Play(a, call)
			if *update && played != nil {
				if err := os.WriteFile(file, txtar.Format(played), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			for _, p := range problems {
				t.Error(p)
			}
			if newProvider().Manifest.LongText {
				return
			}
			_, problems = vector.Play(a, vector.Shortened(call, shortLimit))
			for _, p := range problems {
				t.Error("with long strings kept out: " + p)
			}
		})
	}
}

package instrument

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestVersion: no file of the package is missing from what it is told by.
func TestVersion(t *testing.T) {
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") || name == "version.go" {
			continue
		}
		want, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := files.ReadFile(name); err != nil || string(got) != string(want) {
			t.Errorf("%s is not embedded: %v", name, err)
		}
	}
	if len(Version()) != 32 {
		t.Errorf("%q", Version())
	}
}

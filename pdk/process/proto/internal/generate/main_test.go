package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestGenerate_Current holds that the committed Go code is what the proto file
// generates: go generate ./pdk/process/... mends it.
func TestGenerate_Current(t *testing.T) {
	const root = "../../../../.."
	files, err := generate(t.Context(), root, "pdk/process/proto/plugin.proto")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 2 {
		t.Fatalf("%d files were generated, want messages and service", len(files))
	}
	for _, f := range files {
		committed, err := os.ReadFile(filepath.Join(root, f.GetName()))
		if err != nil {
			t.Error(err)
		} else if string(committed) != f.GetContent() {
			t.Errorf("%s is not what plugin.proto generates", f.GetName())
		}
	}
}

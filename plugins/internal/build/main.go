// Command build compiles every first-party plugin to Wasm and puts it,
// compressed, where package plugins embeds it. Run it at the module's root.
package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
)

func main() {
	if err := build(); err != nil {
		fmt.Fprintln(os.Stderr, "build plugins:", err)
		os.Exit(1)
	}
}

// workers is how many compilers run side by side.
const workers = 2

func build() error {
	mains, err := filepath.Glob("plugins/*/*/main.go")
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "plugins-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	jobs, errs := make(chan string), make(chan error, len(mains))
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for folder := range jobs {
				if err := one(folder, dir); err != nil {
					errs <- fmt.Errorf("%s: %w", folder, err)
				}
			}
		})
	}
	for _, m := range mains {
		if folder := filepath.Dir(m); filepath.Base(filepath.Dir(folder)) != "internal" {
			jobs <- folder
		}
	}
	close(jobs)
	wg.Wait()
	close(errs)
	return <-errs
}

// one builds a plugin. The compiler's own cache makes an unchanged one quick,
// and a file that would not change is not written.
func one(folder, dir string) error {
	name := filepath.Base(folder)
	out := filepath.Join(dir, name+".wasm")
	cmd := exec.Command("go", "build", "-buildmode=c-shared", "-trimpath", "-ldflags", "-s -w", "-o", out, "./"+filepath.ToSlash(folder))
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0", "GOFLAGS=")
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, text)
	}
	module, err := os.ReadFile(out)
	if err != nil {
		return err
	}
	var packed bytes.Buffer
	z, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := z.Write(module); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	path := filepath.Join("plugins", "builtin", name+".wasm.gz")
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, packed.Bytes()) {
		return nil
	}
	return os.WriteFile(path, packed.Bytes(), 0o644)
}

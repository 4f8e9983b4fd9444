package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// configs are for the plugins that do not run without one.
var configs = map[string]string{
	"builtin:rules": `{"rules":[{"name":"secret","words":["secret"]},{"name":"key","pattern":"AKIA[0-9A-Z]{16}","action":"replace"}]}`,
}

// vectors are the folders with whole exchanges of providers; others below them
// are of the gateway's own codecs.
const vectors = "../../../testdata/vectors"

// TestPluginTest: what this repository ships, plugins and examples, passes the
// conformance kit, on its carrier; a provider gives the answers of its vectors,
// which its own tests hold its code to, as the module that the binary brings.
func TestPluginTest(t *testing.T) {
	dir, program := t.TempDir(), program(t)
	list, err := exec.Command(program, "plugin", "list", "--builtin").Output()
	if err != nil {
		t.Fatal(err)
	}
	files := strings.Fields(string(list))
	if len(files) == 0 {
		t.Fatal("the binary has no plugins: make plugins")
	}
	examples, err := filepath.Glob("../../../sdk-examples/plugins/*-*")
	if err != nil || len(examples) == 0 {
		t.Fatalf("examples %v, %v", examples, err)
	}
	for _, folder := range examples {
		file := filepath.Join(dir, filepath.Base(folder))
		if strings.HasSuffix(folder, "-process") {
			build(t, file, folder)
		} else {
			build(t, file, folder, "-buildmode=c-shared", "-ldflags=-s -w")
		}
		files = append(files, file)
	}
	providers := map[string]bool{}
	sources, err := filepath.Glob("../../../plugins/providers/*/main.go")
	if err != nil || len(sources) == 0 {
		t.Fatalf("providers %v, %v", sources, err)
	}
	for _, source := range sources {
		name := filepath.Base(filepath.Dir(source))
		providers[name] = true
		if !slices.Contains(files, "builtin:"+name) {
			t.Errorf("the binary has no plugin %s: make plugins", name)
		}
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			args := []string{"plugin", "test", file}
			if strings.HasSuffix(file, "-process") {
				args = append(args, "--carrier", "process")
			}
			if c := configs[file]; c != "" {
				path := filepath.Join(t.TempDir(), "config.json")
				if err := os.WriteFile(path, []byte(c), 0o600); err != nil {
					t.Fatal(err)
				}
				args = append(args, "--config", path)
			}
			folder := ""
			if name, ok := strings.CutPrefix(file, "builtin:"); ok && providers[name] {
				folder = filepath.Join(vectors, name)
				args = append(args, "--vectors", folder)
			}
			out, err := exec.Command(program, args...).CombinedOutput()
			if err != nil {
				t.Errorf("%v\n%s", err, out)
			}
			if played := strings.Contains(string(out), "\nvectors   ok, "); played != (folder != "") || played && !strings.Contains(string(out), "carrier wasm") {
				t.Errorf("with vectors %q\n%s", folder, out)
			}
		})
	}
}

// build compiles a package; with flags, to Wasm.
func build(t *testing.T, to, folder string, flags ...string) {
	t.Helper()
	cmd := exec.Command("go", append(append([]string{"build", "-o", to}, flags...), folder)...)
	if len(flags) > 0 {
		cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

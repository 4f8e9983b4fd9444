package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// FuzzLoad: no document makes loading panic; a refusal says why and where.
func FuzzLoad(f *testing.F) {
	f.Add(Starter())
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range archives {
		ar, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(ar.Files[0].Data))
	}
	f.Add("a.b.c = 1\n[[a.\"x y\".d]]\nk = '''\n'''\nl = [1, [2, {m = \"\"\"\\\"\"\"\"}]] # c\n[a.z]\n")
	f.Fuzz(func(t *testing.T, doc string) {
		l := newLoader("x.toml", func(name string) (string, bool) { return "MARK", len(name) == 1 }, func(string) ([]byte, error) { return nil, errors.New("no files here") })
		l.add(&source{name: "x.toml"}, doc)
		cfg, problems := l.finish()
		if (cfg == nil) != HasErrors(problems) {
			t.Fatalf("config %v, problems %v", cfg, problems)
		}
		lines := strings.Count(doc, "\n") + 1
		for _, p := range problems {
			if p.Message == "" || p.Line < 0 || p.Line > lines || p.File != "x.toml" {
				t.Fatalf("problem %+v of %d lines", p, lines)
			}
		}
	})
}

// TestFindLines checks lines against a document whose values say where they stand.
func TestFindLines(t *testing.T) {
	raw, err := os.ReadFile("testdata/lines.toml")
	if err != nil {
		t.Fatal(err)
	}
	lines := findLines(string(raw))
	for path, want := range map[string]int{
		"top": 2, "dotted": 3, "dotted.a": 3, "dotted.a.b": 3, `quoted key`: 4, "quoted key.it's": 4,
		"multi": 5, "after_multi": 8, "literal": 9, "after_literal": 12, "list": 13, "list[0]": 14, "list[1]": 16, "list[1].x": 16,
		"list[1].y.z": 16, "list[2]": 17, "list[2][1]": 17, "table": 19, "table.sub": 19, "table.sub.k": 20,
		"items": 22, "items[0]": 22, "items[0].k": 23, "items[0].sub": 24, "items[0].sub.k": 25, "items[1]": 27, "items[1].k": 28,
		"items[1].nested": 29, "items[1].nested[0]": 29, "items[1].nested[0].k": 30, "items[1].nested[1].k": 32, "last": 33, "last.when": 34, "last.n": 35,
	} {
		if lines[path] != want {
			t.Errorf("%s is on line %d, want %d", path, lines[path], want)
		}
	}
}

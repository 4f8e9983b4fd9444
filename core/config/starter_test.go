package config

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/ledger/prices"
)

func TestStarter(t *testing.T) {
	const root = "../../gateway.toml"
	if *update {
		if err := os.WriteFile(root, []byte(Starter()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := os.ReadFile(root)
	if err != nil {
		t.Fatal(err)
	}
	if string(raw) != Starter() {
		t.Errorf("%s is not what init writes: go test ./core/config -run TestStarter -update", root)
	}
	cfg, problems := Load(root, lookup(nil))
	if cfg == nil {
		t.Fatal(list(problems))
	}
	for _, p := range problems {
		if !strings.Contains(p.Message, "is not set") {
			t.Errorf("more than an unset credential: %v", p)
		}
	}
	full, problems := Load(root, func(string) (string, bool) { return "x", true })
	if len(problems) > 0 {
		t.Errorf("with all variables set: %v", problems)
	}
	book := prices.Catalogue()
	for _, d := range cfg.Deployments() {
		if _, ok := book.For(&d, time.Now()); !ok {
			t.Errorf("%s has no price: it could not be used under a budget", d.Name)
		}
	}
	if full == nil || !slices.ContainsFunc(full.Models(), func(m core.Model) bool { return m.Name == "echo" }) {
		t.Error("no alias echo")
	}
}

func TestStarter_Commented(t *testing.T) {
	var b strings.Builder
	for line := range strings.Lines(Starter()) {
		if s, ok := strings.CutPrefix(line, "# "); ok && (strings.HasPrefix(s, "[[") && !strings.Contains(s, "]] ") || commentedKey(s)) {
			line = s
		}
		b.WriteString(line)
	}
	if !strings.Contains(b.String(), "\nname = \"house-rules\"") {
		t.Fatal("nothing was taken out of its comment")
	}
	cfg, problems := Parse("gateway.toml", b.String(), func(string) (string, bool) { return "x", true })
	for _, p := range problems {
		if p.Message != "no model uses it" {
			t.Error(p)
		}
	}
	if cfg == nil {
		t.Fatal("refused")
	}
}

func commentedKey(s string) bool {
	key, _, ok := strings.Cut(s, " = ")
	return ok && !strings.ContainsAny(key, " .") && !strings.Contains(s, "{ … }")
}

func TestDocuments(t *testing.T) {
	documents, blocks := 0, 0
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := d.Name(); d.IsDir() && (name == "node_modules" || name == ".git" || name == "shared") {
			return fs.SkipDir
		}
		if filepath.Ext(path) != ".md" {
			return nil
		}
		documents++
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, block := range tomlBlocks(string(raw)) {
			blocks++
			_, problems := Parse(path, block, func(string) (string, bool) { return "x", true })
			for _, p := range problems {
				if !p.Warning && !strings.HasPrefix(p.Message, "no [[") {
					t.Errorf("%v in\n%s", p, block)
				}
			}
		}
		return nil
	})
	if err != nil || documents == 0 || blocks == 0 {
		t.Errorf("%d documents, %d blocks: %v", documents, blocks, err)
	}
}

func tomlBlocks(doc string) (blocks []string) {
	for {
		_, rest, ok := strings.Cut(doc, "\n```toml\n")
		if !ok {
			return blocks
		}
		var block string
		block, doc, _ = strings.Cut(rest, "```")
		blocks = append(blocks, block)
	}
}

func TestSections(t *testing.T) {
	ref := Reference()
	fields := PriceFields()
	for _, s := range Sections() {
		fields = append(fields, s.Fields...)
		if s.Doc == "" {
			t.Errorf("%s has no description", s.Name)
		}
	}
	for _, f := range fields {
		if f.Doc == "" || f.Type == "" || !strings.Contains(ref, "| `"+f.Name+"` |") {
			t.Errorf("field %+v is not described", f)
		}
		if f.Default != "" {
			parseDefault(f.Default) // panics when malformed
		}
	}
}

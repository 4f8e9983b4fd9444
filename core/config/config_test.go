package config

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/tokligence/gateway/core/reach"
)

var update = flag.Bool("update", false, "rewrite the expected files")

// TestLoad runs testdata/*.txtar: files to load, "env" with NAME=value lines,
// "problems" as they must be reported (all of them, no other), and "result", the
// objects as JSON, for configurations without errors.
func TestLoad(t *testing.T) {
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatalf("no archives: %v", err)
	}
	for _, name := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			dir, env := t.TempDir(), map[string]string{}
			for _, f := range ar.Files {
				switch f.Name {
				case "env":
					for line := range strings.Lines(string(f.Data)) {
						k, v, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
						env[k] = v
					}
				case "problems", "result":
				default:
					writeFile(t, filepath.Join(dir, f.Name), f.Data)
				}
			}
			cfg, problems := Load(filepath.Join(dir, "gateway.toml"), lookup(env))
			if (cfg == nil) != HasErrors(problems) {
				t.Errorf("config %v with problems %v", cfg, problems)
			}
			got := map[string]string{"problems": list(problems), "result": dump(cfg)}
			for _, part := range []string{"problems", "result"} {
				got[part] = strings.ReplaceAll(got[part], dir+string(filepath.Separator), "")
				compare(t, ar, part, got[part])
			}
			if *update {
				if err := os.WriteFile(name, txtar.Format(ar), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func writeFile(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func lookup(env map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		v, ok := env[name]
		return v, ok
	}
}

func list(problems []Problem) string {
	var b strings.Builder
	for _, p := range problems {
		fmt.Fprintln(&b, p)
	}
	return b.String()
}

// dump shows what a configuration came to; secrets only by the names of their fields.
func dump(c *Config) string {
	if c == nil {
		return ""
	}
	var b strings.Builder
	show := func(kind string, v any) {
		raw, _ := json.Marshal(v)
		fmt.Fprintf(&b, "%s %s\n", kind, raw)
	}
	show("server", c.Server)
	show("storage", c.Storage)
	show("ledger", c.Ledger)
	show("routing", c.Routing)
	show("sign_in", c.SignIn)
	for _, p := range c.Plugins() {
		show("plugin", p)
		show("  config", p.Config)
	}
	credentials := c.Credentials()
	for _, name := range slices.Sorted(maps.Keys(credentials)) {
		cr := credentials[name]
		fmt.Fprintf(&b, "credential %s %s %v missing %v\n", cr.Name, cr.Provider, slices.Sorted(maps.Keys(cr.Fields)), cr.Missing)
	}
	for _, d := range c.Deployments() {
		show("deployment", d)
	}
	for _, m := range c.Models() {
		show("model", m)
	}
	for _, g := range c.Guardrails() {
		show("guardrail", g)
	}
	for _, j := range c.JWTs() {
		show("jwt", j)
	}
	return b.String()
}

func compare(t *testing.T, ar *txtar.Archive, part, got string) {
	t.Helper()
	i := slices.IndexFunc(ar.Files, func(f txtar.File) bool { return f.Name == part })
	if *update {
		switch {
		case i >= 0 && got == "":
			ar.Files = slices.Delete(ar.Files, i, i+1)
		case i >= 0:
			ar.Files[i].Data = []byte(got)
		case got != "":
			ar.Files = append(ar.Files, txtar.File{Name: part, Data: []byte(got)})
		}
		return
	}
	want := ""
	if i >= 0 {
		want = string(ar.Files[i].Data)
	}
	if got != want {
		t.Errorf("%s:\n%swant:\n%s", part, got, want)
	}
}

// TestLoad_C92 is the case of that number: values behind references.
func TestLoad_C92(t *testing.T) {
	tests := []struct {
		name    string
		ref     string
		env     map[string]string
		file    *string
		want    string
		missing string
	}{
		{name: "set", ref: "env:K", env: map[string]string{"K": "sk-1"}, want: "sk-1"},
		{name: "unset", ref: "env:K", missing: "env:K"},
		{name: "empty", ref: "env:K", env: map[string]string{"K": ""}, missing: "env:K"},
		{name: "special", ref: "env:K", env: map[string]string{"K": `a$b#c: "d" 'e' ${F} \n`}, want: `a$b#c: "d" 'e' ${F} \n`},
		{name: "env keeps line end", ref: "env:K", env: map[string]string{"K": "a\n"}, want: "a\n"},
		{name: "no second reference", ref: "env:K", env: map[string]string{"K": "env:L", "L": "x"}, want: "env:L"},
		{name: "file", ref: "file:secret", file: new("sk-2\n"), want: "sk-2"},
		{name: "file CRLF", ref: "file:secret", file: new("sk-2\r\n"), want: "sk-2"},
		{name: "file two line ends", ref: "file:secret", file: new("sk-2\n\n"), want: "sk-2\n"},
		{name: "file without line end", ref: "file:secret", file: new(" s k "), want: " s k "},
		{name: "file with CR", ref: "file:secret", file: new("sk\r"), want: "sk\r"},
		{name: "file empty", ref: "file:secret", file: new("\n"), missing: "file:secret"},
		{name: "file absent", ref: "file:secret", missing: "file:secret"},
		{name: "literal", ref: "sk-3", want: "sk-3"},
		{name: "shell syntax is literal", ref: "${A:-dflt}", env: map[string]string{"A": "x"}, want: "${A:-dflt}"},
		{name: "literal empty", ref: "", missing: "api_key"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			if tt.file != nil {
				writeFile(t, filepath.Join(dir, "secret"), []byte(*tt.file))
			}
			doc := "[[plugin]]\nid = 'provider.a'\nsource = 'builtin:a'\n" +
				"[[credential]]\nname = 'c'\nprovider = 'provider.a'\napi_key = '" + tt.ref + "'\n"
			writeFile(t, filepath.Join(dir, "gateway.toml"), []byte(doc))
			cfg, problems := Load(filepath.Join(dir, "gateway.toml"), lookup(tt.env))
			if cfg == nil {
				t.Fatal(problems)
			}
			c := cfg.Credentials()["c"]
			value, has := c.Fields["api_key"]
			if value != tt.want || has != (tt.missing == "") {
				t.Errorf("value %q %v, want %q", value, has, tt.want)
			}
			if strings.Join(c.Missing, " ") != tt.missing {
				t.Errorf("missing %q, want %q", c.Missing, tt.missing)
			}
			if len(problems) != len(c.Missing) {
				t.Errorf("problems %v", problems)
			}
		})
	}
}

// TestConfig_C85 prints a configuration with marked secrets in every way there is.
func TestConfig_C85(t *testing.T) {
	doc := `
[[plugin]]
id = "guardrail.a"
source = "builtin:a"
config = { token = "MARK1", nested = [ { k = "env:M" } ] }
[[plugin]]
id = "provider.a"
source = "builtin:a"
[[guardrail]]
name = "g"
plugin = "guardrail.a"
everywhere = true
config = { key = "MARK4" }
[[credential]]
name = "c"
provider = "provider.a"
api_key = "MARK2"
other = "env:M"
`
	cfg, problems := Parse("x.toml", doc, lookup(map[string]string{"M": "MARK3"}))
	if cfg == nil {
		t.Fatal(problems)
	}
	raw, err := json.Marshal([]any{cfg, *cfg, cfg.Plugins(), cfg.Credentials()})
	if err != nil {
		t.Fatal(err)
	}
	out := []string{string(raw), list(problems)}
	for _, v := range []any{cfg, *cfg, cfg.Plugins(), cfg.Plugins()[0], cfg.Guardrails(), cfg.Guardrails()[0], cfg.Credentials(), cfg.Credentials()["c"], *cfg.Credentials()["c"]} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
			out = append(out, fmt.Sprintf(verb, v))
		}
	}
	for _, s := range out {
		if strings.Contains(s, "MARK") {
			t.Errorf("secret in %s", s)
		}
	}
	if string(cfg.Plugins()[0].Config) != `{"nested":[{"k":"MARK3"}],"token":"MARK1"}` {
		t.Error("the plugin itself does not get its secret")
	}
}

// TestSyntax_C85: a parser's message quotes the text it stumbles on.
func TestSyntax_C85(t *testing.T) {
	for _, doc := range []string{
		"[[credential]]\napi_key = sk-MARK1\n",
		"[[credential]]\napi_key = \"sk-MARK1\n",
		"[[credential]]\napi_key = \"a\" MARK1\n",
		"[[credential]]\napi_key = 'MARK1\n'\n",
		"[[credential]]\nname = 'a'\nMARK1\n",
		"[[credential]]\napi_key = 5MARK1\n",
		"[[credential]]\napi_key = \"\\MARK1\"\n",
		"[plugin.config]\nk = MARK1\n",
		"[[credential]]\napi_key = { MARK1 }\n",
		"[[credential]]\napi_key = 2MARK-11-2\n",
	} {
		_, problems := Parse("x.toml", doc, lookup(nil))
		if !HasErrors(problems) || problems[0].Line == 0 {
			t.Errorf("%q: %v", doc, problems)
		}
		if s := list(problems); strings.Contains(s, "MARK") {
			t.Errorf("%q: %s", doc, s)
		}
	}
}

func TestConfig_Problem(t *testing.T) {
	doc := "[[plugin]]\nid = 'guardrail.rules'\nsource = 'x'\n[plugin.config]\nrules = [\n 'a',\n 'b',\n]\n[server]\nlisten = ':1'\n"
	cfg, problems := Parse("x.toml", doc, lookup(nil))
	if cfg == nil {
		t.Fatal(problems)
	}
	for path, line := range map[string]int{
		"plugin[guardrail.rules]":                    1,
		"plugin[guardrail.rules].source":             3,
		"plugin[guardrail.rules].config":             4,
		"plugin[guardrail.rules].config.rules[1]":    7,
		"plugin[guardrail.rules].config.rules[1].x":  7,
		"plugin[guardrail.rules].config.none.deeper": 4,
		"server.listen":                              10,
		"nothing[x].y":                               0,
	} {
		if p := cfg.Problem(path, "m"); p.Line != line || p.File != "x.toml" || p.Path != path {
			t.Errorf("%v, want line %d", p, line)
		}
	}
}

func TestCheckBaseURL_C86(t *testing.T) {
	const public, private, never = "", "allow_private", "never"
	for url, want := range map[string]string{
		"https://api.openai.com/v1":        public,
		"http://203.0.113.7:8080":          public,
		"https://[2001:db8::1]/":           public,
		"http://dead.beef.example/":        public,
		"http://127.0.0.1:9/x":             private,
		"http://localhost:11434":           private,
		"http://LOCALHOST./":               private,
		"http://a.localhost/":              private,
		"http://10.1.2.3/":                 private,
		"http://100.64.0.1/":               private,
		"http://[::1]/":                    private,
		"http://[fd00::1]/":                private,
		"http://[::ffff:10.0.0.1]/":        private,
		"http://[64:ff9b::7f00:1]/":        private,
		"http://10.9.8.7/":                 public, // by the policy
		"http://ollama.internal:11434/":    public,
		"http://0.0.0.0/":                  never,
		"http://169.254.169.254/latest/":   never,
		"http://[::ffff:169.254.169.254]/": never,
		"http://[fe80::1%25eth0]/":         never,
		"http://[fd00:ec2::254]/":          never,
		"http://metadata.google.internal/": never,
		"http://0x7f000001/":               "usual form",
		"http://2130706433/":               "usual form",
		"http://0177.1/":                   "usual form",
		"http://127.1/":                    "usual form",
		"file:///etc/passwd":               "http or https",
		"https://user:pw@host/":            "credential",
		"https://user@host/":               "credential",
		"//host/v1":                        "http or https",
		"https:///v1":                      "no host",
		"https://host/?key=1":              "query",
		"https://host/#f":                  "fragment",
		"https://ho st/":                   "not a URL",
		"gopher://host/":                   "http or https",
	} {
		p := &reach.Policy{}
		if err := errors.Join(p.Add("10.9.0.0/16"), p.Add("ollama.internal")); err != nil {
			t.Fatal(err)
		}
		err := checkBaseURL(url, p, false)
		if (err != nil) != (want != "") || err != nil && (!strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "pw")) {
			t.Errorf("%s: %v, want %q", url, err, want)
		}
		if err := checkBaseURL(url, p, true); (err == nil) != (want == public || want == private) {
			t.Errorf("%s, permitted: %v", url, err)
		}
	}
}

// TestStarter: the starter works as it stands, and is the file at the root.
// TestStarter_Commented: what is commented out is sound as well.
// commentedKey tells a commented-out "key = value" from prose.
// TestDocuments lints the TOML in the repository's documents. Such blocks are
// pieces: what they name may stand elsewhere.
// TestSections: each field has its words, and the reference names it.
func TestParseSize(t *testing.T) {
	for s, want := range map[string]int64{"64MiB": 64 << 20, "1KiB": 1024, "2MB": 2e6, "10B": 10, "7": 7, "1GiB": 1 << 30, "3KB": 3000} {
		if n, err := ParseSize(s); n != want || err != nil {
			t.Errorf("%s: %d, %v", s, n, err)
		}
	}
	for _, s := range []string{"", "MiB", "-1B", "1.5MiB", "64 MiB", "1TiB", "99999999999999999999", "1099511627775GiB", "0x10"} {
		if n, err := ParseSize(s); err == nil {
			t.Errorf("%q is %d", s, n)
		}
	}
}

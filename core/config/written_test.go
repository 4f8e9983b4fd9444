package config

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tokligence/gateway/core"
)

// marker is in every secret of the tests' configuration, and in nothing else.
const marker = "MARKER"

const writtenMain = `
[server]
tls_cert = "cert.pem"
tls_key = "env:TLS_KEY"
[routing]
cooldown = "7s"
[[plugin]]
id = "provider.openai"
source = "builtin:openai"
[[plugin]]
id = "guardrail.rules"
source = "own/rules.wasm"
[plugin.config]
webhook = "https://user:MARKER-password@host/x"
token = "MARKER-token"
[plugin.config.headers]
Authorization = "Bearer MARKER-header"
plain = "shown"
[[credential]]
name = "literal"
provider = "provider.openai"
api_key = "sk-MARKER-0123456789-last"
[[credential]]
name = "short"
provider = "provider.openai"
api_key = "MARKERshort"
[[deployment]]
name = "d"
provider = "provider.openai"
model = "x"
credential = "literal"
weight = 2.5
price = { input = "1.00", tiers = [{ above = 1000, input = "2.00" }] }
[deployment.options]
endpoint = "https://host/?api_key=MARKER-in-query"
note = "repeats sk-MARKER-0123456789-last"
[[model]]
name = "m"
deployments = ["d"]
`

const writtenMore = `
[[credential]]
name = "referred"
provider = "provider.openai"
api_key = "file:secrets/key"
[[plugin]]
id = "strategy.own"
source = "own.wasm"
`

func writeFiles(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// loadAll loads files with objects made by API, without a fault.
func loadAll(t *testing.T, dir string, env map[string]string, objects ...core.ConfigObject) *Config {
	t.Helper()
	c, problems := Load(filepath.Join(dir, "gateway.toml"), func(name string) (string, bool) { v, ok := env[name]; return v, ok }, objects...)
	if c == nil {
		t.Fatalf("problems: %v", problems)
	}
	return c
}

func madeObject(kind core.ObjectKind, name, settings string) core.ConfigObject {
	return core.ConfigObject{Kind: kind, Name: name, Origin: core.OriginAPI, Settings: json.RawMessage(settings)}
}

// TestWritten_Secrets: what is shown, compared or exported holds no secret, and
// everything else.
func TestWritten_Secrets(t *testing.T) {
	dir := t.TempDir()
	writeFiles(t, dir, map[string]string{"gateway.toml": writtenMain, "conf.d/more.toml": writtenMore, "conf.d/secrets/key": "sk-MARKER-of-file"})
	objects := []core.ConfigObject{
		madeObject(core.ObjectCredential, "made", `{"provider":"provider.openai","api_key":"sk-MARKER-by-api-0123-tail"}`),
		madeObject(core.ObjectDeployment, "api/d", `{"provider":"provider.openai","model":"y","credential":"made","weight":3,"options":{"big":12345678901234567,"token":"MARKER-options"}}`),
		madeObject(core.ObjectModel, "api/m", `{"deployments":["d","api/d"],"strategy":"strategy.own"}`),
		madeObject(core.ObjectGuardrail, "g", `{"plugin":"guardrail.rules","everywhere":true}`),
	}
	env := map[string]string{"TLS_KEY": "key.pem"}
	c := loadAll(t, dir, env, objects...)

	content := string(c.Content())
	text, err := c.Export()
	if err != nil {
		t.Fatal(err)
	}
	all := content + text
	for _, kind := range []core.ObjectKind{core.ObjectCredential, core.ObjectDeployment, core.ObjectModel, core.ObjectGuardrail} {
		for _, o := range c.Objects(kind) {
			all += string(o.Settings)
		}
	}
	if i := strings.Index(all, marker); i >= 0 {
		t.Errorf("a secret in …%s…", all[max(0, i-100):min(len(all), i+100)])
	}
	for _, want := range []string{`"credential[literal].api_key":"***last"`, `"credential[short].api_key":"***"`, `"credential[made].api_key":"***tail"`,
		`"credential[referred].api_key":"file:secrets/key"`, `"credential[made]":"api"`, `"deployment[d]":"file"`, `"server.tls_key":"env:TLS_KEY"`,
		`"plugin[guardrail.rules].config.headers.plain":"shown"`, `"deployment[api/d].options.big":12345678901234567`, `"deployment[d].price.tiers":[{"above":1000,"input":"2.00"}]`} {
		if !strings.Contains(content, want) {
			t.Errorf("no %s in %s", want, content)
		}
	}

	// What was exported loads again, and says the same.
	for _, line := range strings.Split(text, "\n") {
		if rest, ok := strings.CutPrefix(line, "# Secret left out, to be set in the environment: "); ok {
			name, _, _ := strings.Cut(rest, " for ")
			env[name] = "https://set"
		}
	}
	again := t.TempDir()
	writeFiles(t, again, map[string]string{"gateway.toml": text, "conf.d/secrets/key": "sk-MARKER-of-file"})
	back := loadAll(t, again, env)
	if len(env) != 1+9 {
		t.Errorf("variables %v in\n%s", env, text)
	}
	was, is := contentOf(t, c), contentOf(t, back)
	for path := range was {
		if was[path] == "api" {
			was[path] = "file"
		}
		if s, ok := is[path].(string); ok && strings.HasPrefix(s, "env:TOKLIGENCE_") {
			delete(is, path)
			delete(was, path)
		}
	}
	was["credential[referred].api_key"], was["plugin[strategy.own].source"] = "file:conf.d/secrets/key", "conf.d/own.wasm"
	if !maps.EqualFunc(was, is, func(a, b any) bool { x, _ := json.Marshal(a); y, _ := json.Marshal(b); return string(x) == string(y) }) {
		t.Errorf("was %v\nis  %v", was, is)
	}
	if got := back.Credentials()["referred"].Fields["api_key"]; got != "sk-MARKER-of-file" {
		t.Errorf("the reference leads to %q", got)
	}
}

func contentOf(t *testing.T, c *Config) (m map[string]any) {
	t.Helper()
	if err := json.Unmarshal(c.Content(), &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// TestMade_AsInFile: an object by API is what the same keys in a file are.
func TestMade_AsInFile(t *testing.T) {
	const plugins = "[[plugin]]\nid = \"provider.p\"\nsource = \"p.wasm\"\n[[plugin]]\nid = \"strategy.weighted\"\nsource = \"s.wasm\"\n"
	file, api := t.TempDir(), t.TempDir()
	writeFiles(t, api, map[string]string{"gateway.toml": plugins})
	writeFiles(t, file, map[string]string{"gateway.toml": plugins + `
[[deployment]]
name = "d"
provider = "provider.p"
model = "x"
weight = 2
rpm = 60
timeout = "3s"
price = { input = "1.00" }
[deployment.options]
n = [1, 2.5, true, "x"]
[[deployment]]
name = "e"
provider = "provider.p"
model = "x"
[[model]]
name = "m"
deployments = ["d"]
[[model]]
name = "n"
deployments = ["d", "e"]
`})
	want := loadAll(t, file, nil)
	got := loadAll(t, api, nil,
		madeObject(core.ObjectDeployment, "d", `{"provider":"provider.p","model":"x","weight":2,"rpm":60,"timeout":"3s","price":{"input":"1.00"},"options":{"n":[1,2.5,true,"x"]}}`),
		madeObject(core.ObjectDeployment, "e", `{"provider":"provider.p","model":"x"}`),
		madeObject(core.ObjectModel, "m", `{"deployments":["d"]}`),
		madeObject(core.ObjectModel, "n", `{"deployments":["d","e"]}`))
	for name, pair := range map[string][2]any{"deployments": {want.Deployments(), got.Deployments()}, "models": {want.Models(), got.Models()}} {
		a, _ := json.Marshal(pair[0])
		b, _ := json.Marshal(pair[1])
		if string(a) != string(b) {
			t.Errorf("%s:\nfile %s\napi  %s", name, a, b)
		}
	}
}

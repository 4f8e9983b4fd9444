package plugin_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/tokligence/gateway/core/plugin"
	"github.com/tokligence/gateway/pdk/abi"
)

// fake is a carrier that runs no file: it answers with replies, and counts.
type fake struct {
	manifest       string
	lacks          []abi.Function
	answer         func(f abi.Function, input []byte) ([]byte, error)
	opens, starts  int
	codes, running int // not closed yet
	// closing is called by a plugin at its end, ended by the code.
	closing, ended func()
}

func (c *fake) Open(context.Context, plugin.Source) (plugin.Code, error) {
	c.opens++
	c.codes++
	return fakeCode{c}, nil
}

type fakeCode struct{ *fake }

func (c fakeCode) Has(f abi.Function) bool { return !slices.Contains(c.lacks, f) }

func (c fakeCode) Start(context.Context, plugin.Setup) (plugin.Plugin, error) {
	c.starts++
	c.running++
	return fakePlugin{c.fake}, nil
}

func (c fakeCode) Close(context.Context) error {
	c.codes--
	if c.ended != nil {
		c.ended()
	}
	return nil
}

type fakePlugin struct{ *fake }

func (p fakePlugin) Call(_ context.Context, f abi.Function, input, dst []byte) ([]byte, error) {
	if f == abi.Describe {
		return append(dst, p.manifest...), nil
	}
	out, err := p.answer(f, input)
	return append(dst, out...), err
}

func (p fakePlugin) Stats() plugin.Stats        { return plugin.Stats{} }
func (p fakePlugin) Rest(context.Context) error { return nil }
func (p fakePlugin) Close(context.Context) error {
	p.running--
	if p.closing != nil {
		p.closing()
	}
	return nil
}

type noBuiltins struct{}

func (noBuiltins) Profile(string) []byte { return nil }
func (noBuiltins) Names() []string       { return nil }
func (noBuiltins) Open(name string) ([]byte, error) {
	return nil, fmt.Errorf("no plugin %q", name)
}

func newLoader(t *testing.T, c *fake) *plugin.Loader {
	t.Helper()
	return plugin.NewLoader(plugin.Options{
		Carriers: map[string]plugin.Carrier{"wasm": c},
		Builtins: noBuiltins{},
		Log:      func(id, level, message string) { t.Logf("%s %s %s", id, level, message) },
	})
}

func writeFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "plugin.wasm")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const (
	guardrail = `{"id":"guardrail.x","version":"1.0.0","kind":"guardrail","abi":1}`
	zeros     = "0000000000000000000000000000000000000000000000000000000000000000"
)

func TestLoader_Refuses(t *testing.T) {
	replace := func(old, text string) string { return strings.Replace(guardrail, old, text, 1) }
	for _, c := range []struct {
		name, manifest string
		declare        func(*plugin.Declaration)
		lacks          []abi.Function
		want           []string
	}{
		{"hash", guardrail, func(d *plugin.Declaration) { d.SHA256 = zeros }, nil,
			[]string{zeros, "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"}},
		{"no file", guardrail, func(d *plugin.Declaration) { d.Source = "absent.wasm" }, nil, []string{"absent.wasm"}},
		{"no such builtin", guardrail, func(d *plugin.Declaration) { d.Source = "builtin:nothing" }, nil, []string{`"nothing"`}},
		{"no such carrier", guardrail, func(d *plugin.Declaration) { d.Carrier = "pigeon" }, nil, []string{`"pigeon"`}},
		{"another id", replace("guardrail.x", "guardrail.y"), nil, nil, []string{"guardrail.y"}},
		{"another kind", replace(`"kind":"guardrail"`, `"kind":"strategy"`), nil, nil, []string{"strategy"}},
		{"another ABI", replace(`"abi":1`, `"abi":2`), nil, nil, []string{"ABI 2"}},
		{"no version", replace("1.0.0", "new"), nil, nil, []string{`"new"`}},
		{"not a manifest", `[]`, nil, nil, []string{"manifest"}},
		{"function not exported", guardrail, nil, []abi.Function{abi.Inspect}, []string{"inspect"}},
		{"function not declared", replace(`"abi":1`, `"abi":1,"functions":["describe","configure"]`), nil, nil, []string{"inspect"}},
		{"host not granted", replace(`"abi":1`, `"abi":1,"capabilities":{"hosts":["a.example","b.example"]}`),
			func(d *plugin.Declaration) { d.AllowHosts = []string{"a.example"} }, nil, []string{"b.example"}},
		{"holds streams that it does not see", replace(`"abi":1`, `"abi":1,"capabilities":{"hold":5}`), nil, nil, []string{"hold", "stream"}},
		{"holds less than nothing", replace(`"abi":1`, `"abi":1,"capabilities":{"hold":-1,"stream":true}`), nil, nil, []string{"hold"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			carrier := &fake{manifest: c.manifest, lacks: c.lacks}
			d := plugin.Declaration{ID: "guardrail.x", Source: writeFile(t, "x")}
			if c.declare != nil {
				c.declare(&d)
			}
			l := newLoader(t, carrier)
			p, err := l.Load(t.Context(), d)
			if err == nil {
				t.Fatalf("loaded %+v", p)
			}
			for _, want := range append(c.want, "guardrail.x") {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not name %q", err, want)
				}
			}
			if carrier.codes != 0 || carrier.running != 0 || len(l.Loaded()) != 0 {
				t.Errorf("left %d codes and %d plugins open, %d listed", carrier.codes, carrier.running, len(l.Loaded()))
			}
		})
	}
}

// TestLoader_CapabilitiesAreOfGuardrails: what only a guardrail can do is no
// other's to ask for, in vain.
func TestLoader_CapabilitiesAreOfGuardrails(t *testing.T) {
	for _, kind := range []abi.Kind{abi.KindProvider, abi.KindStrategy, abi.KindGuardrail} {
		for _, capabilities := range []string{`"hosts":["a.example"]`, `"stream":true`, `"rewrite":true`, `"stream":true,"hold":1`, ``} {
			id := string(kind) + ".x"
			carrier := &fake{manifest: `{"id":"` + id + `","version":"1.0.0","kind":"` + string(kind) + `","abi":1,"capabilities":{` + capabilities + `}}`}
			p, err := newLoader(t, carrier).Load(t.Context(), plugin.Declaration{ID: id, Source: writeFile(t, "x"), AllowHosts: []string{"a.example"}})
			if refused := kind != abi.KindGuardrail && capabilities != ""; (err != nil) != refused || refused && !strings.Contains(err.Error(), "only guardrails have") {
				t.Errorf("%s with %q: %v", kind, capabilities, err)
			}
			if err == nil {
				p.Release()
			}
			if carrier.codes != 0 || carrier.running != 0 {
				t.Errorf("left %d codes and %d plugins open", carrier.codes, carrier.running)
			}
		}
	}
}

func TestLoader_ChecksConfig(t *testing.T) {
	outside := writeFile(t, `{"const":"read"}`)
	for _, c := range []struct {
		name, schema, config string
		path                 string // of the only problem; "-" for a valid configuration
		report               bool
	}{
		{"fits", `{"properties":{"n":{"type":"integer"}}}`, `{"n":1}`, "-", true},
		{"none declared, none given", ``, ``, "-", true},
		{"none declared, one given", ``, `{"n":1}`, "", true},
		{"wrong type", `{"properties":{"rules":{"items":{"properties":{"n":{"type":"integer"}}}}}}`, `{"rules":[{"n":1},{"n":"x"}]}`, "rules[1].n", true},
		{"unknown member", `{"additionalProperties":false}`, `{"n":1}`, "", true},
		{"the schema reads a file", `{"$ref":"file://` + filepath.ToSlash(outside) + `"}`, `{}`, "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			manifest := guardrail
			if c.schema != "" {
				manifest = strings.Replace(guardrail, `"abi":1`, `"abi":1,"config":`+c.schema, 1)
			}
			carrier := &fake{manifest: manifest}
			l := newLoader(t, carrier)
			p, err := l.Load(t.Context(), plugin.Declaration{ID: "guardrail.x", Source: writeFile(t, "x"), Config: json.RawMessage(c.config)})
			if c.path == "-" {
				if err != nil {
					t.Fatal(err)
				}
				p.Release()
				return
			}
			var wrong *plugin.ConfigError
			if is := errors.As(err, &wrong); err == nil || is != c.report {
				t.Fatalf("got %v", err)
			}
			if wrong != nil && (len(wrong.Problems) != 1 || wrong.Problems[0].Path != c.path || wrong.Problems[0].Message == "") {
				t.Errorf("problems %+v, want one at %q", wrong.Problems, c.path)
			}
			if carrier.codes != 0 || carrier.running != 0 {
				t.Errorf("left %d codes and %d plugins open", carrier.codes, carrier.running)
			}
		})
	}
}

func TestLoader_KeepsSecretsOutOfProblems(t *testing.T) {
	for _, rule := range []string{`"pattern":"^key-"`, `"format":"uri"`, `"enum":["a"]`, `"minLength":99`, `"type":"integer"`} {
		manifest := strings.Replace(guardrail, `"abi":1`, `"abi":1,"config":{"$schema":"http://json-schema.org/draft-07/schema#","properties":{"token":{"x-secret":true,`+rule+`}}}`, 1)
		_, err := newLoader(t, &fake{manifest: manifest}).Load(t.Context(), plugin.Declaration{ID: "guardrail.x", Source: writeFile(t, "x"),
			Config: json.RawMessage(`{"token":"hunter2"}`)})
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", rule, err)
		}
	}
}

func TestLoader_Shares(t *testing.T) {
	carrier := &fake{manifest: strings.Replace(guardrail, `"abi":1`, `"abi":1,"config":{}`, 1)}
	l := newLoader(t, carrier)
	d := plugin.Declaration{ID: "guardrail.x", Source: writeFile(t, "x"), Config: json.RawMessage(`{"a":1}`)}
	load := func() *plugin.Loaded {
		t.Helper()
		p, err := l.Load(t.Context(), d)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	first, same := load(), load()
	d.Config = json.RawMessage(`{"a":2}`)
	other := load()
	if first != same || first == other {
		t.Error("equal declarations share a plugin, different ones do not")
	}
	if carrier.opens != 1 || carrier.running != 2 || len(l.Loaded()) != 2 {
		t.Errorf("opened %d times, %d running, %d listed", carrier.opens, carrier.running, len(l.Loaded()))
	}
	first.Release()
	if carrier.running != 2 {
		t.Error("the first release ended a plugin that is still used")
	}
	same.Release()
	if carrier.running != 1 || carrier.codes != 1 {
		t.Errorf("%d running, %d codes", carrier.running, carrier.codes)
	}
	other.Release()
	if carrier.running != 0 || carrier.codes != 0 || len(l.Loaded()) != 0 {
		t.Errorf("%d running, %d codes, %d listed after the last release", carrier.running, carrier.codes, len(l.Loaded()))
	}
}

// TestLoader_ChecksGrantsOfSharedCode: a grant that the next revision takes back
// must not live on because the file is open already.
func TestLoader_ChecksGrantsOfSharedCode(t *testing.T) {
	carrier := &fake{manifest: strings.Replace(guardrail, `"abi":1`, `"abi":1,"capabilities":{"hosts":["a.example"]}`, 1)}
	l := newLoader(t, carrier)
	d := plugin.Declaration{ID: "guardrail.x", Source: writeFile(t, "x"), AllowHosts: []string{"a.example"}}
	p, err := l.Load(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	d.AllowHosts = nil
	if _, err := l.Load(t.Context(), d); err == nil || !strings.Contains(err.Error(), "a.example") {
		t.Errorf("got %v", err)
	}
	p.Release()
	if carrier.codes != 0 || carrier.running != 0 {
		t.Errorf("left %d codes and %d plugins open", carrier.codes, carrier.running)
	}
}

func TestLoader_ReleaseAfterClose(t *testing.T) {
	carrier := &fake{manifest: guardrail}
	l := newLoader(t, carrier)
	p, err := l.Load(t.Context(), plugin.Declaration{ID: "guardrail.x", Source: writeFile(t, "x")})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.Release()
	if carrier.codes != 0 || carrier.running != 0 {
		t.Errorf("closed twice: %d codes, %d plugins", carrier.codes, carrier.running)
	}
}

// TestLoader_ReleaseWhileInUse: a plugin that is released ends with its last
// call. It holds up no other meanwhile, and its file stays open.
func TestLoader_ReleaseWhileInUse(t *testing.T) {
	closing, leave := make(chan struct{}), make(chan struct{})
	carrier := &fake{manifest: guardrail}
	l := newLoader(t, carrier)
	d := plugin.Declaration{ID: "guardrail.x", Source: writeFile(t, "x")}
	p, err := l.Load(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	var ended atomic.Bool
	carrier.closing = func() {
		close(closing)
		<-leave
		ended.Store(true)
	}
	carrier.ended = func() {
		if !ended.Load() {
			t.Error("a file was closed of which a plugin still runs")
		}
	}
	released := make(chan struct{})
	go func() {
		p.Release()
		close(released)
	}()
	<-closing
	carrier.closing = nil
	other, err := l.Load(t.Context(), d) // the same file, with its own instances
	if err != nil || other == p || carrier.opens != 1 || carrier.codes != 1 {
		t.Errorf("%v; the same plugin %v; opened %d times, %d open", err, other == p, carrier.opens, carrier.codes)
	}
	otherEnds, closed := make(chan struct{}), make(chan error)
	carrier.closing = func() { close(otherEnds) }
	go func() { closed <- l.Close(t.Context()) }()
	<-otherEnds
	close(leave)
	<-released
	if err := <-closed; err != nil || carrier.codes != 0 || carrier.running != 0 {
		t.Errorf("%v; %d codes, %d plugins", err, carrier.codes, carrier.running)
	}
	other.Release()
}

// seen is a carrier that keeps what it was asked to open.
type seen struct {
	*fake
	source plugin.Source
}

func (c *seen) Open(ctx context.Context, s plugin.Source) (plugin.Code, error) {
	c.source = s
	return c.fake.Open(ctx, s)
}

type oneBuiltin struct{}

func (oneBuiltin) Profile(string) []byte       { return nil }
func (oneBuiltin) Names() []string             { return []string{"x"} }
func (oneBuiltin) Open(string) ([]byte, error) { return []byte("module"), nil }

// TestLoader_Again: only a file that cannot have changed is read again behind
// the back of its pin.
func TestLoader_Again(t *testing.T) {
	path := writeFile(t, "module")
	for _, c := range []struct {
		source string
		again  bool
	}{{"builtin:x", true}, {path, false}} {
		carrier := &seen{fake: &fake{manifest: guardrail}}
		l := plugin.NewLoader(plugin.Options{Carriers: map[string]plugin.Carrier{"wasm": carrier}, Builtins: oneBuiltin{}, Log: func(string, string, string) {}})
		if _, err := l.Load(t.Context(), plugin.Declaration{ID: "guardrail.x", Source: c.source}); err != nil {
			t.Fatal(err)
		}
		if (carrier.source.Again != nil) != c.again {
			t.Fatalf("%s can be read again: %v", c.source, !c.again)
		}
		if !c.again {
			continue
		}
		if b, err := carrier.source.Again(); err != nil || string(b) != "module" {
			t.Errorf("%s again: %s, %v", c.source, b, err)
		}
	}
}

// meeting is a carrier whose files open only when two of them are being opened.
type meeting struct {
	fakes map[string]*fake
	met   sync.WaitGroup
}

func (m *meeting) Open(ctx context.Context, s plugin.Source) (plugin.Code, error) {
	m.met.Done()
	m.met.Wait()
	return m.fakes[s.ID].Open(ctx, s)
}

// TestLoader_SideBySide: different files are opened at the same time, equal ones once.
func TestLoader_SideBySide(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	m := &meeting{fakes: map[string]*fake{}}
	m.met.Add(2)
	l := plugin.NewLoader(plugin.Options{Carriers: map[string]plugin.Carrier{"wasm": m}, Builtins: noBuiltins{}, Log: func(string, string, string) {}})
	var loads sync.WaitGroup
	for _, id := range [...]string{"guardrail.a", "guardrail.b"} {
		m.fakes[id] = &fake{manifest: strings.Replace(guardrail, "guardrail.x", id, 1)}
		d := plugin.Declaration{ID: id, Source: writeFile(t, id)}
		for range 3 {
			loads.Go(func() {
				if _, err := l.Load(t.Context(), d); err != nil {
					t.Error(err)
				}
			})
		}
	}
	loads.Wait()
	for id, f := range m.fakes {
		if f.opens != 1 || f.running != 1 {
			t.Errorf("%s was opened %d times, %d run", id, f.opens, f.running)
		}
	}
	if err := l.Close(t.Context()); err != nil || len(l.Loaded()) != 0 || m.fakes["guardrail.a"].codes != 0 || m.fakes["guardrail.b"].running != 0 {
		t.Errorf("%v, something is left open", err)
	}
}

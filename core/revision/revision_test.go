package revision

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/config"
	"github.com/tokligence/gateway/core/store"
)

const plugins = "[[plugin]]\nid = \"provider.p\"\nsource = \"p.wasm\"\n"

// node is a gateway as far as its configuration goes: what is in force is a list
// of deployments.
type node struct {
	*Revisions
	t        *testing.T
	file     string
	log      bytes.Buffer
	mu       sync.Mutex
	serves   map[string]string // model by deployment, as it was put in force last
	open     int               // built and neither in force nor dropped
	breaking string            // a vendor model that cannot be built
}

var author = core.AuditActor{Kind: core.ActorKey, Named: core.Named{ID: "key_1", Name: "admin"}}

func openStore(t *testing.T) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), "sqlite://"+filepath.Join(t.TempDir(), "t.db"), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func newNode(t *testing.T, s core.RevisionStore) *node {
	t.Helper()
	n := &node{t: t, file: filepath.Join(t.TempDir(), "gateway.toml"), breaking: "broken"}
	n.write(plugins)
	n.Revisions = New(Options{Path: n.file, Env: func(string) (string, bool) { return "", false }, Now: time.Now,
		Log: slog.New(slog.NewTextHandler(&n.log, nil)), Store: s, Build: n.build})
	return n
}

func (n *node) write(text string) {
	n.t.Helper()
	if err := os.WriteFile(n.file, []byte(text), 0o600); err != nil {
		n.t.Fatal(err)
	}
}

func (n *node) build(_ context.Context, c *config.Config) (*Built, []config.Problem) {
	serves := map[string]string{}
	for _, d := range c.Deployments() {
		if d.Model == n.breaking {
			return nil, []config.Problem{c.Problem("deployment["+d.Name+"].model", "cannot be served")}
		}
		serves[d.Name] = d.Model
	}
	n.mu.Lock()
	n.open++
	n.mu.Unlock()
	end := func(f func()) func() {
		return func() {
			n.mu.Lock()
			defer n.mu.Unlock()
			n.open--
			f()
		}
	}
	return &Built{Apply: end(func() { n.serves = serves }), Drop: end(func() {})}, nil
}

func (n *node) do(verb core.ConfigVerb, name, model string) error {
	ch := core.ConfigChange{Kind: core.ObjectDeployment, Name: name, Verb: verb}
	if verb != core.ConfigDelete {
		ch.Settings = map[string]json.RawMessage{"provider": json.RawMessage(`"provider.p"`), "model": json.RawMessage(`"` + model + `"`)}
	}
	return n.Change(context.Background(), author, ch)
}

func (n *node) must(err error) {
	n.t.Helper()
	if err != nil {
		n.t.Fatal(err)
	}
}

// is holds what is served and its revision against what should be.
func (n *node) is(revision int64, want string) {
	n.t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	if got := fmt.Sprint(n.serves); got != "map["+want+"]" || n.State().Revision != revision || n.open != 0 {
		n.t.Errorf("revision %d serves %s, %d open; want revision %d with [%s]", n.State().Revision, got, n.open, revision, want)
	}
}

// TestNodes: what one node changes the others follow, each with its own files,
// and of changes at the same time none is lost.
func TestNodes(t *testing.T) {
	s := openStore(t)
	a, b := newNode(t, s), newNode(t, s)
	a.must(a.Start(t.Context()))
	b.write(plugins + "[[deployment]]\nname = \"own\"\nprovider = \"provider.p\"\nmodel = \"x\"\n")
	b.must(b.Start(t.Context()))
	a.is(1, "")
	b.is(2, "own:x")
	a.must(a.Follow(t.Context()))
	a.is(2, "")
	a.must(a.do(core.ConfigCreate, "d", "1"))
	b.must(b.Follow(t.Context()))
	b.must(b.Follow(t.Context()))
	b.is(3, "d:1 own:x")

	const changes = 20
	var all sync.WaitGroup
	for i, n := range []*node{a, b} {
		all.Go(func() {
			for c := range changes {
				if err := n.do(core.ConfigCreate, fmt.Sprintf("n%d.%d", i, c), "m"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	for _, n := range []*node{a, b} {
		n.must(n.Follow(t.Context()))
		if n.State().Revision != 3+2*changes || len(n.Objects(core.ObjectDeployment)) < 1+2*changes || n.State().Stale {
			t.Errorf("%+v with %d deployments", n.State(), len(n.Objects(core.ObjectDeployment)))
		}
	}

	// What a node cannot follow it says once, and goes on as it was.
	b.breaking = "only-a"
	before := fmt.Sprint(b.serves)
	a.must(a.do(core.ConfigUpdate, "d", "only-a"))
	if err := b.Follow(t.Context()); err == nil || !strings.Contains(err.Error(), "api: deployment[d].model: cannot be served") {
		t.Errorf("following: %v", err)
	}
	b.must(b.Follow(t.Context()))
	if !b.State().Stale || fmt.Sprint(b.serves) != before {
		t.Errorf("%+v serves %v", b.State(), b.serves)
	}
	b.must(b.do(core.ConfigUpdate, "d", "mended"))
	a.must(a.Follow(t.Context()))
	if a.State().Revision != b.State().Revision || b.State().Stale || a.serves["d"] != "mended" || b.serves["d"] != "mended" {
		t.Errorf("%+v, %+v", a.State(), b.State())
	}
}

// failing is a store that is down when it should take a revision.
type failing struct {
	core.RevisionStore
	down bool
}

func (f *failing) AppendRevision(ctx context.Context, r *core.Revision) error {
	if f.down {
		return errors.New("the disk is full")
	}
	return f.RevisionStore.AppendRevision(ctx, r)
}

// TestChange_NotStored: what the store does not take is not in force, and what
// was built for it is let go.
func TestChange_NotStored(t *testing.T) {
	s := &failing{RevisionStore: openStore(t)}
	n := newNode(t, s)
	n.must(n.Start(t.Context()))
	n.must(n.do(core.ConfigCreate, "d", "1"))
	s.down = true
	if err := n.do(core.ConfigUpdate, "d", "2"); err == nil {
		t.Error("it was changed")
	}
	n.write(plugins + "[routing]\ncooldown = \"9s\"\n")
	if err := n.Reload(t.Context()); err == nil {
		t.Error("it was reloaded")
	}
	n.is(2, "d:1")
	s.down = false
	n.must(n.Reload(t.Context()))
	n.is(3, "d:1")
}

// TestStart: what is in the store is in force after a start, and the same as
// before makes no revision.
func TestStart(t *testing.T) {
	s := openStore(t)
	n := newNode(t, s)
	n.must(n.Start(t.Context()))
	n.must(n.do(core.ConfigCreate, "d", "1"))
	n.must(n.do(core.ConfigCreate, "e", "2"))
	again := New(n.Options)
	n.Revisions = again
	n.must(n.Start(t.Context()))
	n.is(3, "d:1 e:2")

	n.breaking = "2"
	n.Revisions = New(n.Options)
	var invalid *Invalid
	if err := n.Start(t.Context()); !errors.As(err, &invalid) || invalid.Problems[0].File != config.FromAPI || invalid.Problems[0].Path != "deployment[e].model" {
		t.Errorf("starting: %v", err)
	}
}

// TestChange_Faulty: a change that is wrong for whatever reason changes nothing.
func TestChange_Faulty(t *testing.T) {
	n := newNode(t, openStore(t))
	n.must(n.Start(t.Context()))
	n.must(n.do(core.ConfigCreate, "d", "1"))
	for _, section := range config.Sections() {
		for _, kind := range []core.ObjectKind{core.ObjectDeployment, core.ObjectModel, core.ObjectGuardrail} {
			if section.Name != string(kind) {
				continue
			}
			for _, f := range section.Fields {
				for _, wrong := range []string{`{"a":{"b":null}}`, `[[]]`, `"\u0000"`, `-1`, `1e400`, `null`, `""`, `{}`} {
					ch := core.ConfigChange{Kind: kind, Name: "new", Verb: core.ConfigCreate, Settings: map[string]json.RawMessage{f.Name: json.RawMessage(wrong)}}
					if err := n.Change(t.Context(), author, ch); core.AsError(err) == nil || core.AsError(err).Code != core.CodeInvalidRequest || core.AsError(err).Param == "" {
						t.Errorf("%s with %s %s: %v", kind, f.Name, wrong, err)
					}
				}
			}
		}
	}
	if err := n.do(core.ConfigUpdate, "d", "broken"); core.AsError(err) == nil || core.AsError(err).Param != "model" {
		t.Errorf("what cannot be built: %v", err)
	}
	n.is(2, "d:1")
}

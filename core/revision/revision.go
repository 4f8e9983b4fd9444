// Package revision decides which configuration is in force. The files as they
// are on disk and the objects made by API form one revision: it is loaded,
// checked and built as a whole, kept in the store, and only then put in force.
// What fails on the way changes nothing.
package revision

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/config"
)

// Options are what [New] needs.
type Options struct {
	Path string                      // of the main file
	Env  func(string) (string, bool) // looks an environment variable up
	Now  func() time.Time            // for the dates of revisions and objects
	Log  *slog.Logger                // hears of warnings and of what was not put in force
	// Store keeps the revisions.
	Store core.RevisionStore
	// Sealer keeps the secrets of credentials unreadable in the store.
	Sealer core.Sealer
	// Build makes a configuration ready to serve, or returns every problem that
	// only building shows.
	Build func(ctx context.Context, c *config.Config) (*Built, []config.Problem)
}

// Built is a configuration that is ready to serve. One of its functions is
// called, once.
type Built struct {
	Apply func() // puts it in force
	Drop  func() // lets it go instead
}

// Revisions puts configurations in force, one at a time. Its methods are safe
// for concurrent use.
type Revisions struct {
	Options
	changing sync.Mutex
	current  atomic.Pointer[inForce]
	fault    atomic.Pointer[fault] // why something newer is not in force; nil when there is nothing newer
	applied  atomic.Int64
	digest   string // of the files as they were last read; guarded by changing
	// followed are the files that the configuration in force refers to, as they were
	// read; guarded by changing. What waits in refers has Watch look for new ones.
	followed map[string]config.Digest
	refers   chan struct{}
}

// inForce is a configuration that requests are served by.
type inForce struct {
	config   *config.Config
	revision *core.Revision
	objects  sync.Map // of the kinds that were asked for, what Objects returns
}

func (f *inForce) list(kind core.ObjectKind) []core.ConfigObject {
	if list, ok := f.objects.Load(kind); ok {
		return list.([]core.ConfigObject)
	}
	list := f.config.Objects(kind)
	slices.SortFunc(list, func(a, b core.ConfigObject) int { return strings.Compare(a.Name, b.Name) })
	f.objects.Store(kind, list)
	return list
}

// fault is why the files, or what another node did, are not in force.
type fault struct {
	number   int64 // of the revision that another node made, 0 for the files
	problems []config.Problem
}

// New makes Revisions with nothing in force; [Revisions.Start] comes next.
func New(o Options) *Revisions { return &Revisions{Options: o, refers: make(chan struct{}, 1)} }

// Invalid is the error of a configuration with problems that are nobody's
// request.
type Invalid struct{ Problems []config.Problem }

func (e *Invalid) Error() string { return fmt.Sprintf("%s is not valid", e.Problems[0].File) }

// system is the author of what the gateway does by itself.
var system = core.AuditActor{Kind: core.ActorSystem}

// Start puts the files with the stored objects in force. The error is *Invalid
// when that cannot be.
func (r *Revisions) Start(ctx context.Context) error {
	r.changing.Lock()
	defer r.changing.Unlock()
	return r.onLatest(ctx, func(latest *core.Revision) error {
		return r.put(ctx, proposal{objects: latest.Objects, cause: core.CauseStart, author: system, tell: true}, latest)
	})
}

// Reload puts the files as they are now in force, also when only a variable or
// file that they refer to has changed. On an error, *Invalid or of the store, the
// old configuration stays in force.
func (r *Revisions) Reload(ctx context.Context) error {
	r.changing.Lock()
	defer r.changing.Unlock()
	return r.reload(ctx)
}

func (r *Revisions) reload(ctx context.Context) error {
	err := r.onLatest(ctx, func(latest *core.Revision) error {
		return r.put(ctx, proposal{objects: latest.Objects, cause: core.CauseReload, author: system, tell: true}, latest)
	})
	var invalid *Invalid
	if errors.As(err, &invalid) {
		r.fault.Store(&fault{problems: invalid.Problems})
	}
	return err
}

// attempts is how often a change is made anew because other nodes were faster.
const attempts = 50

// onLatest has f go on from the latest revision, whoever made it, and again when
// somebody was faster.
func (r *Revisions) onLatest(ctx context.Context, f func(latest *core.Revision) error) (err error) {
	for range attempts {
		var latest *core.Revision
		if latest, err = r.latest(ctx); err != nil {
			return err
		}
		err = f(latest)
		if !errors.Is(err, errOvertaken) {
			return err
		}
	}
	return core.AsError(err)
}

// errOvertaken is a revision whose number was taken meanwhile.
var errOvertaken = errors.New("overtaken")

// latest is the latest revision in the store, or one of number 0. It is read anew
// each time: its secrets may have been sealed anew.
func (r *Revisions) latest(ctx context.Context) (*core.Revision, error) {
	n, err := r.Store.LatestRevision(ctx)
	switch {
	case err != nil:
		return nil, err
	case n == 0:
		return &core.Revision{}, nil
	}
	return r.Store.FindRevision(ctx, n)
}

// proposal is what is to be in force.
type proposal struct {
	objects []core.ConfigObject
	cause   core.Cause
	author  core.AuditActor
	tell    bool // log warnings
	// follow takes over a revision that is in the store already.
	follow *core.Revision
}

// put loads, builds and stores a revision and puts it in force. What is the same
// as latest is put in force under its number.
func (r *Revisions) put(ctx context.Context, p proposal, latest *core.Revision) error {
	digest := r.readDigest()
	objects, err := r.opened(p.objects)
	if err != nil {
		return err
	}
	c, problems := config.Load(r.Path, r.Env, objects...)
	if p.tell {
		r.digest = digest
		r.warn(problems)
	}
	if c == nil {
		return &Invalid{faults(problems)}
	}
	built, problems := r.Build(ctx, c)
	if built == nil {
		return &Invalid{problems}
	}
	rev := latest
	if content := c.Content(); p.follow == nil && !(bytes.Equal(content, latest.Content) && same(p.objects, latest.Objects)) {
		rev = &core.Revision{Number: latest.Number + 1, At: r.Now().UTC(), Cause: p.cause, Author: p.author, Objects: p.objects, Content: content}
		if err := r.Store.AppendRevision(ctx, rev); err != nil {
			built.Drop()
			if core.AsError(err).Code == core.CodeConflict {
				err = errors.Join(errOvertaken, err)
			}
			return err
		}
	}
	r.current.Store(&inForce{config: c, revision: rev}) // first: what applies it may look at it
	built.Apply()
	r.applied.Add(1)
	r.digest, r.followed = digest, c.Followed()
	select {
	case r.refers <- struct{}{}:
	default: // it will look anyway
	}
	r.fault.Store(nil)
	return nil
}

func (r *Revisions) warn(problems []config.Problem) {
	for _, p := range problems {
		if p.Warning {
			r.Log.Warn(p.Message, "key", p.Path)
		}
	}
}

// faults are the problems that are no warnings.
func faults(problems []config.Problem) []config.Problem {
	return slices.DeleteFunc(slices.Clone(problems), func(p config.Problem) bool { return p.Warning })
}

func same(a, b []core.ConfigObject) bool {
	return slices.EqualFunc(a, b, func(a, b core.ConfigObject) bool {
		return a.ID == b.ID && a.Name == b.Name && a.UpdatedAt.Equal(b.UpdatedAt) && bytes.Equal(a.Settings, b.Settings)
	})
}

// Config is the configuration in force.
func (r *Revisions) Config() *config.Config { return r.current.Load().config }

// Applied counts the configurations that were put in force since the start.
func (r *Revisions) Applied() int64 { return r.applied.Load() }

// State tells what is in force, and what is not.
func (r *Revisions) State() core.ConfigState {
	rev := r.current.Load().revision
	s := core.ConfigState{Revision: rev.Number, At: rev.At, Cause: rev.Cause, Author: rev.Author}
	if f := r.fault.Load(); f != nil {
		s.Stale = true
		for _, p := range f.problems {
			s.Problems = append(s.Problems, p.String())
		}
	}
	return s
}

// Objects lists the objects of a kind that are in force, by name. The list is
// everybody's and must not be changed.
func (r *Revisions) Objects(kind core.ObjectKind) []core.ConfigObject {
	return r.current.Load().list(kind)
}

// Export writes the configuration in force as one file.
func (r *Revisions) Export() (string, error) { return r.Config().Export() }

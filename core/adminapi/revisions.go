package adminapi

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/tokligence/gateway/core"
)

// configView is the configuration in force.
type configView struct {
	Revision int64           `json:"revision"`
	At       time.Time       `json:"at"`
	Cause    core.Cause      `json:"cause"`
	Author   core.AuditActor `json:"author"`
	Stale    bool            `json:"stale"`    // something newer could not be put in force
	Problems []string        `json:"problems"` // why
}

// revisionView is a revision; Content is there where one is shown alone.
type revisionView struct {
	Number  int64           `json:"number"`
	At      time.Time       `json:"at"`
	Cause   core.Cause      `json:"cause"`
	Author  core.AuditActor `json:"author"`
	InForce bool            `json:"in_force"`
	Content json.RawMessage `json:"content,omitempty"` // values by path, secrets masked
}

func (a *api) configView() configView {
	s := a.Config.State()
	v := configView{s.Revision, s.At, s.Cause, s.Author, s.Stale, s.Problems}
	if v.Problems == nil {
		v.Problems = []string{}
	}
	return v
}

func (a *api) getConfig(c *call) error { return writeJSON(c.w, http.StatusOK, a.configView()) }

func (a *api) revisionView(r *core.Revision) revisionView {
	return revisionView{r.Number, r.At, r.Cause, r.Author, r.Number == a.Config.State().Revision, r.Content}
}

func (a *api) listRevisions(c *call) error {
	q := c.query()
	p := q.page()
	if q.err != nil {
		return q.err
	}
	found, next, err := a.Store.ListRevisions(c.ctx(), p)
	if err != nil {
		return err
	}
	views := make([]revisionView, len(found))
	for i, r := range found {
		views[i] = a.revisionView(r)
	}
	return writeList(c, views, next)
}

func (a *api) getRevision(c *call) error {
	n, err := strconv.ParseInt(c.path("id"), 10, 64)
	if err != nil {
		return core.Errorf(core.CodeNotFound, core.SourceClient, "there is no revision %q", c.path("id"))
	}
	r, err := a.Store.FindRevision(c.ctx(), n)
	if err != nil {
		return err
	}
	return writeJSON(c.w, http.StatusOK, a.revisionView(r))
}

// difference is one value that two revisions have differently; null where one
// has none.
type difference struct {
	Path   string          `json:"path"`
	Before json.RawMessage `json:"before"`
	After  json.RawMessage `json:"after"`
}

// diffView is what changed from one revision to another.
type diffView struct {
	From    int64        `json:"from"`
	To      int64        `json:"to"`
	Changes []difference `json:"changes"`
}

// diffRevisions compares two revisions: by default the one in force with the one
// before it.
func (a *api) diffRevisions(c *call) error {
	q := c.query()
	to := q.number("to", a.Config.State().Revision)
	from := q.number("from", to-1)
	if q.err != nil {
		return q.err
	}
	changes, err := a.differences(c, from, to)
	if err != nil {
		return err
	}
	return writeJSON(c.w, http.StatusOK, diffView{from, to, changes})
}

// number reads a whole number; def when absent.
func (q *query) number(name string, def int64) int64 {
	s := q.text(name)
	if s == "" {
		return def
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		q.fail(name, "must be a number")
	}
	return n
}

// differences compares two revisions by path. Revision 0, before the first, is empty.
func (a *api) differences(c *call, from, to int64) ([]difference, error) {
	var contents [2]map[string]json.RawMessage
	for i, n := range []int64{from, to} {
		if n == 0 {
			continue
		}
		r, err := a.Store.FindRevision(c.ctx(), n)
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(r.Content, &contents[i]); err != nil {
			return nil, err
		}
	}
	before, after := contents[0], contents[1]
	paths := slices.AppendSeq(slices.Collect(maps.Keys(before)), maps.Keys(after))
	slices.Sort(paths)
	list := []difference{}
	for _, path := range slices.Compact(paths) {
		if !bytes.Equal(before[path], after[path]) {
			list = append(list, difference{path, before[path], after[path]})
		}
	}
	return list, nil
}

// rollbackView is what a rollback came to.
type rollbackView struct {
	configView
	Restored int64 `json:"restored"` // whose objects are in force again
	// Remaining is what still differs from that revision: what the files say today.
	Remaining []difference `json:"remaining"`
}

// rollbackInput names the revision whose objects are to be in force again.
type rollbackInput struct {
	Revision *int64 `json:"revision" api:"required"`
}

func (a *api) rollback(c *call) error {
	var in rollbackInput
	if err := c.body(&in); err != nil {
		return err
	}
	if in.Revision == nil {
		return core.Invalid("revision", "is required")
	}
	if err := a.Config.Rollback(c.ctx(), c.caller.actor, *in.Revision); err != nil {
		if e := core.AsError(err); e.Code == core.CodeNotFound {
			return core.Invalid("revision", "%s", e.Message)
		}
		return err
	}
	v := rollbackView{configView: a.configView(), Restored: *in.Revision}
	var err error
	if v.Remaining, err = a.differences(c, v.Restored, v.Revision); err != nil {
		return err
	}
	return writeJSON(c.w, http.StatusOK, v)
}

func (a *api) exportConfig(c *call) error {
	text, err := a.Config.Export()
	if err != nil {
		return err
	}
	c.w.Header().Set("Content-Type", "application/toml")
	_, _ = io.WriteString(c.w, text) // the caller may have gone
	return nil
}

// auditConfig is the configuration as an object: its revision.
func (a *api) auditConfig(*call, string) (*subject, error) {
	return &subject{state: map[string]int64{"revision": a.Config.State().Revision}}, nil
}

package adminapi

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/tokligence/gateway/core"
)

// action is what the audit log says of a route that changes something.
type action struct {
	name string // "key.create": the kind of object before the dot; "" is not recorded
	// find is the object of the id, which is the path's, or the answer's where the
	// path has none; nil when there is no such object. A nil find: there is only one, or many.
	find func(c *call, id string) (*subject, error)
	// still: the object stays as it is, so there is nothing to compare.
	still bool
	// again answers a POST whose object an earlier attempt has made (see once); nil:
	// as GET shows it. Needed where the first answer has a secret that GET has not.
	again func(c *call) error
	// single: there is one such object, which has no id and always a find.
	single bool
}

// unchanged is the action on an object that it leaves as it is.
func (act action) unchanged() action { act.still = true; return act }

// subject is an object as it stands. State is without secrets; nil when deleted.
type subject struct {
	core.Named
	state any
}

// repeatedBy sets again.
func (act action) repeatedBy(again func(*call) error) action {
	act.again = again
	return act
}

// actions has every route that is not a GET; a test holds that none is missing.
func (a *api) actions() map[string]action {
	all := a.configActions()
	maps.Copy(all, a.signInActions())
	maps.Copy(all, map[string]action{
		"POST /keys":                  {name: "key.create", find: a.auditKey, again: a.againKey},
		"POST /keys/temporary":        {name: "key.mint", find: a.auditKey, again: a.againMint},
		"PATCH /keys/{id}":            {name: "key.update", find: a.auditKey},
		"DELETE /keys/{id}":           {name: "key.delete", find: a.auditKey},
		"POST /keys/{id}/rotate":      {name: "key.rotate", find: a.auditKey},
		"POST /keys/{id}/block":       {name: "key.block", find: a.auditKey},
		"POST /keys/{id}/unblock":     {name: "key.unblock", find: a.auditKey},
		"POST /keys/bulk":             {name: "key.bulk"}, // each key has a record of its own
		"POST /orgs":                  a.auditOrg("org.create"),
		"PATCH /orgs/{id}":            a.auditOrg("org.update"),
		"DELETE /orgs/{id}":           a.auditOrg("org.delete"),
		"POST /teams":                 a.auditTeam("team.create"),
		"PATCH /teams/{id}":           a.auditTeam("team.update"),
		"DELETE /teams/{id}":          a.auditTeam("team.delete"),
		"POST /projects":              a.auditProject("project.create"),
		"PATCH /projects/{id}":        a.auditProject("project.update"),
		"DELETE /projects/{id}":       a.auditProject("project.delete"),
		"POST /users":                 a.auditUser("user.create"),
		"PATCH /users/{id}":           a.auditUser("user.update"),
		"DELETE /users/{id}":          a.auditUser("user.delete"),
		"POST /memberships":           a.auditMembership("membership.create"),
		"PATCH /memberships/{id}":     a.auditMembership("membership.update"),
		"DELETE /memberships/{id}":    a.auditMembership("membership.delete"),
		"POST /model-groups":          a.auditGroup("model_group.create"),
		"PATCH /model-groups/{id}":    a.auditGroup("model_group.update"),
		"DELETE /model-groups/{id}":   a.auditGroup("model_group.delete"),
		"POST /events/{id}/replay":    {name: "event.replay", find: a.auditEvent, still: true},
		"POST /webhooks":              a.auditWebhook("webhook.create").repeatedBy(a.againWebhook),
		"PATCH /webhooks/{id}":        a.auditWebhook("webhook.update"),
		"DELETE /webhooks/{id}":       a.auditWebhook("webhook.delete"),
		"POST /webhooks/{id}/rotate":  a.auditWebhook("webhook.rotate"),
		"POST /webhooks/{id}/test":    a.auditWebhook("webhook.test").unchanged(),
		"POST /ledger/verify":         {}, // changes nothing
		"POST /ledger/rebuild":        {name: "ledger.rebuild"},
		"POST /encryption/reseal":     {name: "encryption.reseal"},
		"POST /models/{name:.+}/test": {name: "model.test", find: a.auditModel, still: true},
	})
	return all
}

// guarded serves a route to those who may have it, and records what it did before
// the caller is answered.
func (a *api) guarded(rt route, actions map[string]action) func(c *call) error {
	act := actions[rt.method+" "+rt.path]
	shown, shows := tagged(rt.method, rt.path, actions)
	return func(c *call) error {
		permit := func() error { return a.permit(rt.need, c) }
		if act.name != "" {
			return a.record(act, c, permit, rt.serve)
		}
		if err := permit(); err != nil {
			return err
		}
		if shows {
			if done, err := a.unchanged(shown, c); done || err != nil {
				return err
			}
		}
		return rt.serve(c)
	}
}

// record serves a changing route and writes what became of it to the audit log.
func (a *api) record(act action, c *call, permit func() error, serve func(*call) error) error {
	// No slow client is waited for while others cannot change anything.
	if _, err := c.readBody(); err != nil {
		return err
	}
	done, err := a.alone(c)
	if err != nil {
		return err
	}
	defer done()
	answer := &held{to: c.w}
	c.w = answer
	err = a.change(act, c, permit, func() string { return cmp.Or(c.id(), answer.id()) }, func() error { return a.once(act, c, answer, serve) })
	if err == nil {
		answer.release()
	}
	return err
}

// change does something to the object of the id, which may be known only
// afterwards, if that is permitted, and records it. One at a time asks, looks,
// acts and records, so that what was permitted is what is done, and what differs
// between before and after is the change's own doing.
func (a *api) change(act action, c *call, permit func() error, id func() string, do func() error) error {
	if act.find == nil || act.still {
		return a.changed(act, c, permit, id, do)
	}
	if denied := permit(); denied != nil { // before it stands in line: whoever is refused holds up nobody
		return a.changed(act, c, func() error { return denied }, id, do)
	}
	return a.Store.Alone(c.ctx(), func() error { return a.changed(act, c, permit, id, do) })
}

// changed is change with nobody else changing anything.
func (a *api) changed(act action, c *call, permit func() error, id func() string, do func() error) error {
	r := a.auditRecord(act, c)
	denied := permit()
	var err error
	if r.Before, err = a.look(act, c, r, id()); err != nil {
		return err
	}
	if denied != nil {
		return a.conclude(c, r, denied, false)
	}
	if err = c.expected(r.Before); err == nil {
		err = do()
	}
	if c.replayed {
		return err
	}
	late := *c // whoever asked may have gone; what was done is done
	late.r = c.r.WithContext(context.WithoutCancel(c.ctx()))
	var lost error
	if r.After, lost = a.look(act, &late, r, id()); lost != nil {
		a.Log.Error("what a change left could not be read for the audit log", "action", act.name, "error", lost)
	}
	if err == nil && r.After != nil {
		c.w.Header().Set("ETag", tagOf(r.After))
	}
	return a.conclude(&late, r, err, !bytes.Equal(r.Before, r.After))
}

// conclude writes the record, unless it is of a request that was merely wrong,
// and returns what the caller is to hear: err, or that there is no record of
// something that was done. That is never an error that clients retry by
// themselves. Where nothing was done the caller hears of that alone: mostly it is
// one and the same failure of the database.
func (a *api) conclude(c *call, r *core.AuditRecord, err error, changed bool) error {
	e := core.AsError(err)
	switch {
	case e == nil:
		r.Outcome = core.AuditOK
	case e.HTTPStatus() >= 500 || changed:
		r.Outcome, r.ErrorCode = core.AuditFailed, e.Code
	case e.Code == core.CodePermissionDenied, e.Code == core.CodeConflict, errors.Is(e, errForeign):
		r.Outcome, r.ErrorCode, r.Before, r.After = core.AuditRefused, e.Code, nil, nil
	default:
		return err
	}
	if forbidden := r.Outcome == core.AuditRefused && e.Code != core.CodeConflict; forbidden && !a.refusals.take(r) {
		return err
	}
	lost := a.Store.AppendAudit(c.ctx(), r)
	if lost == nil {
		return err
	}
	lost = fmt.Errorf("%s (%s) of %q by %s: %w", r.Action, r.Outcome, r.Object.ID, r.Actor.ID, lost)
	if e != nil && !changed {
		a.Log.Error("an attempt could not be recorded in the audit log", "error", lost)
		return err
	}
	return core.Errorf(core.CodeInternal, core.SourceGateway, "the change was made, but it could not be recorded in the audit log").With(lost)
}

func (a *api) auditRecord(act action, c *call) *core.AuditRecord {
	kind, _, _ := strings.Cut(act.name, ".")
	address := ""
	if from := a.origin(c.r)(); from.IsValid() {
		address = from.String()
	}
	return &core.AuditRecord{
		ID: core.NewID(core.PrefixAudit, c.now), At: c.now, Action: act.name,
		Actor:  c.caller.actor,
		Object: core.AuditObject{Kind: kind}, RemoteAddress: address,
		UserAgent: c.userAgent(),
	}
}

// userAgent is without the key: somebody's script may say too much.
func (c *call) userAgent() string {
	return hide(c.r, c.r.UserAgent())
}

// look names the object of the record and returns its state. An id that nobody
// has is not kept: it may be a secret, pasted where the id belongs.
func (a *api) look(act action, c *call, r *core.AuditRecord, id string) (json.RawMessage, error) {
	if act.find == nil || id == "" && !act.single {
		return nil, nil
	}
	s, err := act.find(c, id)
	if err != nil || s == nil {
		return nil, err
	}
	if r.Object.ID == "" { // as it was before the change
		r.Object.Named = s.Named
	}
	if s.state == nil {
		return nil, nil
	}
	raw, err := json.Marshal(s.state)
	if err != nil {
		return nil, err
	}
	return mask(raw)
}

// keyState is a key as the audit log shows it: what somebody set, not what was
// spent or used meanwhile.
type keyState struct {
	*core.VirtualKey
	Budget *core.Budget `json:"budget"`
}

func (a *api) auditKey(c *call, id string) (*subject, error) {
	k, err := a.Keys.Get(c.ctx(), id)
	if err != nil {
		return nil, unlessMissing(err)
	}
	s := &subject{Named: core.Named{ID: k.ID, Name: k.Name}}
	if k.DeletedAt != nil {
		return s, nil
	}
	shown := *k
	shown.LastUsed = nil
	state := keyState{VirtualKey: &shown}
	budgets, err := a.Keys.Budgets(c.ctx(), id)
	if len(budgets) > 0 {
		state.Budget = budgets[0]
	}
	s.state = state
	return s, err
}

func (a *api) auditModel(_ *call, name string) (*subject, error) {
	if !slices.ContainsFunc(a.Runtime.Models(), func(m ModelInfo) bool { return m.Name == name }) {
		return nil, nil
	}
	return &subject{Named: core.Named{ID: name, Name: name}}, nil
}

// unlessMissing drops the error of an object that does not exist.
func unlessMissing(err error) error {
	if core.AsError(err).Code == core.CodeNotFound {
		return nil
	}
	return err
}

// id is the object's in the path, "" when there is none.
func (c *call) id() string { return cmp.Or(c.path("id"), c.path("name")) }

// held keeps an answer back until its change is on record.
type held struct {
	to     http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (h *held) Header() http.Header         { return h.to.Header() }
func (h *held) WriteHeader(status int)      { h.status = status }
func (h *held) Write(b []byte) (int, error) { return h.body.Write(b) }

func (h *held) release() {
	if h.status != 0 {
		h.to.WriteHeader(h.status)
	}
	_, _ = h.to.Write(h.body.Bytes()) // the caller may have gone
}

// id is that of the object in the answer, "" when there is none.
func (h *held) id() string {
	var object struct{ ID, Name string }
	_ = json.Unmarshal(h.body.Bytes(), &object) // not every answer is an object
	return cmp.Or(object.ID, object.Name)       // what the configuration declares has no other id than its name
}

package revision

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/config"
)

// Change makes one change of an object made by API and puts the outcome in force.
// CodeInvalidRequest names the member that is at fault, CodeConflict is of what
// the change itself cannot mend: an object of a file, a name that is taken,
// something that still uses what is to be deleted, files with faults.
func (r *Revisions) Change(ctx context.Context, author core.AuditActor, ch core.ConfigChange) error {
	ctx = context.WithoutCancel(ctx) // half a change is none
	r.changing.Lock()
	defer r.changing.Unlock()
	return r.onLatest(ctx, func(latest *core.Revision) error {
		objects, err := r.changed(latest.Objects, ch)
		if err != nil {
			return err
		}
		err = r.put(ctx, proposal{objects: objects, cause: core.CauseAPI, author: author}, latest)
		var invalid *Invalid
		if errors.As(err, &invalid) {
			return r.refusal(invalid.Problems, ch, latest.Objects)
		}
		return err
	})
}

// changed is the list of objects after the change.
func (r *Revisions) changed(objects []core.ConfigObject, ch core.ConfigChange) ([]core.ConfigObject, error) {
	i := slices.IndexFunc(objects, func(o core.ConfigObject) bool { return o.Kind == ch.Kind && o.Name == ch.Name })
	if i < 0 {
		if err := r.notByAPI(ch); err != nil {
			return nil, err
		}
	}
	now := r.Now().UTC()
	objects = slices.Clone(objects)
	switch {
	case ch.Verb == core.ConfigDelete:
		return slices.Delete(objects, i, i+1), nil
	case ch.Verb == core.ConfigUpdate:
		o := &objects[i]
		changed, err := r.changeObject(o, ch.Settings)
		if changed {
			o.UpdatedAt = now
		}
		return objects, err
	case i >= 0:
		return nil, taken(ch, ", made by API")
	}
	o := core.ConfigObject{ID: ch.ID, Kind: ch.Kind, Name: ch.Name, Owner: ch.Owner, Origin: core.OriginAPI, Settings: json.RawMessage("{}"), CreatedAt: now, UpdatedAt: now}
	_, err := r.changeObject(&o, ch.Settings)
	return append(objects, o), err
}

// changeObject replaces members; null takes one away.
func (r *Revisions) changeObject(o *core.ConfigObject, patch map[string]json.RawMessage) (changed bool, err error) {
	set, gone := split(patch)
	if o.Kind == core.ObjectCredential {
		return r.changeCredential(o, set, gone)
	}
	return changeSettings(o, set, gone)
}

// notByAPI is why there is nothing by API to change; nil when it is to be made.
func (r *Revisions) notByAPI(ch core.ConfigChange) error {
	for _, o := range r.Config().Objects(ch.Kind) {
		switch {
		case o.Name != ch.Name || o.Origin != core.OriginFile:
		case ch.Verb == core.ConfigCreate:
			return taken(ch, ", defined at "+o.Place)
		default:
			return core.Errorf(core.CodeConflict, core.SourceClient, "%s %q is defined at %s and can only be changed there", ch.Kind, ch.Name, o.Place)
		}
	}
	if ch.Verb == core.ConfigCreate {
		return nil
	}
	return core.Errorf(core.CodeNotFound, core.SourceClient, "there is no %s %q", ch.Kind, ch.Name)
}

func taken(ch core.ConfigChange, where string) error {
	if ch.Owner != (core.Place{}) {
		where = "" // whose it is, is not for others
	}
	e := core.Errorf(core.CodeConflict, core.SourceClient, "there is a %s %q already%s", ch.Kind, ch.Name, where)
	e.Param = "name"
	return e
}

// split tells apart what a patch sets and what it takes away.
func split(patch map[string]json.RawMessage) (set map[string]json.RawMessage, gone []string) {
	set = map[string]json.RawMessage{}
	for name, raw := range patch {
		if string(raw) == "null" {
			gone = append(gone, name)
		} else {
			set[name] = raw
		}
	}
	return set, gone
}

func changeSettings(o *core.ConfigObject, set map[string]json.RawMessage, gone []string) (changed bool, err error) {
	settings, err := merged(o.Settings, set, gone)
	if err != nil || bytes.Equal(settings, o.Settings) {
		return false, err
	}
	o.Settings = settings
	return true, nil
}

// merged is a JSON object with other members. It is the same for the same members.
func merged(settings json.RawMessage, set map[string]json.RawMessage, gone []string) (json.RawMessage, error) {
	members := map[string]json.RawMessage{}
	if err := json.Unmarshal(settings, &members); err != nil {
		return nil, err
	}
	maps.Copy(members, set)
	for _, name := range gone {
		delete(members, name)
	}
	return json.Marshal(members) // sorted, and without white space
}

// refusal makes an answer of a changed configuration's problems: the first at its
// member, all in the message. Faults that were there before are not the change's.
func (r *Revisions) refusal(problems []config.Problem, ch core.ConfigChange, before []core.ConfigObject) error {
	own := string(ch.Kind) + "[" + ch.Name + "]"
	inside := func(p config.Problem) bool {
		return p.File == config.FromAPI && p.Path == own || strings.HasPrefix(p.Path, own+".") || strings.HasPrefix(p.Path, string(ch.Kind)+"[0].name")
	}
	if i := slices.IndexFunc(problems, inside); i >= 0 && ch.Verb != core.ConfigDelete {
		first := problems[i]
		e := core.Invalid(member(first.Path), "%s", first.Message)
		if name, absent := strings.CutSuffix(first.Message, " is missing"); absent && e.Param == "" {
			e.Param = name
		}
		for _, p := range slices.Delete(slices.Clone(problems), i, i+1) {
			where := p.Path
			if inside(p) {
				where = member(p.Path)
			}
			e.Message += "; " + strings.TrimPrefix(where+": ", ": ") + p.Message
		}
		return e
	}
	before, err := r.opened(before)
	if err != nil {
		return err
	}
	owned := ch.Owner != core.Place{} || slices.ContainsFunc(before, func(o core.ConfigObject) bool {
		return o.Kind == ch.Kind && o.Name == ch.Name && o.Owner != core.Place{}
	})
	if c, base := config.Load(r.Path, r.Env, before...); c == nil {
		if owned {
			return core.Errorf(core.CodeConflict, core.SourceClient, "the gateway's own configuration has faults, and nothing can be changed before its operator has mended them")
		}
		return core.Errorf(core.CodeConflict, core.SourceClient, "the configuration on disk has faults, and nothing can be changed before they are mended: %s", told(faults(base)))
	}
	if ch.Verb == core.ConfigDelete {
		return core.Errorf(core.CodeConflict, core.SourceClient, "%s %q is in use: %s", ch.Kind, ch.Name, told(problems))
	}
	return core.Errorf(core.CodeInvalidRequest, core.SourceClient, "%s", told(problems))
}

// member is the part of a problem's path behind the object.
func member(path string) string {
	if i := strings.Index(path, "]"); i >= 0 {
		path = path[i+1:]
	}
	return strings.TrimPrefix(path, ".")
}

func told(problems []config.Problem) string {
	list := make([]string, len(problems))
	for i, p := range problems {
		list[i] = p.String()
	}
	return strings.Join(list, "; ")
}

// Rollback puts the objects of an older revision in force again. What the files
// say stays.
func (r *Revisions) Rollback(ctx context.Context, author core.AuditActor, number int64) error {
	ctx = context.WithoutCancel(ctx)
	r.changing.Lock()
	defer r.changing.Unlock()
	old, err := r.Store.FindRevision(ctx, number)
	if err != nil {
		return err
	}
	return r.onLatest(ctx, func(latest *core.Revision) error {
		err := r.put(ctx, proposal{objects: old.Objects, cause: core.CauseRollback, author: author}, latest)
		var invalid *Invalid
		if errors.As(err, &invalid) {
			return core.Errorf(core.CodeConflict, core.SourceClient, "the objects of revision %d do not go with the files as they are: %s", number, told(invalid.Problems))
		}
		return err
	})
}

// Follow puts in force what other nodes changed since. A revision that cannot be
// is told once.
func (r *Revisions) Follow(ctx context.Context) error {
	n, err := r.Store.LatestRevision(ctx)
	if err != nil || n <= r.current.Load().revision.Number {
		return err
	}
	r.changing.Lock()
	defer r.changing.Unlock()
	latest, err := r.latest(ctx)
	if err != nil || latest.Number <= r.current.Load().revision.Number {
		return err
	}
	err = r.put(ctx, proposal{objects: latest.Objects, follow: latest}, latest)
	var invalid *Invalid
	if !errors.As(err, &invalid) {
		return err
	}
	if f := r.fault.Load(); f != nil && f.number == latest.Number {
		return nil
	}
	r.fault.Store(&fault{latest.Number, invalid.Problems})
	return fmt.Errorf("revision %d, which another node made: %s", latest.Number, told(invalid.Problems))
}

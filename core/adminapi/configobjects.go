package adminapi

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/config"
)

// Configuration is what the gateway serves by, and what changes it.
// *revision.Revisions fulfils it.
type Configuration interface {
	State() core.ConfigState
	// Objects lists what is in force of a kind, by name, with secrets masked.
	Objects(kind core.ObjectKind) []core.ConfigObject
	// Change is in force when it returns, or has changed nothing.
	Change(ctx context.Context, author core.AuditActor, ch core.ConfigChange) error
	Rollback(ctx context.Context, author core.AuditActor, number int64) error
	// Export is the whole as TOML, with references in the place of secrets.
	Export() (string, error)
}

// configRoutes are those of the configuration.
func (a *api) configRoutes() []route {
	whole := need{verb: read, resource: revisions}
	list := []route{
		{"GET", "/config", a.getConfig, whole},
		{"GET", "/config/revisions", a.listRevisions, whole},
		{"GET", "/config/revisions/{id}", a.getRevision, whole},
		{"GET", "/config/diff", a.diffRevisions, whole},
		{"POST", "/config/rollback", a.rollback, need{verb: update, resource: revisions}},
		{"GET", "/config/export", a.exportConfig, whole},
		{"GET", "/credentials", a.listObjects(core.ObjectCredential), need{verb: read, resource: credentials, narrowed: true}},
		{"GET", "/deployments", a.listObjects(core.ObjectDeployment), need{verb: read, resource: deployments, narrowed: true}},
		{"GET", "/guardrails", a.listObjects(core.ObjectGuardrail), need{verb: read, resource: guardrails}},
	}
	for _, kind := range objectKinds {
		path, r, at := "/"+string(kind)+"s", resource(kind+"s"), a.configPlace(kind)
		list = append(list, route{"POST", path, a.createObject(kind), need{verb: create, resource: r, named: true}},
			route{"GET", path + "/{name:.+}", a.getObject(kind), need{verb: read, resource: r, object: at}},
			route{"PATCH", path + "/{name:.+}", a.updateObject(kind), need{verb: update, resource: r, object: at}},
			route{"DELETE", path + "/{name:.+}", a.deleteObject(kind), need{verb: remove, resource: r, object: at}})
	}
	return list
}

// configActions are what the audit log says of them.
func (a *api) configActions() map[string]action {
	all := map[string]action{"POST /config/rollback": {name: "config.rollback", find: a.auditConfig, single: true}}
	for _, kind := range objectKinds {
		path := "/" + string(kind) + "s"
		all["POST "+path] = a.auditObject(kind, "create").repeatedBy(a.againObject(kind))
		all["PATCH "+path+"/{name:.+}"] = a.auditObject(kind, "update")
		all["DELETE "+path+"/{name:.+}"] = a.auditObject(kind, "delete")
	}
	return all
}

// objectKinds are the kinds of objects that can be made by API.
var objectKinds = []core.ObjectKind{core.ObjectCredential, core.ObjectDeployment, core.ObjectModel, core.ObjectGuardrail}

// objectView is a configuration object as the API shows it: its keys, and where
// it was made.
type objectView struct {
	core.ConfigObject
	targets []DeploymentInfo // of a model, how its deployments are
}

// objectHead are the members that are no keys of the object.
type objectHead struct {
	Name   string      `json:"name"`
	Origin core.Origin `json:"origin"`
	Place  string      `json:"place,omitempty"` // of a file's: "gateway.toml:12"

	OrganizationID string `json:"organization_id,omitempty"` // the owner, whose keys alone may use it
	TeamID         string `json:"team_id,omitempty"`

	CreatedAt *time.Time       `json:"created_at,omitempty"`
	UpdatedAt *time.Time       `json:"updated_at,omitempty"`
	Targets   []DeploymentInfo `json:"targets,omitempty"` // how a model's deployments are
}

// MarshalJSON writes the members of the head and then those of the settings.
func (v objectView) MarshalJSON() ([]byte, error) {
	head := objectHead{Name: v.Name, Origin: v.Origin, Place: v.Place, OrganizationID: v.Owner.OrganizationID, TeamID: v.Owner.TeamID, Targets: v.targets}
	if v.Origin == core.OriginAPI {
		head.CreatedAt, head.UpdatedAt = &v.CreatedAt, &v.UpdatedAt
	}
	out, err := json.Marshal(head)
	if err != nil {
		return nil, err
	}
	var settings, taken map[string]json.RawMessage
	if err := json.Unmarshal(v.Settings, &settings); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(out, &taken); err != nil {
		return nil, err
	}
	maps.DeleteFunc(settings, func(key string, _ json.RawMessage) bool { return taken[key] != nil })
	if len(settings) == 0 {
		return out, nil
	}
	more, err := json.Marshal(settings)
	if err != nil {
		return nil, err
	}
	return append(append(out[:len(out)-1], ','), more[1:]...), nil
}

func (a *api) objectView(o core.ConfigObject) objectView {
	v := objectView{ConfigObject: o}
	if o.Kind == core.ObjectModel {
		for _, m := range a.Runtime.Models() {
			if m.Name == o.Name {
				v.targets = m.Deployments
			}
		}
	}
	return v
}

// object finds what is in force; nil when there is nothing of the name.
func (a *api) object(kind core.ObjectKind, name string) *core.ConfigObject {
	list := a.Config.Objects(kind)
	i, ok := slices.BinarySearchFunc(list, name, func(o core.ConfigObject, name string) int { return strings.Compare(o.Name, name) })
	if !ok {
		return nil
	}
	return &list[i]
}

func (a *api) listObjects(kind core.ObjectKind) func(*call) error {
	return func(c *call) error {
		q := c.query()
		p, origin := q.page(), core.Origin(q.choice("origin"))
		if q.err != nil {
			return q.err
		}
		var views []objectView
		reach := c.caller.reach(resource(kind + "s"))
		for _, o := range a.Config.Objects(kind) {
			if reach.Covers(o.Owner) && (origin == "" || o.Origin == origin) {
				views = append(views, objectView{ConfigObject: o})
			}
		}
		views, next := pageOf(views, p, func(v objectView) string { return v.Name })
		return writeList(c, views, next)
	}
}

func (a *api) getObject(kind core.ObjectKind) func(*call) error {
	return func(c *call) error { return a.writeObject(c, http.StatusOK, kind, c.path("name")) }
}

func (a *api) writeObject(c *call, status int, kind core.ObjectKind, name string) error {
	o := a.object(kind, name)
	if o == nil {
		return core.Errorf(core.CodeNotFound, core.SourceClient, "there is no %s %q", kind, name)
	}
	return writeJSON(c.w, status, a.objectView(*o))
}

func (a *api) createObject(kind core.ObjectKind) func(*call) error {
	return func(c *call) error {
		settings, err := c.members(kind, false)
		if err != nil {
			return err
		}
		var name string
		if raw, given := settings["name"]; !given {
			return core.Invalid("name", "is required")
		} else if json.Unmarshal(raw, &name) != nil {
			return core.Invalid("name", "must be a string")
		}
		delete(settings, "name")
		owner, err := a.takeOwner(c, settings)
		if err != nil {
			return err
		}
		if err := a.Config.Change(c.ctx(), c.caller.actor, core.ConfigChange{ID: c.newID(core.PrefixConfigObject), Kind: kind, Name: name, Owner: owner, Verb: core.ConfigCreate, Settings: settings}); err != nil {
			return err
		}
		return a.writeObject(c, http.StatusCreated, kind, name)
	}
}

func (a *api) updateObject(kind core.ObjectKind) func(*call) error {
	return func(c *call) error {
		settings, err := c.members(kind, true)
		if err != nil {
			return err
		}
		if settings["name"] != nil {
			return core.Invalid("name", "stays as it is: others know the object by it")
		}
		for _, member := range owners {
			if settings[member] != nil {
				return core.Invalid(member, "stays as it is: make another object for another owner")
			}
		}
		name := c.path("name")
		if err := a.Config.Change(c.ctx(), c.caller.actor, core.ConfigChange{Kind: kind, Name: name, Verb: core.ConfigUpdate, Settings: settings}); err != nil {
			return err
		}
		return a.writeObject(c, http.StatusOK, kind, name)
	}
}

func (a *api) deleteObject(kind core.ObjectKind) func(*call) error {
	return func(c *call) error {
		return c.deleted(a.Config.Change(c.ctx(), c.caller.actor, core.ConfigChange{Kind: kind, Name: c.path("name"), Verb: core.ConfigDelete}))
	}
}

// owners are the members that name the owner of a new object.
var owners = []string{"organization_id", "team_id"}

// ownable reports whether a team or an organization can own objects of the kind.
func ownable(kind core.ObjectKind) bool { return kind != core.ObjectGuardrail }

// takeOwner takes the owner out of a new object's members: a team brings its
// organization along.
func (a *api) takeOwner(c *call, members map[string]json.RawMessage) (p core.Place, err error) {
	for i, to := range []*string{&p.OrganizationID, &p.TeamID} {
		if raw := members[owners[i]]; raw != nil && json.Unmarshal(raw, to) != nil {
			return p, core.Invalid(owners[i], "must be a string")
		}
		delete(members, owners[i])
	}
	if p.TeamID == "" {
		if p.OrganizationID == "" {
			return p, nil
		}
		o, err := a.Store.FindOrganizationByID(c.ctx(), p.OrganizationID)
		if err == nil && o.DeletedAt != nil {
			err = core.Invalid("organization_id", "organization %q does not exist", p.OrganizationID)
		}
		return p, err
	}
	t, err := a.Store.FindTeamByID(c.ctx(), p.TeamID)
	switch {
	case err != nil:
		return p, err
	case t.DeletedAt != nil:
		return p, core.Invalid("team_id", "team %q does not exist", p.TeamID)
	case p.OrganizationID != "" && p.OrganizationID != t.OrganizationID:
		return p, core.Invalid("team_id", "team %q is not in organization %q", p.TeamID, p.OrganizationID)
	}
	p.OrganizationID = t.OrganizationID
	return p, nil
}

// configPlace finds where an object stands: with its owner, or in the installation.
func (a *api) configPlace(kind core.ObjectKind) func(*call, string) (*object, error) {
	return func(_ *call, name string) (*object, error) {
		o := a.object(kind, name)
		if o == nil {
			return nil, nil
		}
		return &object{places: []core.Place{o.Owner}}, nil
	}
}

// headMembers are the members that no field of a credential can be called.
var headMembers = func() (names []string) {
	for _, m := range membersOf(reflect.TypeFor[objectHead]()) {
		names = append(names, m.name)
	}
	return names
}()

var fieldName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// checkField refuses members of a credential that are no secret fields.
func checkField(name string, raw json.RawMessage) error {
	var value *string
	switch {
	case slices.Contains(headMembers, name), name == "user_id", name == "role", name == "admin": // of which permissions have their own idea
		return core.Invalid(name, "cannot be the name of a secret field")
	case !fieldName.MatchString(name):
		return core.Invalid(name, "unknown member %q: secret fields are lower-case words such as api_key", name)
	case json.Unmarshal(raw, &value) != nil:
		return core.Invalid(name, "must be a string")
	}
	return nil
}

// members reads a body whose members are the keys of a kind. Null takes one
// away, where that is allowed.
func (c *call) members(kind core.ObjectKind, nullable bool) (map[string]json.RawMessage, error) {
	raw, err := c.readBody()
	if err != nil {
		return nil, err
	}
	var any map[string]json.RawMessage
	if err := strict("", raw, &any); err != nil {
		return nil, err
	}
	members, err := objectMembers(raw)
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if ownable(kind) && slices.Contains(owners, name) {
			continue
		}
		if kind == core.ObjectCredential && name != "name" {
			if err := checkField(name, members[name]); err != nil {
				return nil, err
			}
		}
		if hint, known := config.Known(kind, name); !known {
			return nil, core.Invalid(name, "unknown member %q%s", name, hint)
		}
		if isNull(members[name]) && !nullable {
			return nil, core.Invalid(name, "must not be null")
		}
	}
	return members, nil
}

// objectByID is one made by API, whatever it is called.
func (a *api) objectByID(kind core.ObjectKind, id string) *core.ConfigObject {
	for _, o := range a.Config.Objects(kind) {
		if o.ID == id {
			return &o
		}
	}
	return nil
}

// againObject answers with what an attempt before has made.
func (a *api) againObject(kind core.ObjectKind) func(*call) error {
	return func(c *call) error {
		return a.writeObject(c, http.StatusCreated, kind, a.objectByID(kind, c.made).Name)
	}
}

// auditObject records a change of a configuration object, whose id is its name.
func (a *api) auditObject(kind core.ObjectKind, verb string) action {
	return action{name: string(kind) + "." + verb, find: func(_ *call, id string) (*subject, error) {
		o := a.object(kind, id)
		if o == nil {
			o = a.objectByID(kind, id)
		}
		if o == nil {
			return nil, nil
		}
		return &subject{Named: core.Named{ID: o.Name, Name: o.Name}, state: objectView{ConfigObject: *o}}, nil
	}}
}

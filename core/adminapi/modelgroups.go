package adminapi

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tokligence/gateway/core"
)

// fileGroup begins the ids of the configuration's groups.
const fileGroup = "file:"

// modelGroupView is a group as the API shows it. Of an alias that it lists and
// that there is not, UnknownModels tells.
type modelGroupView struct {
	*core.ModelGroup
	Origin        core.Origin `json:"origin"`
	UnknownModels []string    `json:"unknown_models"`
}

type modelGroupInput struct {
	Name   string   `json:"name" api:"required"`
	Models []string `json:"models" api:"required"`
}

type modelGroupPatch struct {
	Models *[]string `json:"models"`
}

func (a *api) viewGroup(g *core.ModelGroup, origin core.Origin) *modelGroupView {
	return &modelGroupView{g, origin, a.unknown(g.Models, nil)}
}

// unknown are the entries that no alias and no group has.
func (a *api) unknown(models []string, groups map[string][]string) []string {
	list := []string{}
	if len(models) == 0 {
		return list
	}
	aliases := map[string]bool{}
	for _, m := range a.Runtime.Models() {
		aliases[m.Name] = true
	}
	for _, m := range models {
		if _, group := groups[m]; !group && (!aliases[m] || strings.HasPrefix(m, core.GroupPrefix)) {
			list = append(list, m)
		}
	}
	return list
}

// fileGroups are the configuration's.
func (a *api) fileGroups() []*modelGroupView {
	var list []*modelGroupView
	for _, g := range a.Runtime.ModelGroups() {
		g.ID = fileGroup + g.Name
		list = append(list, a.viewGroup(&g, core.OriginFile))
	}
	return list
}

// listGroups begins with the configuration's groups, by name.
func (a *api) listGroups(c *call) error {
	q := c.query()
	f := core.ModelGroupFilter{Name: q.given("name"), Page: q.page()}
	if q.err != nil {
		return q.err
	}
	var views []*modelGroupView
	next := ""
	if f.Cursor == "" || strings.HasPrefix(f.Cursor, "=") {
		ofFile := slices.DeleteFunc(a.fileGroups(), func(g *modelGroupView) bool { return f.Name != nil && g.Name != *f.Name })
		views, next = pageOf(ofFile, f.Page, func(g *modelGroupView) string { return g.ID })
		f.Cursor = ""
	}
	if next != "" {
		return writeList(c, views, next)
	}
	room := f.Limit - len(views)
	f.Limit = max(room, 1) // to see whether there is a next page
	found, next, err := a.Store.ListModelGroups(c.ctx(), f)
	if err != nil {
		return err
	}
	if room == 0 {
		if next = ""; len(found) > 0 {
			next = "=" + views[len(views)-1].ID
		}
		return writeList(c, views, next)
	}
	for _, g := range found {
		views = append(views, a.viewGroup(g, core.OriginAPI))
	}
	return writeList(c, views, next)
}

func (a *api) createGroup(c *call) error {
	var in modelGroupInput
	if err := c.body(&in); err != nil {
		return err
	}
	if err := core.CheckGroupName(in.Name); err != nil {
		return err
	}
	if in.Models == nil {
		return core.Invalid("models", "is required; an empty list allows nothing")
	}
	if err := core.CheckGroupModels(in.Models); err != nil {
		return err
	}
	if slices.ContainsFunc(a.fileGroups(), func(g *modelGroupView) bool { return g.Name == in.Name }) {
		e := core.Errorf(core.CodeConflict, core.SourceClient, "the configuration has a model group of this name already")
		e.Param = "name"
		return e
	}
	g := &core.ModelGroup{ID: c.newID(core.PrefixModelGroup), Name: in.Name, Models: in.Models, CreatedAt: c.now, UpdatedAt: c.now}
	defer a.Keys.Forget()
	if err := a.Store.CreateModelGroup(c.ctx(), g); err != nil {
		return err
	}
	return writeJSON(c.w, http.StatusCreated, a.viewGroup(g, core.OriginAPI))
}

func (a *api) getGroup(c *call) error {
	for _, g := range a.fileGroups() {
		if g.ID == c.path("id") {
			return writeJSON(c.w, http.StatusOK, g)
		}
	}
	g, err := a.Store.FindModelGroupByID(c.ctx(), c.path("id"))
	if err == nil {
		err = c.living("model group", g.DeletedAt)
	}
	if err != nil {
		return err
	}
	return writeJSON(c.w, http.StatusOK, a.viewGroup(g, core.OriginAPI))
}

// ownGroup refuses the configuration's groups.
func (c *call) ownGroup() error {
	if strings.HasPrefix(c.path("id"), fileGroup) {
		return core.Errorf(core.CodeConflict, core.SourceClient, "this model group is changed in the configuration file")
	}
	return nil
}

// updateGroup gives it another list: by its name it stands in others'.
func (a *api) updateGroup(c *call) error {
	var in modelGroupPatch
	if err := c.body(&in); err != nil {
		return err
	}
	if err := c.ownGroup(); err != nil {
		return err
	}
	if in.Models == nil {
		return a.getGroup(c)
	}
	if err := core.CheckGroupModels(*in.Models); err != nil {
		return err
	}
	defer a.Keys.Forget()
	g, err := a.Store.UpdateModelGroup(c.ctx(), c.path("id"), *in.Models, c.now)
	if err != nil {
		return err
	}
	return writeJSON(c.w, http.StatusOK, a.viewGroup(g, core.OriginAPI))
}

func (a *api) deleteGroup(c *call) error {
	if err := c.ownGroup(); err != nil {
		return err
	}
	defer a.Keys.Forget()
	return c.deleted(a.Store.DeleteModelGroup(c.ctx(), c.path("id"), c.now))
}

func (a *api) auditGroup(name string) action {
	return owner(a, name, core.Store.FindModelGroupByID, func(g *core.ModelGroup) (core.Named, *time.Time) {
		return core.Named{ID: g.ID, Name: g.Name}, g.DeletedAt
	}, nil)
}

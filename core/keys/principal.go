package keys

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/tokligence/gateway/core"
)

// principal is who presents the key, with what its owners allow it now.
func (s *Service) principal(ctx context.Context, k *core.VirtualKey) (*core.Principal, error) {
	if k.ParentID != "" {
		return s.temporary(ctx, k)
	}
	o, err := s.store.FindOwners(ctx, k)
	if err != nil {
		return nil, err
	}
	p := &core.Principal{Key: k, Tags: k.Tags}
	p.Organization.ID, p.Team.ID, p.Project.ID, p.User.ID = k.OrganizationID, k.TeamID, k.ProjectID, k.UserID
	if o.Organization != nil {
		p.Organization.Name = o.Organization.Name
	}
	if o.Team != nil {
		p.Team.Name = o.Team.Name
	}
	if o.Project != nil {
		p.Project.Name, p.Tags = o.Project.Name, joined(k.Tags, o.Project.Tags)
	}
	if o.User != nil {
		p.User.Name = o.User.Name
	}
	p.Levels = levels(k, o)
	p.Guardrails = guardrails(k, o)
	if p.Groups, err = s.Groups(ctx, named(p)); err != nil {
		return nil, err
	}
	p.Budgets, err = s.budgets.FindBudgets(ctx, subjects(k))
	return p, err
}

// Person is somebody who has signed in and calls a model from there: in their own
// name, by no key, within what the user may do and spend.
func (s *Service) Person(ctx context.Context, u core.Named) (*core.Principal, error) {
	return s.principal(ctx, &core.VirtualKey{ID: u.ID, Name: u.Name, UserID: u.ID, AllModels: true})
}

// temporary is who presents a temporary key: its parent, with what the parent lets
// it do. Whatever changes of the parent holds for it too.
func (s *Service) temporary(ctx context.Context, k *core.VirtualKey) (*core.Principal, error) {
	parent, err := s.store.FindKeyByID(ctx, k.ParentID)
	if err != nil {
		return nil, err
	}
	p, err := s.principal(ctx, parent)
	if err != nil {
		return nil, err
	}
	own := *k
	own.EndUser, own.Metadata = parent.EndUser, parent.Metadata
	own.Endpoints = both(own.Endpoints, parent.Endpoints)
	levels := []core.Level{{ID: parent.ID, Ceiling: core.Ceiling{AllModels: parent.AllModels, Models: parent.Models, Limits: parent.Limits}}}
	if mint := parent.MayMint; mint != nil && mint.Models != nil {
		levels = append(levels, core.Level{Ceiling: core.Ceiling{Models: mint.Models}})
	}
	p.Key, p.Parent, p.Tags, p.Levels = &own, parent, joined(k.Tags, p.Tags), append(levels, p.Levels...)
	if k.Guardrails != nil || p.Guardrails != nil {
		p.Guardrails = joined(p.Guardrails, k.Guardrails)
		slices.Sort(p.Guardrails)
	}
	if p.Groups, err = s.Groups(ctx, named(p)); err != nil {
		return nil, err
	}
	mine, err := s.budgets.FindBudgets(ctx, subjects(k)[:1])
	p.Budgets = append(mine, p.Budgets...)
	return p, err
}

// both are the entries of two lists of which nil stands for everything.
func both(a, b []string) []string {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	list := []string{}
	for _, s := range a {
		if slices.Contains(b, s) {
			list = append(list, s)
		}
	}
	return list
}

// named are all entries of lists of models that hold for p.
func named(p *core.Principal) []string {
	all := p.Key.Models
	for i := range p.Levels {
		all = append(all[:len(all):len(all)], p.Levels[i].Models...)
	}
	return all
}

// Groups are what the groups among the entries of lists of models list, by the
// entry; those that there are not are missing.
func (s *Service) Groups(ctx context.Context, models []string) (map[string][]string, error) {
	var groups map[string][]string
	var ask []string
	for _, m := range models {
		name, ok := strings.CutPrefix(m, core.GroupPrefix)
		if !ok || groups[m] != nil {
			continue
		}
		if groups == nil {
			groups = map[string][]string{}
		}
		if s.FileGroup != nil {
			if list, ok := s.FileGroup(name); ok {
				groups[m] = list
				continue
			}
		}
		ask = append(ask, name)
	}
	if ask == nil {
		return groups, nil
	}
	found, err := s.store.FindModelGroups(ctx, ask)
	for name, list := range found {
		groups[core.GroupPrefix+name] = list
	}
	return groups, err
}

// joined are the words of both lists, each once.
func joined(a, b []string) []string {
	list := slices.Clone(a)
	for _, s := range b {
		if !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	return list
}

// guardrails are those of the key and of all its owners.
func guardrails(k *core.VirtualKey, o *core.Owners) []string {
	all := slices.Clone(k.Guardrails)
	if o.Project != nil {
		all = append(all, o.Project.Guardrails...)
	}
	if o.Team != nil {
		all = append(all, o.Team.Guardrails...)
	}
	if o.User != nil {
		all = append(all, o.User.Guardrails...)
	}
	if o.Organization != nil {
		all = append(all, o.Organization.Guardrails...)
	}
	if len(all) == 0 {
		return nil
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// levels are the ceilings that restrict something, narrowest first. An owner that
// is gone allows nothing.
func levels(k *core.VirtualKey, o *core.Owners) (list []core.Level) {
	add := func(id string, c *core.Ceiling, deleted *time.Time) {
		if id == "" {
			return
		}
		l := core.Level{ID: id}
		if c != nil && deleted == nil {
			l.Ceiling = *c
		}
		if l.Restricts() {
			list = append(list, l)
		}
	}
	if p := o.Project; p != nil {
		add(k.ProjectID, &p.Ceiling, p.DeletedAt)
	} else {
		add(k.ProjectID, nil, nil)
	}
	if t := o.Team; t != nil {
		add(k.TeamID, &t.Ceiling, t.DeletedAt)
	} else {
		add(k.TeamID, nil, nil)
	}
	if u := o.User; u != nil {
		add(k.UserID, &u.Ceiling, u.DeletedAt)
	} else {
		add(k.UserID, nil, nil)
	}
	if org := o.Organization; org != nil {
		add(k.OrganizationID, &org.Ceiling, org.DeletedAt)
	} else {
		add(k.OrganizationID, nil, nil)
	}
	return list
}

// subjects are those whose budgets the key spends from, narrowest first.
func subjects(k *core.VirtualKey) []core.BudgetSubject {
	list := []core.BudgetSubject{{Scope: core.ScopeKey, ID: k.ID}}
	add := func(scope core.Scope, id string) {
		if id != "" {
			list = append(list, core.BudgetSubject{Scope: scope, ID: id})
		}
	}
	if k.TeamID != "" && k.UserID != "" {
		add(core.ScopeMember, core.MemberSubject(k.TeamID, k.UserID))
	}
	add(core.ScopeProject, k.ProjectID)
	add(core.ScopeTeam, k.TeamID)
	add(core.ScopeUser, k.UserID)
	add(core.ScopeOrganization, k.OrganizationID)
	return list
}

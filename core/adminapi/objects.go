package adminapi

import "github.com/tokligence/gateway/core"

// These find where an object stands. What is deleted is nowhere.

func (a *api) keyObject(c *call, id string) (*object, error) {
	k, err := a.Keys.Get(c.ctx(), id)
	if err != nil || k.DeletedAt != nil {
		return nil, err
	}
	return &object{places: []core.Place{{OrganizationID: k.OrganizationID, TeamID: k.TeamID, UserID: k.UserID}}, role: k.Role}, nil
}

func (a *api) orgObject(c *call, id string) (*object, error) {
	o, err := a.Store.FindOrganizationByID(c.ctx(), id)
	if err != nil || o.DeletedAt != nil {
		return nil, err
	}
	return &object{places: []core.Place{{OrganizationID: id}}}, nil
}

func (a *api) teamObject(c *call, id string) (*object, error) {
	t, err := a.Store.FindTeamByID(c.ctx(), id)
	if err != nil || t.DeletedAt != nil {
		return nil, err
	}
	return &object{places: []core.Place{{OrganizationID: t.OrganizationID, TeamID: id}}}, nil
}

// userObject stands wherever the user is a member.
func (a *api) userObject(c *call, id string) (*object, error) {
	u, err := a.Store.FindUserByID(c.ctx(), id)
	if err != nil || u.DeletedAt != nil {
		return nil, err
	}
	list, _, err := a.Store.ListMemberships(c.ctx(), core.MembershipFilter{UserID: &id, Page: core.Page{Limit: maxMemberships}})
	o := &object{places: []core.Place{{UserID: id}}, role: u.Role}
	for _, m := range list {
		o.places = append(o.places, core.Place{OrganizationID: m.OrganizationID, TeamID: m.TeamID, UserID: id})
	}
	return o, err
}

func (a *api) membershipObject(c *call, id string) (*object, error) {
	m, err := a.Store.FindMembershipByID(c.ctx(), id)
	if err != nil || m.DeletedAt != nil {
		return nil, err
	}
	return &object{places: []core.Place{{OrganizationID: m.OrganizationID, TeamID: m.TeamID, UserID: m.UserID}}, role: m.Role}, nil
}

func (a *api) eventObject(c *call, id string) (*object, error) {
	e, err := a.Store.FindEventByID(c.ctx(), id)
	if err != nil {
		return nil, err
	}
	return &object{places: []core.Place{{OrganizationID: e.OrganizationID, TeamID: e.TeamID, UserID: e.UserID}}}, nil
}

func (a *api) webhookObject(c *call, id string) (*object, error) {
	w, err := a.Store.FindWebhookByID(c.ctx(), id)
	if err != nil || w.DeletedAt != nil {
		return nil, err
	}
	return &object{places: []core.Place{{OrganizationID: w.OrganizationID}}}, nil
}

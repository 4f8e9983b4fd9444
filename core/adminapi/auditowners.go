package adminapi

import (
	"time"

	"github.com/tokligence/gateway/core"
)

// standing is the subject of something that may be deleted; v is it as JSON.
func standing(id, name string, deleted *time.Time, v any) *subject {
	s := &subject{Named: core.Named{ID: id, Name: name}}
	if deleted == nil {
		s.state = v
	}
	return s
}

func (a *api) auditOrg(c *call, id string) (*subject, error) {
	o, err := a.Store.FindOrganizationByID(c.ctx(), id)
	if err != nil {
		return nil, unlessMissing(err)
	}
	return standing(o.ID, o.Name, o.DeletedAt, o), nil
}

func (a *api) auditTeam(c *call, id string) (*subject, error) {
	t, err := a.Store.FindTeamByID(c.ctx(), id)
	if err != nil {
		return nil, unlessMissing(err)
	}
	return standing(t.ID, t.Name, t.DeletedAt, t), nil
}

func (a *api) auditUser(c *call, id string) (*subject, error) {
	u, err := a.Store.FindUserByID(c.ctx(), id)
	if err != nil {
		return nil, unlessMissing(err)
	}
	return standing(u.ID, u.Name, u.DeletedAt, u), nil
}

func (a *api) auditMembership(c *call, id string) (*subject, error) {
	m, err := a.Store.FindMembershipByID(c.ctx(), id)
	if err != nil {
		return nil, unlessMissing(err)
	}
	return standing(m.ID, "", m.DeletedAt, m), nil
}

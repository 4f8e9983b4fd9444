package core

import (
	"slices"
	"strings"
)

// Role is what somebody may do at a [Place]: a user by a membership or over the
// whole installation, a program by an admin key. The empty role is that of an
// ordinary virtual key, which calls models and manages nothing. What each may do
// is one table, in package adminapi.
type Role string

// The roles. Owner and admin hold for the whole installation, org_admin in an
// organization, team_admin in a team, member in either, viewer anywhere.
const (
	RoleNone      Role = ""
	RoleOwner     Role = "owner"
	RoleAdmin     Role = "admin"
	RoleOrgAdmin  Role = "org_admin"
	RoleTeamAdmin Role = "team_admin"
	RoleMember    Role = "member"
	RoleViewer    Role = "viewer"
)

// Rank orders roles by power: nobody gives, takes or touches a role above his own.
func (r Role) Rank() int {
	return slices.Index([]Role{RoleViewer, RoleMember, RoleTeamAdmin, RoleOrgAdmin, RoleAdmin, RoleOwner}, r) + 1
}

// Place is where an object stands or a role holds. The zero Place is the whole
// installation, and of objects those that belong to nobody in it.
type Place struct {
	OrganizationID string // of the team too, where there is one
	TeamID         string
	UserID         string
}

// Admits reports whether a key may use what the place owns: the keys of a team
// what is the team's, those of an organization and all its teams what is the
// organization's, and every key what belongs to nobody.
func (p Place) Admits(k *VirtualKey) bool {
	switch {
	case p.TeamID != "":
		return k.TeamID == p.TeamID
	case p.OrganizationID != "":
		return k.OrganizationID == p.OrganizationID
	}
	return true
}

// Reach is how much of a list somebody may see: what stands in the
// organizations, in the teams, or is the user's own. The zero Reach is nothing;
// everything is a nil *Reach.
type Reach struct {
	Organizations []string
	Teams         []string
	UserID        string
}

// Covers reports whether what stands at p is within reach.
func (r *Reach) Covers(p Place) bool {
	return r == nil || p.OrganizationID != "" && slices.Contains(r.Organizations, p.OrganizationID) ||
		p.TeamID != "" && slices.Contains(r.Teams, p.TeamID) || p.UserID != "" && p.UserID == r.UserID
}

// checkRole refuses a role that is not among those that what may have. The error
// is CodeInvalidRequest at "role".
func checkRole(r Role, what string, roles ...Role) error {
	if slices.Contains(roles, r) {
		return nil
	}
	var names []string
	for _, r := range roles {
		if r == RoleNone {
			names = append(names, `""`)
		} else {
			names = append(names, string(r))
		}
	}
	return Invalid("role", "%q is no role of %s; want one of %s", string(r), what, strings.Join(names, ", "))
}

// CheckRole refuses a role that a user cannot have over the whole installation.
func (u *User) CheckRole() error {
	return checkRole(u.Role, "a user", RoleNone, RoleOwner, RoleAdmin, RoleViewer)
}

// CheckRole refuses a role that a key cannot have where it belongs: that of an
// organization needs one, and that of a team a team.
func (k *VirtualKey) CheckRole() error {
	if err := checkRole(k.Role, "a key", RoleNone, RoleOwner, RoleAdmin, RoleOrgAdmin, RoleTeamAdmin, RoleViewer); err != nil {
		return err
	}
	switch {
	case k.Role == RoleOrgAdmin && k.OrganizationID == "":
		return Invalid("organization_id", "is required: the key's role is org_admin")
	case k.Role == RoleOrgAdmin && k.TeamID != "":
		return Invalid("team_id", "must be left out: the key's role is org_admin")
	case k.Role == RoleTeamAdmin && k.TeamID == "":
		return Invalid("team_id", "is required: the key's role is team_admin")
	}
	return nil
}

// CheckRole refuses a role that means nothing where the membership is.
func (m *Membership) CheckRole() error {
	if m.TeamID != "" {
		return checkRole(m.Role, "a member of a team", RoleTeamAdmin, RoleMember, RoleViewer)
	}
	return checkRole(m.Role, "a member of an organization", RoleOrgAdmin, RoleMember, RoleViewer)
}

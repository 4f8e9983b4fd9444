package signin

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tokligence/gateway/core"
)

// ProviderOptions are an OpenID provider, and whom it lets in as what.
type ProviderOptions struct {
	Name, Issuer, ClientID, ClientSecret string
	Scopes                               []string
	GroupClaim                           string
	AllowedDomains                       []string // empty: all
	TrustEmail                           bool
	Mapping                              []Mapping
	Default                              *Mapping // nil: nobody is let in whom no mapping hits
	RedirectURL                          string
}

// Mapping gives a group a role; Organization and Team are ids or names.
type Mapping struct {
	Group              string
	Role               core.Role
	Organization, Team string
}

type provider struct {
	ProviderOptions
	*openID
}

// AddProvider lets people sign in with an OpenID provider. It is to be called
// before the service is used.
func (s *Service) AddProvider(o ProviderOptions) {
	s.providers = append(s.providers, &provider{o, &openID{issuer: o.Issuer, clientID: o.ClientID, clientSecret: o.ClientSecret, redirectURL: o.RedirectURL,
		groupClaim: o.GroupClaim, scopes: o.Scopes, client: s.client()}})
}

// Providers are their names.
func (s *Service) Providers() []string {
	names := make([]string, len(s.providers))
	for i, p := range s.providers {
		names[i] = p.Name
	}
	return names
}

// providerNamed finds one; where there is one only, "" names it.
func (s *Service) providerNamed(name string) (*provider, error) {
	i := slices.IndexFunc(s.providers, func(p *provider) bool { return p.Name == name || name == "" && len(s.providers) == 1 })
	if i < 0 {
		return nil, core.Invalid("provider", "there is no sign-in provider %q", name)
	}
	return s.providers[i], nil
}

// Begin returns where to send a browser that is to sign in with the provider, and
// what it is to keep until it comes back.
func (s *Service) Begin(ctx context.Context, name string, now time.Time) (address string, f *Flow, err error) {
	p, err := s.providerNamed(name)
	if err != nil {
		return "", nil, err
	}
	if address, f, err = p.begin(ctx, now); err == nil {
		f.Provider = p.Name
	}
	return address, f, err
}

// Finish lets in whom the provider vouches for. CodePermissionDenied tells those
// who are known to it but not let in why.
//
// The provider's groups give roles, and take those that they gave when somebody
// signs in without the group; a role given or changed here stays. Somebody whose
// roles changed loses all other sessions. Whoever has no role is let in with an
// open invitation only, to accept it.
func (s *Service) Finish(ctx context.Context, f *Flow, a Answer, from Origin, now time.Time) (*Entry, error) {
	p, err := s.providerNamed(f.Provider)
	if err != nil {
		return nil, err
	}
	who, err := p.finish(ctx, f, a, now)
	if err != nil {
		return nil, err
	}
	who.EmailVerified = who.EmailVerified || p.TrustEmail
	if err := p.admits(who); err != nil {
		return nil, err
	}
	grants, err := s.grants(ctx, p, who.Groups)
	if err != nil {
		return nil, err
	}
	u, err := s.known(ctx, who)
	if err != nil {
		return nil, err
	}
	invited, err := s.isInvited(ctx, who, now)
	if err != nil {
		return nil, err
	}
	if u == nil {
		if u, err = s.meet(ctx, who, invited || len(grants) > 0, now); err != nil {
			return nil, err
		}
	}
	changed, err := s.Store.ApplyGrants(ctx, u.ID, p.Issuer, grants, now)
	if err != nil {
		return nil, err
	}
	if changed {
		if err := s.Store.EndSessions(ctx, u.ID); err != nil {
			return nil, err
		}
	}
	if u, err = s.Store.FindUserByID(ctx, u.ID); err != nil {
		return nil, err
	}
	if has, err := s.hasRole(ctx, u); err != nil || !has && !invited {
		return nil, firstOf(err, noRole())
	}
	return s.Enter(ctx, u, from, now)
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func denied(format string, args ...any) error {
	return core.Errorf(core.CodePermissionDenied, core.SourceClient, format, args...)
}

func noRole() error {
	return denied("none of your groups at the sign-in provider has a role here, and nobody gave you one")
}

// admits holds people to the domains that are let in.
func (p *provider) admits(who *person) error {
	if len(p.AllowedDomains) == 0 {
		return nil
	}
	_, domain, _ := strings.Cut(strings.ToLower(who.Email), "@")
	if !who.EmailVerified || !slices.Contains(p.AllowedDomains, domain) {
		return denied("addresses of your domain are not let in, or the provider has not verified yours")
	}
	return nil
}

// known finds the user that the provider's person is here, nil when there is none yet.
func (s *Service) known(ctx context.Context, who *person) (*core.User, error) {
	i, err := s.Store.FindIdentity(ctx, who.Issuer, who.Subject)
	if err != nil {
		if core.AsError(err).Code == core.CodeNotFound {
			return nil, nil
		}
		return nil, err
	}
	u, err := s.Store.FindUserByID(ctx, i.UserID)
	if err != nil || u.DeletedAt == nil {
		return u, err
	}
	// Deleted, and so shut out, unless somebody made a new user of the address since.
	again, err := s.living(ctx, who)
	if err == nil && again == nil {
		err = denied("your user was deleted")
	}
	return nil, err
}

// living is the user of the person's address, if that is theirs for sure.
func (s *Service) living(ctx context.Context, who *person) (*core.User, error) {
	email, err := core.CheckEmail(who.Email)
	if err != nil || !who.EmailVerified {
		return nil, nil
	}
	return s.userOf(ctx, email)
}

// isInvited reports whether an invitation for the person's address is open.
func (s *Service) isInvited(ctx context.Context, who *person, now time.Time) (bool, error) {
	email, err := core.CheckEmail(who.Email)
	if err != nil || !who.EmailVerified {
		return false, nil
	}
	found, _, err := s.Store.ListInvites(ctx, core.InviteFilter{Email: &email, OpenAt: &now, Page: core.Page{Limit: 1}})
	return len(found) > 0, err
}

// meet makes the person a user: the one of their address, or a new one if
// they are welcome. Only a verified address says who somebody is.
func (s *Service) meet(ctx context.Context, who *person, welcome bool, now time.Time) (*core.User, error) {
	email, err := core.CheckEmail(who.Email)
	switch {
	case err != nil:
		return nil, denied("the sign-in provider does not tell your e-mail address")
	case !who.EmailVerified:
		return nil, denied("the sign-in provider has not verified your e-mail address")
	}
	u, err := s.living(ctx, who)
	if err != nil {
		return nil, err
	}
	if u == nil {
		if !welcome {
			return nil, noRole()
		}
		u = &core.User{ID: core.NewID(core.PrefixUser, now), Name: who.Name, Email: email, CreatedAt: now, UpdatedAt: now}
		if core.CheckName(u.Name) != nil {
			u.Name = email
		}
		if err := s.Store.CreateUser(ctx, u); err != nil {
			return nil, err
		}
	}
	return u, s.Store.LinkIdentity(ctx, &core.Identity{Issuer: who.Issuer, Subject: who.Subject, UserID: u.ID, CreatedAt: now})
}

// grants are the roles of the groups: at each place the highest. A place that
// does not exist any more gives none; the log says so.
func (s *Service) grants(ctx context.Context, p *provider, groups []string) ([]core.Grant, error) {
	hits := []Mapping{}
	for _, m := range p.Mapping {
		if slices.Contains(groups, m.Group) {
			hits = append(hits, m)
		}
	}
	if len(hits) == 0 && p.Default != nil {
		hits = append(hits, *p.Default)
	}
	best := map[core.Grant]core.Role{}
	for _, m := range hits {
		place, err := s.place(ctx, m)
		if err != nil {
			if core.AsError(err).HTTPStatus() >= 500 {
				return nil, err
			}
			s.Log.Warn("a mapping of a sign-in provider leads nowhere", "provider", p.Name, "group", m.Group, "error", err)
			continue
		}
		if best[place].Rank() < m.Role.Rank() {
			best[place] = m.Role
		}
	}
	var list []core.Grant
	for place, role := range best {
		place.Role = role
		list = append(list, place)
	}
	return list, nil
}

// place finds the organization and the team of a mapping.
func (s *Service) place(ctx context.Context, m Mapping) (g core.Grant, err error) {
	one := core.Page{Limit: 1}
	if m.Organization != "" {
		g.OrganizationID = m.Organization
		if !strings.HasPrefix(m.Organization, core.PrefixOrganization) {
			found, _, err := s.Store.ListOrganizations(ctx, core.OrganizationFilter{Name: &m.Organization, Page: one})
			if err != nil || len(found) == 0 {
				return g, firstOf(err, core.Invalid("organization", "there is no organization %q", m.Organization))
			}
			g.OrganizationID = found[0].ID
		}
		o, err := s.Store.FindOrganizationByID(ctx, g.OrganizationID)
		if err != nil || o.DeletedAt != nil {
			return g, firstOf(err, core.Invalid("organization", "organization %q is deleted", m.Organization))
		}
	}
	if m.Team == "" {
		return g, nil
	}
	g.TeamID = m.Team
	if !strings.HasPrefix(m.Team, core.PrefixTeam) {
		found, _, err := s.Store.ListTeams(ctx, core.TeamFilter{Name: &m.Team, OrganizationID: &g.OrganizationID, Page: one})
		if err != nil || len(found) == 0 {
			return g, firstOf(err, core.Invalid("team", "there is no team %q", m.Team))
		}
		g.TeamID = found[0].ID
	}
	t, err := s.Store.FindTeamByID(ctx, g.TeamID)
	switch {
	case err != nil:
		return g, err
	case t.DeletedAt != nil, g.OrganizationID != "" && g.OrganizationID != t.OrganizationID:
		return g, core.Invalid("team", "team %q is deleted or elsewhere", m.Team)
	}
	g.OrganizationID = t.OrganizationID
	return g, nil
}

// hasRole reports whether the user may be anything here.
func (s *Service) hasRole(ctx context.Context, u *core.User) (bool, error) {
	if u.Role != core.RoleNone {
		return true, nil
	}
	found, _, err := s.Store.ListMemberships(ctx, core.MembershipFilter{UserID: &u.ID, Page: core.Page{Limit: 1}})
	if err != nil {
		return false, fmt.Errorf("roles of %s: %w", u.ID, err)
	}
	return len(found) > 0, nil
}

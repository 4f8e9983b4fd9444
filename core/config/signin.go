package config

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/tokligence/gateway/core"
)

// SignIn is [sign_in]: how people sign in.
type SignIn struct {
	SessionIdle    time.Duration // a session that is not used for so long ends
	SessionLongest time.Duration // any session ends then
	OIDC           []OIDC
}

// OIDC is one [[sign_in.oidc]]: an OpenID provider. It holds a secret, so it
// prints as its name only.
type OIDC struct {
	Name           string
	Issuer         string
	ClientID       string
	ClientSecret   string // "" for a public client
	Scopes         []string
	AllowedDomains []string // of e-mail addresses, in lower case; empty: all
	GroupClaim     string
	TrustEmail     bool // take addresses for verified that the provider does not say so of
	Mapping        []Mapping
	Default        *Mapping // for those whom no mapping hits; nil lets them not in
}

// Mapping gives the members of a group a role: in a team, in an organization, or
// with neither in the whole installation.
type Mapping struct {
	Group        string
	Role         core.Role
	Organization string // id or name
	Team         string // id, or name in the organization
}

// String is the name.
func (o OIDC) String() string { return "sign_in.oidc " + o.Name }

// GoString is String, so that %#v leaks nothing either.
func (o OIDC) GoString() string { return o.String() }

// MarshalJSON writes everything but the secret.
func (o OIDC) MarshalJSON() ([]byte, error) {
	type bare OIDC // without methods
	b := bare(o)
	b.ClientSecret = ""
	return json.Marshal(b)
}

var signInFields = []field[SignIn]{
	duration("session_idle", `"12h"`, "a session that is not used for so long ends",
		func(s *SignIn) *time.Duration { return &s.SessionIdle }, positive[time.Duration]),
	duration("session_longest", `"168h"`, "any session ends then",
		func(s *SignIn) *time.Duration { return &s.SessionLongest }, positive[time.Duration]),
	nested("oidc", "An OpenID provider that people may sign in with. Of all groups of a person that a mapping names, the highest role counts at each place.",
		oidcFields, func(s *SignIn, l *loader, at place, o *oidc) {
			for _, other := range s.OIDC {
				if other.Name == o.Name || other.Issuer == o.Issuer {
					l.fail(at, "has the name or the issuer of another one")
				}
			}
			s.OIDC = append(s.OIDC, o.finish(l, at))
		}),
}

// oidc is an OIDC while it is read.
type oidc struct {
	OIDC
	defaultRole, defaultOrganization, defaultTeam string
}

var oidcFields = []field[oidc]{
	named("what the addresses of its sign-in call it", func(o *oidc) *string { return &o.Name }),
	required(text("issuer", "", "its address, as its tokens name it", func(o *oidc) *string { return &o.Issuer }, isIssuer)),
	required(text("client_id", "", "what it calls this gateway", func(o *oidc) *string { return &o.ClientID }, notEmpty)),
	text("client_secret", `""`, "what this gateway shows it; env:NAME or file:PATH", func(o *oidc) *string { return &o.ClientSecret }),
	withDefault(`["openid", "email", "profile"]`, texts("scopes", "what it is asked for", func(o *oidc) *[]string { return &o.Scopes }, func(v value, list []string) {
		if !slices.Contains(list, "openid") {
			v.fail("must hold openid")
		}
	})),
	texts("allowed_domains", "domains of e-mail addresses that are let in; empty: all", func(o *oidc) *[]string { return &o.AllowedDomains }),
	text("group_claim", `"groups"`, "the claim that names a person's groups", func(o *oidc) *string { return &o.GroupClaim }, notEmpty),
	boolean("trust_email", "false", "take addresses for verified although the provider does not say so", func(o *oidc) *bool { return &o.TrustEmail }),
	{
		Field: Field{Name: "mapping", Type: "list of tables",
			Doc: "roles of groups: { group = NAME, role = … } for the whole installation (owner, admin, viewer), with organization = … (org_admin, member, viewer) or team = … (team_admin, member, viewer), each an id or a name"},
		set: setMappings,
	},
	choice("default_role", `"none"`, "role of those whom no mapping hits: none lets them not in, viewer sees the installation or a place, member needs a place",
		[]string{"none", string(core.RoleViewer), string(core.RoleMember)}, func(o *oidc, s string) { o.defaultRole = s }),
	text("default_organization", `""`, "where they have it", func(o *oidc) *string { return &o.defaultOrganization }),
	text("default_team", `""`, "where they have it", func(o *oidc) *string { return &o.defaultTeam }),
}

var mappingFields = []field[Mapping]{
	required(text("group", "", "name of the group, exactly", func(m *Mapping) *string { return &m.Group }, notEmpty)),
	required(text("role", "", "role of its members", func(m *Mapping) *string { return (*string)(&m.Role) })),
	text("organization", `""`, "id or name of the organization", func(m *Mapping) *string { return &m.Organization }),
	text("team", `""`, "id of the team, or its name in the organization", func(m *Mapping) *string { return &m.Team }),
}

func setMappings(o *oidc, v value) {
	list, ok := tables(v.raw)
	if !ok {
		v.wrongType("a list of tables")
		return
	}
	for i, table := range list {
		at := v.at.element(i)
		var m Mapping
		readTable(v.l, mappingFields, table, at, &m, nil)
		if m.Role != "" {
			m.check(v.l, at, "role")
		}
		o.Mapping = append(o.Mapping, m)
	}
}

// check refuses a role that there is not at its place; param is where it is given.
func (m *Mapping) check(l *loader, at place, param string) {
	roles := []core.Role{core.RoleOwner, core.RoleAdmin, core.RoleViewer}
	where := "the whole installation"
	switch {
	case m.Team != "":
		roles, where = []core.Role{core.RoleTeamAdmin, core.RoleMember, core.RoleViewer}, "a team"
	case m.Organization != "":
		roles, where = []core.Role{core.RoleOrgAdmin, core.RoleMember, core.RoleViewer}, "an organization"
	}
	if !slices.Contains(roles, m.Role) {
		var names []string
		for _, r := range roles {
			names = append(names, string(r))
		}
		l.fail(at.child(param), "%q is no role of %s: one of %s%s", string(m.Role), where, strings.Join(names, ", "), didYouMean(string(m.Role), names))
	}
	if m.Team != "" && m.Organization == "" && !strings.HasPrefix(m.Team, core.PrefixTeam) {
		l.fail(at, "organization is missing: only an id names a team without it")
	}
}

// finish completes what the fields say together.
func (o *oidc) finish(l *loader, at place) OIDC {
	for i, d := range o.AllowedDomains {
		o.AllowedDomains[i] = strings.ToLower(strings.TrimPrefix(d, "@"))
	}
	if o.defaultRole != "none" && o.defaultRole != "" {
		o.Default = &Mapping{Role: core.Role(o.defaultRole), Organization: o.defaultOrganization, Team: o.defaultTeam}
		o.Default.check(l, at, "default_role")
	}
	return o.OIDC
}

// isIssuer wants an https address; plain http is for tests on this machine.
func isIssuer(v value, s string) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil || u.Scheme != "https" && !(u.Scheme == "http" && isLoopback(u.Hostname())) {
		v.fail("%q is not an https address", s)
	}
}

func isLoopback(host string) bool {
	return host == "localhost" || host == "127.0.0.1" || host == "::1"
}

// isPublicURL wants the address that people's browsers know.
func isPublicURL(v value, s string) {
	if s == "" {
		return
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http" {
		v.fail("must be an address such as %q", "https://gateway.example.com")
	}
}

// nested is a list of tables within a single table, [[section.name]], of which
// add gets each. Its description stands by itself.
func nested[T, E any](name, doc string, fields []field[E], add func(t *T, l *loader, at place, e *E)) field[T] {
	return field[T]{
		Field: Field{Name: name, Type: "list of tables", Doc: doc, Nested: described(fields)},
		set: func(t *T, v value) {
			list, ok := tables(v.raw)
			if !ok {
				v.wrongType(fmt.Sprintf("a list of tables: write [[%s]]", v.at.shown))
				return
			}
			for i, table := range list {
				e := new(E)
				readTable(v.l, fields, table, v.at.element(i), e, nil)
				add(t, v.l, v.at.element(i), e)
			}
		},
	}
}

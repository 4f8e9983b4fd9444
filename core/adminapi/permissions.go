package adminapi

import "github.com/tokligence/gateway/core"

// verb is what is done with an object; a route needs one.
type verb uint8

const (
	read verb = 1 << iota
	create
	update
	remove
	rotate // of a key: it answers with a secret
	block
	allot // what an owner of keys may have and spend: a part of what the one above has
	use   // a model, at the caller's cost

	all = read | create | update | remove | rotate | block | allot | use
)

// resource is a kind of object that permissions are about.
type resource string

// The resources. What no more than the installation has stands there.
const (
	organizations resource = "organizations"
	teams         resource = "teams"
	projects      resource = "projects"
	users         resource = "users"
	memberships   resource = "memberships"
	virtualKeys   resource = "keys"
	sessions      resource = "sessions"
	passwords     resource = "passwords"
	invites       resource = "invites"
	entries       resource = "ledger"
	maintenance   resource = "maintenance" // of the ledger
	auditLog      resource = "audit"
	models        resource = "models"
	credentials   resource = "credentials"
	deployments   resource = "deployments"
	guardrails    resource = "guardrails"
	revisions     resource = "config" // the configuration as a whole
	plugins       resource = "plugins"
	eventLog      resource = "events"
	webhooks      resource = "webhooks"
)

// What people are besides the roles that they were given.
const (
	self      core.Role = "self"      // towards what bears their own id
	insider   core.Role = "insider"   // in the organization that they, or their team, are part of
	directory core.Role = "directory" // in the organization whose people may join their team
	keyMaker  core.Role = "key maker" // towards their own keys in a team whose members make keys
)

// permissions say what a role may do with the objects at its place: nothing that
// does not stand here. An object that somebody may not even read does not exist
// for him. Besides, nobody touches an object whose role is above his own.
var permissions = map[resource]map[core.Role]verb{
	organizations: {core.RoleOwner: all, core.RoleAdmin: all, core.RoleViewer: read,
		core.RoleOrgAdmin: read | update, insider: read},
	teams: {core.RoleOwner: all, core.RoleAdmin: all, core.RoleViewer: read,
		core.RoleOrgAdmin: all, core.RoleTeamAdmin: read | update, core.RoleMember: read},
	projects: {core.RoleOwner: all, core.RoleAdmin: all, core.RoleViewer: read,
		core.RoleOrgAdmin: all, core.RoleTeamAdmin: all, core.RoleMember: read},
	users: {core.RoleOwner: all, core.RoleAdmin: all, core.RoleViewer: read,
		core.RoleOrgAdmin: read, core.RoleTeamAdmin: read, directory: read, self: read},
	memberships: {core.RoleOwner: all, core.RoleAdmin: all, core.RoleViewer: read,
		core.RoleOrgAdmin: all, core.RoleTeamAdmin: all, self: read},
	virtualKeys: {core.RoleOwner: all, core.RoleAdmin: all, core.RoleViewer: read,
		core.RoleOrgAdmin: all, core.RoleTeamAdmin: all, self: read | rotate | block, keyMaker: all},
	sessions:  {core.RoleOwner: all, core.RoleAdmin: all, self: read | remove},
	passwords: {core.RoleOwner: all, core.RoleAdmin: all}, // of others
	invites: {core.RoleOwner: all, core.RoleAdmin: all, core.RoleViewer: read,
		core.RoleOrgAdmin: all, core.RoleTeamAdmin: all},
	entries: {core.RoleOwner: all, core.RoleAdmin: all, core.RoleViewer: read,
		core.RoleOrgAdmin: read, core.RoleTeamAdmin: read, self: read},
	eventLog: {core.RoleOwner: all, core.RoleAdmin: all, core.RoleViewer: read,
		core.RoleOrgAdmin: read | use, core.RoleTeamAdmin: read, self: read},
	webhooks: {core.RoleOwner: all, core.RoleAdmin: all, core.RoleViewer: read,
		core.RoleOrgAdmin: all},

	// Those of a team or an organization are its own; the others are the installation's.
	models: {core.RoleOwner: all, core.RoleAdmin: all, core.RoleViewer: read,
		core.RoleOrgAdmin: all, core.RoleTeamAdmin: all, core.RoleMember: read},
	deployments: {core.RoleOwner: all, core.RoleAdmin: all, core.RoleViewer: read,
		core.RoleOrgAdmin: all, core.RoleTeamAdmin: all},
	credentials: {core.RoleOwner: all, core.RoleAdmin: all, core.RoleViewer: read,
		core.RoleOrgAdmin: all, core.RoleTeamAdmin: all},

	// Of the installation: a viewer of an organization has no place there.
	maintenance: {core.RoleOwner: all, core.RoleAdmin: all},
	auditLog:    {core.RoleOwner: read, core.RoleAdmin: read, core.RoleViewer: read},
	guardrails:  {core.RoleOwner: all, core.RoleAdmin: all, core.RoleViewer: read},
	revisions:   {core.RoleOwner: all, core.RoleAdmin: all, core.RoleViewer: read},
	plugins:     {core.RoleOwner: all, core.RoleAdmin: all, core.RoleViewer: read},
}

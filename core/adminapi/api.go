// Package adminapi is the automation API below /api/v1: JSON over HTTP for
// admin keys, one file per noun. Lists are {"data": […], "next_cursor": …},
// money is a decimal string of dollars, times are RFC 3339 in UTC, failures are
// problem documents (RFC 9457). No answer holds a secret but the one of a key
// that was just made or rotated.
package adminapi

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/mux"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/seal"
	"github.com/tokligence/gateway/core/signin"
)

// Deps are what the API works on.
type Deps struct {
	Keys     Keys
	Sessions Sessions // nil: those of SignIn
	Store    core.Store
	Ledger   Budgets
	Runtime  Runtime
	Hooks    Hooks
	Config   Configuration
	Sealer   *seal.Ring // seals the secrets that are given by API
	Now      func() time.Time
	Log      *slog.Logger

	SignIn    *signin.Service
	PublicURL string // where browsers find the gateway; "" is unknown
	TLS       bool   // they speak TLS with it

	TrustedProxies []netip.Prefix // whose X-Forwarded-For is believed
	Version        string         // of the program
}

// Budgets tells what is left of a budget; *ledger.Ledger fulfils it.
type Budgets interface {
	Spent(ctx context.Context, b *core.Budget, now time.Time) (spent, reserved core.Nano, resetsAt time.Time, err error)
	// Prepare lets a Spent of each of many budgets follow without waiting one by one.
	Prepare(ctx context.Context, budgets []*core.Budget, now time.Time) error
}

// Prefix is where the API's routes begin.
const Prefix = "/api/v1"

type api struct {
	Deps
	running  sync.Map // the idempotency keys of requests under way, see alone
	refusals refusals
	attempts allowance // of records
	site     *http.CrossOriginProtection
}

// route is one line of the table of routes.
type route struct {
	method, path string
	serve        func(*call) error
	need         need
}

// routes are all there is, beside the description of them. Each has a line in [contract] too.
func (a *api) routes() []route {
	return append(a.configRoutes(), []route{
		{"GET", "/me", a.me, anyone},
		{"GET", "/sign-in", a.signInWays, open},
		{"POST", "/sign-in", a.signIn, open},
		{"POST", "/sign-out", a.signOut, anyone},
		{"GET", "/sign-in/oidc", a.beginOpenID, open},
		{"GET", "/sign-in/oidc/callback", a.finishOpenID, open},
		{"POST", "/signup", a.signUp, open},
		{"POST", "/password", a.changePassword, anyone},
		{"POST", "/password/reset", a.askReset, open},
		{"POST", "/password/reset/confirm", a.confirmReset, open},
		{"GET", "/sessions", a.listSessions, need{verb: read, resource: sessions, narrowed: true}},
		{"DELETE", "/sessions/{id}", a.deleteSession, need{verb: remove, resource: sessions, object: a.sessionAt}},
		{"GET", "/invites", a.listInvites, need{verb: read, resource: invites, narrowed: true}},
		{"POST", "/invites", a.createInvite, need{verb: create, resource: invites, named: true}},
		{"GET", "/invites/{id}", a.getInvite, need{verb: read, resource: invites, object: a.inviteAt}},
		{"DELETE", "/invites/{id}", a.revokeInvite, need{verb: remove, resource: invites, object: a.inviteAt}},
		{"POST", "/invites/accept", a.acceptInvite, open},
		{"GET", "/keys", a.listKeys, need{verb: read, resource: virtualKeys, narrowed: true}},
		{"POST", "/keys", a.createKey, need{verb: create, resource: virtualKeys, named: true}},
		{"POST", "/keys/temporary", a.mintKey, anyone},
		{"POST", "/keys/bulk", a.bulkKeys, need{verb: block, resource: virtualKeys, narrowed: true}},
		{"GET", "/keys/{id}", a.getKey, need{verb: read, resource: virtualKeys, object: a.keyObject}},
		{"PATCH", "/keys/{id}", a.updateKey, need{verb: update, resource: virtualKeys, object: a.keyObject}},
		{"DELETE", "/keys/{id}", a.deleteKey, need{verb: remove, resource: virtualKeys, object: a.keyObject}},
		{"POST", "/keys/{id}/rotate", a.rotateKey, need{verb: rotate, resource: virtualKeys, object: a.keyObject, itself: true}},
		{"POST", "/keys/{id}/block", a.blockKey, need{verb: block, resource: virtualKeys, object: a.keyObject}},
		{"POST", "/keys/{id}/unblock", a.unblockKey, need{verb: update, resource: virtualKeys, object: a.keyObject}},
		{"GET", "/orgs", a.listOrgs, need{verb: read, resource: organizations, narrowed: true}},
		{"POST", "/orgs", a.createOrg, need{verb: create, resource: organizations, named: true}},
		{"GET", "/orgs/{id}", a.getOrg, need{verb: read, resource: organizations, object: a.orgObject}},
		{"PATCH", "/orgs/{id}", a.updateOrg, need{verb: update, resource: organizations, object: a.orgObject}},
		{"DELETE", "/orgs/{id}", a.deleteOrg, need{verb: remove, resource: organizations, object: a.orgObject}},
		{"GET", "/teams", a.listTeams, need{verb: read, resource: teams, narrowed: true}},
		{"POST", "/teams", a.createTeam, need{verb: create, resource: teams, named: true}},
		{"GET", "/teams/{id}", a.getTeam, need{verb: read, resource: teams, object: a.teamObject}},
		{"PATCH", "/teams/{id}", a.updateTeam, need{verb: update, resource: teams, object: a.teamObject}},
		{"DELETE", "/teams/{id}", a.deleteTeam, need{verb: remove, resource: teams, object: a.teamObject}},
		{"GET", "/projects", a.listProjects, need{verb: read, resource: projects, narrowed: true}},
		{"POST", "/projects", a.createProject, need{verb: create, resource: projects, named: true}},
		{"GET", "/projects/{id}", a.getProject, need{verb: read, resource: projects, object: a.projectObject}},
		{"PATCH", "/projects/{id}", a.updateProject, need{verb: update, resource: projects, object: a.projectObject}},
		{"DELETE", "/projects/{id}", a.deleteProject, need{verb: remove, resource: projects, object: a.projectObject}},
		{"GET", "/users", a.listUsers, need{verb: read, resource: users, narrowed: true}},
		{"POST", "/users", a.createUser, need{verb: create, resource: users, named: true}},
		{"GET", "/users/{id}", a.getUser, need{verb: read, resource: users, object: a.userObject}},
		{"PATCH", "/users/{id}", a.updateUser, need{verb: update, resource: users, object: a.userObject}},
		{"POST", "/users/{id}/reset-password", a.makeReset, need{verb: update, resource: passwords, object: a.userObject}},
		{"DELETE", "/users/{id}", a.deleteUser, need{verb: remove, resource: users, object: a.userObject}},
		{"GET", "/memberships", a.listMemberships, need{verb: read, resource: memberships, narrowed: true}},
		{"POST", "/memberships", a.createMembership, need{verb: create, resource: memberships, named: true}},
		{"GET", "/memberships/{id}", a.getMembership, need{verb: read, resource: memberships, object: a.membershipObject}},
		{"PATCH", "/memberships/{id}", a.updateMembership, need{verb: update, resource: memberships, object: a.membershipObject}},
		{"DELETE", "/memberships/{id}", a.deleteMembership, need{verb: remove, resource: memberships, object: a.membershipObject}},
		{"GET", "/model-groups", a.listGroups, need{verb: read, resource: models}},
		{"POST", "/model-groups", a.createGroup, need{verb: create, resource: models}},
		{"GET", "/model-groups/{id}", a.getGroup, need{verb: read, resource: models}},
		{"PATCH", "/model-groups/{id}", a.updateGroup, need{verb: update, resource: models}},
		{"DELETE", "/model-groups/{id}", a.deleteGroup, need{verb: remove, resource: models}},
		{"GET", "/ledger", a.listEntries, need{verb: read, resource: entries, narrowed: true}},
		{"GET", "/ledger/export", a.exportEntries, need{verb: read, resource: entries, narrowed: true}},
		{"POST", "/ledger/verify", a.verifyLedger, need{verb: use, resource: maintenance}},
		{"POST", "/ledger/rebuild", a.rebuildLedger, need{verb: use, resource: maintenance}},
		{"GET", "/audit", a.listAudit, need{verb: read, resource: auditLog}},
		{"GET", "/audit/export", a.exportAudit, need{verb: read, resource: auditLog}},
		{"GET", "/usage", a.usage, need{verb: read, resource: entries, narrowed: true}},
		{"GET", "/models", a.listModels, need{verb: read, resource: models, narrowed: true}},
		{"POST", "/models/{name:.+}/test", a.testModel, need{verb: use, resource: models, object: a.configPlace(core.ObjectModel)}},
		{"GET", "/plugins", a.listPlugins, need{verb: read, resource: plugins}},
		{"GET", "/events", a.listEvents, need{verb: read, resource: eventLog, narrowed: true}},
		{"GET", "/events/{id}", a.getEvent, need{verb: read, resource: eventLog, object: a.eventObject}},
		{"POST", "/events/{id}/replay", a.replayEvent, need{verb: use, resource: eventLog, object: a.eventObject}},
		{"GET", "/webhooks", a.listWebhooks, need{verb: read, resource: webhooks, narrowed: true}},
		{"POST", "/webhooks", a.createWebhook, need{verb: create, resource: webhooks, named: true}},
		{"GET", "/webhooks/{id}", a.getWebhook, need{verb: read, resource: webhooks, object: a.webhookObject}},
		{"PATCH", "/webhooks/{id}", a.updateWebhook, need{verb: update, resource: webhooks, object: a.webhookObject}},
		{"DELETE", "/webhooks/{id}", a.deleteWebhook, need{verb: remove, resource: webhooks, object: a.webhookObject}},
		{"POST", "/webhooks/{id}/rotate", a.rotateWebhook, need{verb: rotate, resource: webhooks, object: a.webhookObject}},
		{"POST", "/webhooks/{id}/test", a.testWebhook, need{verb: use, resource: webhooks, object: a.webhookObject}},
		{"GET", "/webhooks/{id}/deliveries", a.listDeliveries, need{verb: read, resource: webhooks, object: a.webhookObject}},
		{"GET", "/encryption", a.encryption, need{verb: read, resource: maintenance}},
		{"POST", "/encryption/reseal", a.reseal, need{verb: use, resource: maintenance}},
	}...)
}

// New makes the handler of everything below Prefix.
func New(d Deps) http.Handler {
	a := &api{Deps: d, site: http.NewCrossOriginProtection()}
	if d.Sessions == nil {
		a.Sessions = cookies{a}
	}
	if u, err := url.Parse(d.PublicURL); err == nil && u.Host != "" {
		_ = a.site.AddTrustedOrigin(u.Scheme + "://" + u.Host) // an origin by the way it is made
	}
	r := mux.NewRouter().SkipClean(true) // an odd path is not found, and not sent elsewhere
	operations, actions := contract(), a.actions()
	r.HandleFunc(Prefix+"/openapi.json", openapi(a.describe)).Methods(methodsOf("GET")...)
	for _, rt := range a.routes() {
		r.HandleFunc(Prefix+rt.path, a.admin(rt, a.keep(rt, operations[rt.method+" "+rt.path], actions))).Methods(methodsOf(rt.method)...)
	}
	r.NotFoundHandler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		writeProblem(w, r, core.Errorf(core.CodeNotFound, core.SourceClient, "there is nothing at %s", r.URL.Path))
	})
	r.MethodNotAllowedHandler = wrongMethod(r)
	return r
}

// methodsOf are those that a route of the method takes: where there is GET there
// is HEAD, whose body net/http leaves out.
func methodsOf(method string) []string {
	if method == http.MethodGet {
		return []string{method, http.MethodHead}
	}
	return []string{method}
}

// wrongMethod answers a path that exists with the methods that it takes, which
// is all that OPTIONS asks for: pages of other origins get no leave to call.
func wrongMethod(router *mux.Router) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var allowed []string
		for _, m := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"} {
			other := r.Clone(r.Context())
			other.Method = m
			var match mux.RouteMatch
			if router.Match(other, &match) && match.MatchErr == nil {
				allowed = append(allowed, m)
			}
		}
		w.Header().Set("Allow", strings.Join(append(allowed, "OPTIONS"), ", "))
		if r.Method == http.MethodOptions {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		e := core.Errorf(core.CodeInvalidRequest, core.SourceClient, "%s does not take %s", r.URL.Path, r.Method)
		e.Status = http.StatusMethodNotAllowed
		writeProblem(w, r, e)
	})
}

// call is one authenticated request.
type call struct {
	w      http.ResponseWriter
	r      *http.Request
	who    *core.Principal // the key that asks; nil for a person
	caller *caller
	now    time.Time
	raw    []byte // the body, once it was read

	op     *operation // of the route
	list   string     // its path, which cursors are marked with
	params url.Values // its query parameters, checked

	reserved string // by an idempotency key, for the id of what is made; see newID
	made     string // the id with it
	replayed bool   // nothing was done: the answer is an earlier one
}

func (c *call) ctx() context.Context    { return c.r.Context() }
func (c *call) path(name string) string { return mux.Vars(c.r)[name] }

// admin serves those who are known, or everybody where the route is open, and
// writes the error of serve.
func (a *api) admin(rt route, serve func(c *call) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		c := &call{w: w, r: r, now: a.Now()}
		var err error
		if !rt.need.open {
			err = a.authenticate(c)
		}
		if err == nil {
			err = serve(c)
		}
		if err == nil {
			return
		}
		e := core.AsError(err)
		if e.HTTPStatus() >= 500 {
			a.Log.Error("admin request failed", "method", r.Method, "path", hide(r, r.URL.Path), "error", e)
		} else if e.Code == core.CodePermissionDenied && e.Err != nil { // a key in the wrong place
			a.Log.Warn("admin request refused", "method", r.Method, "path", hide(r, r.URL.Path), "error", e)
		}
		writeProblem(w, r, e)
	}
}

// authenticate finds out who asks: by a key, or without one by a session.
func (a *api) authenticate(c *call) error {
	secret := presented(c.r)
	if secret == "" && a.Sessions != nil {
		u, err := a.Sessions.Authenticate(c.r, c.now)
		if err != nil {
			return err
		}
		c.caller, err = a.person(c.ctx(), u)
		return err
	}
	who, err := a.Keys.Authenticate(c.ctx(), secret, a.origin(c.r), c.now)
	if err == nil {
		c.who, c.caller = who, keyCaller(who.Key)
	}
	return err
}

// origin tells where a request comes from, when it is asked.
func (a *api) origin(r *http.Request) func() netip.Addr {
	return func() netip.Addr {
		return core.ClientAddress(r.RemoteAddr, r.Header["X-Forwarded-For"], a.TrustedProxies)
	}
}

// presented is the key of a request, "" when there is none.
func presented(r *http.Request) string {
	if scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "bearer") {
		return strings.TrimSpace(token)
	}
	return r.Header.Get("X-Api-Key")
}

// problem is an RFC 9457 document with our code and the member at fault.
type problem struct {
	Type   string    `json:"type"`
	Title  string    `json:"title"`
	Status int       `json:"status"`
	Detail string    `json:"detail"`
	Code   core.Code `json:"code"`
	Param  string    `json:"param,omitempty"`
}

// writeProblem answers r with the error, which may quote what the caller wrote in
// the wrong place.
func writeProblem(w http.ResponseWriter, r *http.Request, e *core.Error) {
	status := e.HTTPStatus()
	w.Header().Del("ETag")
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	writeBody(w, status, "application/problem+json", problem{
		Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: hide(r, e.Message), Code: e.Code, Param: hide(r, e.Param),
	})
}

func writeJSON(w http.ResponseWriter, status int, v any) error {
	writeBody(w, status, "application/json", v)
	return nil
}

func writeBody(w http.ResponseWriter, status int, contentType string, v any) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the caller may have gone
}

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
	"strings"
	"sync"
	"time"

	"github.com/gorilla/mux"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/seal"
)

// Deps are what the API works on.
type Deps struct {
	Keys    Keys
	Store   core.Store
	Ledger  Budgets
	Runtime Runtime
	Sealer  *seal.Ring // seals the secrets that are given by API
	Now     func() time.Time
	Log     *slog.Logger

	TrustedProxies []netip.Prefix // whose X-Forwarded-For is believed
	Version        string         // of the program
}

// Budgets tells what is left of a budget; *ledger.Ledger fulfils it.
type Budgets interface {
	Spent(ctx context.Context, b *core.Budget, now time.Time) (spent, reserved core.Nano, resetsAt time.Time, err error)
}

// Prefix is where the API's routes begin.
const Prefix = "/api/v1"

type api struct {
	Deps
	changes sync.Mutex // held by the one in progress, see change
}

// route is one line of the table of routes.
type route struct {
	method, path string
	serve        func(*call) error
}

// routes are all there is, beside the description of them. Each asks for an admin
// key; there is no other kind. Each has a line in [contract] too.
func (a *api) routes() []route {
	return []route{
		{"GET", "/me", a.me},
		{"GET", "/keys", a.listKeys},
		{"POST", "/keys", a.createKey},
		{"POST", "/keys/bulk", a.bulkKeys},
		{"GET", "/keys/{id}", a.getKey},
		{"PATCH", "/keys/{id}", a.updateKey},
		{"DELETE", "/keys/{id}", a.deleteKey},
		{"POST", "/keys/{id}/rotate", a.rotateKey},
		{"POST", "/keys/{id}/block", a.blockKey},
		{"POST", "/keys/{id}/unblock", a.unblockKey},
		{"GET", "/orgs", a.listOrgs},
		{"POST", "/orgs", a.createOrg},
		{"GET", "/orgs/{id}", a.getOrg},
		{"PATCH", "/orgs/{id}", a.updateOrg},
		{"DELETE", "/orgs/{id}", a.deleteOrg},
		{"GET", "/teams", a.listTeams},
		{"POST", "/teams", a.createTeam},
		{"GET", "/teams/{id}", a.getTeam},
		{"PATCH", "/teams/{id}", a.updateTeam},
		{"DELETE", "/teams/{id}", a.deleteTeam},
		{"GET", "/users", a.listUsers},
		{"POST", "/users", a.createUser},
		{"GET", "/users/{id}", a.getUser},
		{"PATCH", "/users/{id}", a.updateUser},
		{"DELETE", "/users/{id}", a.deleteUser},
		{"GET", "/memberships", a.listMemberships},
		{"POST", "/memberships", a.createMembership},
		{"GET", "/memberships/{id}", a.getMembership},
		{"PATCH", "/memberships/{id}", a.updateMembership},
		{"DELETE", "/memberships/{id}", a.deleteMembership},
		{"GET", "/ledger", a.listEntries},
		{"GET", "/ledger/export", a.exportEntries},
		{"POST", "/ledger/verify", a.verifyLedger},
		{"POST", "/ledger/rebuild", a.rebuildLedger},
		{"GET", "/audit", a.listAudit},
		{"GET", "/audit/export", a.exportAudit},
		{"GET", "/usage", a.usage},
		{"GET", "/models", a.listModels},
		{"POST", "/models/{name:.+}/test", a.testModel},
		{"GET", "/plugins", a.listPlugins},
		{"GET", "/encryption", a.encryption},
		{"POST", "/encryption/reseal", a.reseal},
	}
}

// New makes the handler of everything below Prefix.
func New(d Deps) http.Handler {
	a := &api{Deps: d}
	r := mux.NewRouter()
	operations := contract()
	r.HandleFunc(Prefix+"/openapi.json", openapi(describe(a.routes(), d.Version))).Methods("GET")
	for _, rt := range a.routes() {
		rt.serve = a.keep(rt, operations[rt.method+" "+rt.path])
		r.HandleFunc(Prefix+rt.path, a.admin(a.audited(rt))).Methods(rt.method)
	}
	r.NotFoundHandler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		writeProblem(w, core.Errorf(core.CodeNotFound, core.SourceClient, "there is nothing at %s", r.URL.Path))
	})
	r.MethodNotAllowedHandler = wrongMethod(r)
	return r
}

// wrongMethod answers a path that exists with the methods that it takes.
func wrongMethod(router *mux.Router) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var allowed []string
		for _, m := range []string{"GET", "POST", "PATCH", "DELETE"} {
			other := r.Clone(r.Context())
			other.Method = m
			var match mux.RouteMatch
			if router.Match(other, &match) && match.MatchErr == nil {
				allowed = append(allowed, m)
			}
		}
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		e := core.Errorf(core.CodeInvalidRequest, core.SourceClient, "%s does not take %s", r.URL.Path, r.Method)
		e.Status = http.StatusMethodNotAllowed
		writeProblem(w, e)
	})
}

// call is one authenticated request.
type call struct {
	w   http.ResponseWriter
	r   *http.Request
	who *core.Principal
	now time.Time
	op  *operation // of the route
}

func (c *call) ctx() context.Context    { return c.r.Context() }
func (c *call) path(name string) string { return mux.Vars(c.r)[name] }

// admin knows who asks, tells serve whether that is no admin key, and writes the error of serve.
func (a *api) admin(serve func(c *call, denied error) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		now := a.Now()
		who, err := a.Keys.Authenticate(r.Context(), presented(r), a.origin(r), now)
		if err == nil && who.Key.Role != core.RoleAdmin {
			err = core.Errorf(core.CodePermissionDenied, core.SourceClient, "this needs an admin key")
		}
		if who != nil {
			err = serve(&call{w: w, r: r, who: who, now: now}, err)
		}
		if err == nil {
			return
		}
		e := core.AsError(err)
		if e.HTTPStatus() >= 500 {
			a.Log.Error("admin request failed", "method", r.Method, "path", r.URL.Path, "error", e)
		} else if e.Code == core.CodePermissionDenied && e.Err != nil { // a key in the wrong place
			a.Log.Warn("admin request refused", "method", r.Method, "path", r.URL.Path, "error", e)
		}
		writeProblem(w, e)
	}
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

func writeProblem(w http.ResponseWriter, e *core.Error) {
	status := e.HTTPStatus()
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	writeBody(w, status, "application/problem+json", problem{
		Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: e.Message, Code: e.Code, Param: e.Param,
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

// list is the shape of every list. NextCursor is null on the last page.
type list[T any] struct {
	Data       []T     `json:"data"`
	NextCursor *string `json:"next_cursor"`
}

func writeList[T any](w http.ResponseWriter, data []T, next string) error {
	l := list[T]{Data: data}
	if data == nil {
		l.Data = []T{}
	}
	if next != "" {
		l.NextCursor = &next
	}
	return writeJSON(w, http.StatusOK, l)
}

package adminapi

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/signin"
)

const (
	sessionCookie = "tokligence_session"
	flowCookie    = "tokligence_sign_in" // of a sign-in under way with a provider
	csrfHeader    = "X-CSRF-Token"
)

// cookies are Sessions of browsers.
type cookies struct{ *api }

// Authenticate implements Sessions. Whatever changes something must show that a
// page of ours asks: the token of the session, which other sites cannot read.
func (k cookies) Authenticate(r *http.Request, now time.Time) (*core.User, error) {
	secret := cookieOf(r, sessionCookie)
	if secret == "" {
		return nil, core.Errorf(core.CodeUnauthenticated, core.SourceClient, "this needs an admin key or a session")
	}
	_, u, err := k.SignIn.Authenticate(r.Context(), secret, now)
	if err != nil || r.Method == http.MethodGet || r.Method == http.MethodHead {
		return u, err
	}
	if err := k.ownSite(r); err != nil {
		return nil, err
	}
	if !signin.CheckCSRF(secret, r.Header.Get(csrfHeader)) {
		return nil, core.Errorf(core.CodePermissionDenied, core.SourceClient, "%s is missing or is not this session's: /me tells it", csrfHeader)
	}
	return u, nil
}

// ownSite refuses what a browser sends for a page of another site.
func (a *api) ownSite(r *http.Request) error {
	if err := a.site.Check(r); err != nil {
		return core.Errorf(core.CodePermissionDenied, core.SourceClient, "this comes from a page of another site").With(err)
	}
	return nil
}

func cookieOf(r *http.Request, name string) string {
	k, err := r.Cookie(name)
	if err != nil { // there is none
		return ""
	}
	return k.Value
}

// base is the path below which people's browsers find the gateway.
func (a *api) base() string {
	u, err := url.Parse(a.PublicURL)
	if err != nil {
		return ""
	}
	return strings.TrimRight(u.Path, "/")
}

// cookie makes one that pages cannot read and other sites cannot have sent,
// except by a link.
func (a *api) cookie(name, value, path string, age time.Duration) *http.Cookie {
	return &http.Cookie{Name: name, Value: value, Path: path, MaxAge: int(age.Seconds()), HttpOnly: true, SameSite: http.SameSiteLaxMode,
		Secure: a.TLS || strings.HasPrefix(a.PublicURL, "https://")}
}

func (a *api) setCookie(c *call, e *signin.Entry) {
	http.SetCookie(c.w, a.cookie(sessionCookie, e.Secret, a.base()+"/", e.Session.ExpiresAt.Sub(c.now)))
}

func (a *api) dropCookie(c *call) {
	http.SetCookie(c.w, a.cookie(sessionCookie, "", a.base()+"/", -time.Second))
}

// flowPath is where the cookie of a flow is sent.
func (a *api) flowPath() string { return a.base() + Prefix + "/sign-in/oidc" }

func (a *api) setFlow(c *call, f *signin.Flow) {
	raw, _ := json.Marshal(f) // of texts and a time
	http.SetCookie(c.w, a.cookie(flowCookie, base64.RawURLEncoding.EncodeToString(raw), a.flowPath(), signin.FlowFor))
}

// takeFlow reads the flow that the browser brings back, which then is over.
func (a *api) takeFlow(c *call) (*signin.Flow, error) {
	f := &signin.Flow{}
	raw, err := base64.RawURLEncoding.DecodeString(cookieOf(c.r, flowCookie))
	if err == nil && len(raw) > 0 {
		err = json.Unmarshal(raw, f)
	}
	if err != nil || f.State == "" || f.ReturnTo != "" && !localPath(f.ReturnTo) {
		return nil, core.Errorf(core.CodeUnauthenticated, core.SourceClient, "this browser has not begun to sign in, or it took too long: start again").With(err)
	}
	http.SetCookie(c.w, a.cookie(flowCookie, "", a.flowPath(), -time.Second))
	return f, nil
}

// session is that of the cookie, which the request came by.
func (a *api) session(c *call) (*core.Session, error) {
	if c.caller.user == nil {
		return nil, core.Errorf(core.CodePermissionDenied, core.SourceClient, "this is for people who have signed in")
	}
	s, _, err := a.SignIn.Authenticate(c.ctx(), cookieOf(c.r, sessionCookie), c.now)
	return s, err
}

// sessionView is a session as lists show it.
type sessionView struct {
	*core.Session
	Current bool `json:"current" doc:"It is the one that asks."`
}

func (a *api) listSessions(c *call) error {
	q := c.query()
	user, p := q.given("user_id"), q.page()
	if q.err != nil {
		return q.err
	}
	if r := c.caller.reach(sessions); r != nil { // one's own
		if user != nil && *user != r.UserID {
			return writeList[sessionView](c, nil, "")
		}
		user = &r.UserID
	}
	found, next, err := a.SignIn.Sessions(c.ctx(), user, p, c.now)
	if err != nil {
		return err
	}
	current := ""
	if s, err := a.session(c); err == nil {
		current = s.ID
	}
	views := make([]sessionView, len(found))
	for i, s := range found {
		views[i] = sessionView{s, s.ID == current}
	}
	return writeList(c, views, next)
}

func (a *api) deleteSession(c *call) error {
	return c.deleted(a.Store.EndSession(c.ctx(), c.path("id")))
}

// sessionAt is where a session stands: it is its user's, and to others as
// powerful as they are.
func (a *api) sessionAt(c *call, id string) (*object, error) {
	s, err := a.Store.FindSessionByID(c.ctx(), id)
	if err != nil {
		return nil, err
	}
	u, err := a.Store.FindUserByID(c.ctx(), s.UserID)
	if err != nil {
		return nil, err
	}
	o := &object{places: []core.Place{{UserID: s.UserID}}, role: u.Role}
	if me := c.caller.user; me != nil && me.ID == u.ID {
		o.role = core.RoleNone
	}
	return o, nil
}

func (a *api) auditSession(name string) action {
	return action{name: name, find: func(c *call, id string) (*subject, error) {
		s, err := a.Store.FindSessionByID(c.ctx(), id)
		if err != nil {
			return nil, unlessMissing(err)
		}
		shown := *s
		shown.SeenAt = shown.CreatedAt // what somebody did meanwhile is no change
		return &subject{Named: core.Named{ID: s.ID}, state: &shown}, nil
	}}
}

// lowered ends the sessions of a user who may do less than before, so that
// nothing that was begun with more power goes on.
func (a *api) lowered(c *call, userID string, before, after core.Role) error {
	if after.Rank() >= before.Rank() {
		return nil
	}
	return a.Store.EndSessions(c.ctx(), userID)
}

// meView is who asks: a key, or a person with the places where they have a role.
type meView struct {
	Key         *keyView          `json:"key"`
	User        *core.User        `json:"user"`
	Memberships []*membershipView `json:"memberships"`
	SessionID   string            `json:"session_id,omitempty"`
	CSRFToken   string            `json:"csrf_token,omitempty"`
}

func (a *api) me(c *call) error {
	v := meView{User: c.caller.user, Memberships: []*membershipView{}}
	if v.User == nil {
		k, err := a.view(c, c.who.Key)
		if err != nil {
			return err
		}
		v.Key = k
		return writeJSON(c.w, http.StatusOK, v)
	}
	list, _, err := a.Store.ListMemberships(c.ctx(), core.MembershipFilter{UserID: &v.User.ID, Page: core.Page{Limit: maxMemberships}})
	if err != nil {
		return err
	}
	if v.Memberships, err = eachView(a, c, list, memberBudget, func(m *core.Membership, b *budgetView) *membershipView { return &membershipView{m, b} }); err != nil {
		return err
	}
	if s, err := a.session(c); err == nil {
		v.SessionID, v.CSRFToken = s.ID, signin.CSRF(cookieOf(c.r, sessionCookie))
	}
	return writeJSON(c.w, http.StatusOK, v)
}

// allowance is so many a minute.
type allowance struct {
	mu    sync.Mutex
	since time.Time
	used  int
}

func (l *allowance) take(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.since) >= time.Minute {
		l.since, l.used = now, 0
	}
	l.used++
	return l.used <= maxAttempts
}

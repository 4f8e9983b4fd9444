package adminapi

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/signin"
)

// signInWays are what a page to sign in can offer.
type signInWays struct {
	Password    bool     `json:"password"`
	ResetByMail bool     `json:"reset_by_mail"`
	Providers   []string `json:"providers"`
}

func (a *api) signInWays(c *call) error {
	return writeJSON(c.w, http.StatusOK, signInWays{Password: true, ResetByMail: a.SignIn.Mails(), Providers: a.SignIn.Providers()})
}

// entryView is what a person gets who has signed in, beside a cookie.
type entryView struct {
	User      *core.User  `json:"user"`
	Session   sessionView `json:"session"`
	CSRFToken string      `json:"csrf_token"`
}

// from is where the request comes from.
func (a *api) from(c *call) signin.Origin {
	return signin.Origin{Address: a.origin(c.r)(), UserAgent: c.userAgent()}
}

// enter records who was let in, hands out the cookie, and answers.
func (a *api) enter(c *call, status int, action string, e *signin.Entry, object core.AuditObject) error {
	if err := a.note(c, action, personActor(e.User), object, nil); err != nil {
		return err
	}
	a.setCookie(c, e)
	return writeJSON(c.w, status, entryView{e.User, sessionView{e.Session, true}, signin.CSRF(e.Secret)})
}

func sessionObject(e *signin.Entry) core.AuditObject {
	return core.AuditObject{Kind: "session", Named: core.Named{ID: e.Session.ID}}
}

type signInInput struct {
	Email    string `json:"email" api:"required"`
	Password string `json:"password" api:"required"`
}

func (a *api) signIn(c *call) error {
	var in signInInput
	if err := a.openBody(c, &in); err != nil {
		return err
	}
	if err := required("email", in.Email, "password", in.Password); err != nil {
		return err
	}
	e, err := a.SignIn.SignIn(c.ctx(), in.Email, in.Password, a.from(c), c.now)
	if err != nil {
		return a.refused(c, "session.create", in.Email, err)
	}
	return a.enter(c, http.StatusOK, "session.create", e, sessionObject(e))
}

// required refuses a member without a value; members and values take turns.
func required(members ...string) error {
	for i := 0; i < len(members); i += 2 {
		if members[i+1] == "" {
			return core.Invalid(members[i], "is required")
		}
	}
	return nil
}

// openBody reads the body of a route that anybody may call. No page of another
// site is to sign its reader in, or up.
func (a *api) openBody(c *call, v any) error {
	if err := a.ownSite(c.r); err != nil {
		return err
	}
	return c.body(v)
}

func (a *api) signOut(c *call) error {
	s, err := a.session(c)
	if err != nil {
		return err
	}
	if err := a.Store.EndSession(c.ctx(), s.ID); err != nil {
		return err
	}
	if err := a.note(c, "session.delete", c.caller.actor, core.AuditObject{Kind: "session", Named: core.Named{ID: s.ID}}, nil); err != nil {
		return err
	}
	a.dropCookie(c)
	return c.deleted(nil)
}

type signUpInput struct {
	Token    string `json:"token" api:"required"`
	Email    string `json:"email" api:"required"`
	Name     string `json:"name" api:"required"`
	Password string `json:"password" api:"required"`
}

// signUp makes the bearer of the one-time token an owner.
func (a *api) signUp(c *call) error {
	var in signUpInput
	if err := a.openBody(c, &in); err != nil {
		return err
	}
	if err := core.CheckName(in.Name); err != nil {
		return err
	}
	email, err := core.CheckEmail(in.Email)
	if err != nil {
		return err
	}
	e, err := a.SignIn.SignUp(c.ctx(), in.Token, &core.User{Name: in.Name, Email: email}, in.Password, a.from(c), c.now)
	if err != nil {
		return err
	}
	return a.enter(c, http.StatusCreated, "user.sign_up", e, userOf(e.User))
}

func userOf(u *core.User) core.AuditObject {
	return core.AuditObject{Kind: "user", Named: core.Named{ID: u.ID, Name: u.Name}}
}

type passwordInput struct {
	Current string `json:"current_password" api:"required"`
	New     string `json:"new_password" api:"required"`
}

// changePassword ends all sessions of the person, who gets a new one.
func (a *api) changePassword(c *call) error {
	var in passwordInput
	if err := c.body(&in); err != nil {
		return err
	}
	if err := required("current_password", in.Current, "new_password", in.New); err != nil {
		return err
	}
	if _, err := a.session(c); err != nil {
		return err
	}
	u := c.caller.user
	e, err := a.SignIn.ChangePassword(c.ctx(), u, in.Current, in.New, a.from(c), c.now)
	if err != nil {
		return err
	}
	return a.enter(c, http.StatusOK, "user.password", e, userOf(u))
}

type resetInput struct {
	Email string `json:"email" api:"required"`
}

// askReset answers the same whether there is such a user or not.
func (a *api) askReset(c *call) error {
	var in resetInput
	if err := a.openBody(c, &in); err != nil {
		return err
	}
	return c.deleted(a.SignIn.AskReset(in.Email, a.from(c), c.now))
}

type confirmInput struct {
	Token    string `json:"token" api:"required"`
	Password string `json:"password" api:"required"`
}

func (a *api) confirmReset(c *call) error {
	var in confirmInput
	if err := a.openBody(c, &in); err != nil {
		return err
	}
	u, err := a.SignIn.Reset(c.ctx(), in.Token, in.Password, c.now)
	if err != nil {
		return err
	}
	return c.deleted(a.note(c, "user.password", personActor(u), userOf(u), nil))
}

// makeReset makes a link by which a user sets a password: for somebody who has
// lost it, where no mail is sent.
func (a *api) makeReset(c *call) error {
	t, err := a.SignIn.ResetTicket(c.ctx(), c.path("id"), c.now)
	if err != nil {
		return err
	}
	return writeJSON(c.w, http.StatusOK, t)
}

// beginOpenID sends the browser to the provider.
func (a *api) beginOpenID(c *call) error {
	q := c.query()
	back := q.text("return_to")
	if back != "" && !localPath(back) {
		return core.Invalid("return_to", "must be a path of this gateway, such as %q", "/keys")
	}
	address, f, err := a.SignIn.Begin(c.ctx(), q.text("provider"), c.now)
	if err != nil {
		return err
	}
	f.ReturnTo = back
	a.setFlow(c, f)
	return redirect(c, address)
}

// localPath reports a path on this host. Browsers take a backslash for a slash.
func localPath(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Scheme == "" && u.Host == "" && strings.HasPrefix(s, "/") && !strings.HasPrefix(s, "//") && !strings.ContainsAny(s, "\\\r\n\t")
}

func redirect(c *call, address string) error {
	c.w.Header().Set("Location", address)
	c.w.WriteHeader(http.StatusSeeOther)
	return nil
}

// finishOpenID takes the browser back from the provider: to where it was to
// return, with the reason if it was not let in, or else with the session as JSON.
func (a *api) finishOpenID(c *call) error {
	f, err := a.takeFlow(c)
	if err != nil {
		return err
	}
	q := c.params // what providers send beside these means nothing
	e, err := a.SignIn.Finish(c.ctx(), f, signin.Answer{State: q.Get("state"), Code: q.Get("code"), Issuer: q.Get("iss"), Error: q.Get("error"), ErrorDetails: q.Get("error_description")},
		a.from(c), c.now)
	if err != nil {
		a.Log.Warn("a sign-in by a provider failed", "provider", f.Provider, "error", err)
		err = a.refused(c, "session.create", "", err)
	}
	switch {
	case f.ReturnTo == "" && err == nil:
		return a.enter(c, http.StatusOK, "session.create", e, sessionObject(e))
	case f.ReturnTo == "":
		return err
	case err == nil:
		if err = a.note(c, "session.create", personActor(e.User), sessionObject(e), nil); err == nil {
			a.setCookie(c, e)
			return redirect(c, a.base()+f.ReturnTo)
		}
	}
	path, _, _ := strings.Cut(f.ReturnTo, "#")
	return redirect(c, a.base()+path+"#sign_in_error="+url.QueryEscape(core.AsError(err).Message))
}

// note records what a person did with the ways in; err is why it failed.
func (a *api) note(c *call, name string, who core.AuditActor, object core.AuditObject, err error) error {
	late := *c
	late.caller = &caller{actor: who}
	r := a.auditRecord(action{name: name}, &late)
	r.Object = object
	return a.conclude(c, r, err, false)
}

// maxAttempts is how many failed attempts a minute are put into the audit log:
// whoever tries passwords is not to fill it.
const maxAttempts = 60

// refused records an attempt to get in that failed, and returns err. The address
// is kept only if it is a user's: else it may be a password, typed into the wrong field.
func (a *api) refused(c *call, name, email string, err error) error {
	e := core.AsError(err)
	if e.Code != core.CodeUnauthenticated && e.Code != core.CodePermissionDenied || !a.attempts.take(c.now) {
		return err
	}
	object := core.AuditObject{Kind: "session"}
	if email != "" {
		if u, lerr := a.SignIn.UserOf(c.ctx(), email); lerr == nil && u != nil {
			object = userOf(u)
		}
	}
	late := *c
	late.caller = &caller{actor: core.AuditActor{Kind: core.ActorUser}}
	r := a.auditRecord(action{name: name}, &late)
	r.Object, r.Outcome, r.ErrorCode = object, core.AuditRefused, e.Code
	if lost := a.Store.AppendAudit(c.ctx(), r); lost != nil {
		a.Log.Error("an attempt could not be recorded in the audit log", "error", lost)
	}
	return err
}

func personActor(u *core.User) core.AuditActor {
	return core.AuditActor{Kind: core.ActorUser, Named: core.Named{ID: u.ID, Name: u.Name}}
}

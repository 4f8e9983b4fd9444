package signin

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/store"
)

var start = time.Date(2026, 11, 25, 12, 30, 0, 0, time.UTC)

const password = "correct horse battery"

// world is the service over a real store, with one user: Ada.
type world struct {
	*Service
	t     *testing.T
	store *store.Store
	ada   *core.User
	now   time.Time
	from  Origin
	mails outbox
}

// outbox keeps what is sent.
type outbox struct {
	sync.Mutex
	list []core.Mail
}

func (o *outbox) Send(_ context.Context, m core.Mail) error {
	o.Lock()
	defer o.Unlock()
	o.list = append(o.list, m)
	return m.Validate()
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, now: start, from: Origin{netip.MustParseAddr("192.0.2.1"), "Mozilla"}}
	var err error
	if w.store, err = store.Open(t.Context(), "sqlite://"+filepath.Join(t.TempDir(), "t.db"), func() time.Time { return w.now }); err != nil {
		t.Fatal(err)
	}
	w.Service = New(Options{Store: w.store, Mailer: &w.mails, PublicURL: "https://gw.example.com/x/", Idle: 12 * time.Hour, Longest: 7 * 24 * time.Hour, Log: slog.New(slog.DiscardHandler)})
	t.Cleanup(func() {
		w.Close()
		if err := w.store.Close(); err != nil {
			t.Error(err)
		}
	})
	w.ada = w.user("usr_ada", "ada@example.com")
	return w
}

func (w *world) user(id, email string) *core.User {
	w.t.Helper()
	u := &core.User{ID: id, Name: "Ada Lovelace", Email: email, CreatedAt: w.now, UpdatedAt: w.now}
	if err := w.store.CreateUser(w.t.Context(), u); err != nil {
		w.t.Fatal(err)
	}
	hash, err := w.hasher.hash(w.t.Context(), password)
	if err == nil {
		err = w.store.SetPassword(w.t.Context(), id, hash, w.now)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return u
}

func (w *world) signIn(email, password string) (*Entry, error) {
	return w.SignIn(w.t.Context(), email, password, w.from, w.now)
}

func (w *world) enter() *Entry {
	w.t.Helper()
	e, err := w.signIn("ada@example.com", password)
	if err != nil {
		w.t.Fatal(err)
	}
	return e
}

// want compares code, member and part of the message; "" wants none.
func want(t *testing.T, what string, err error, code core.Code, param, message string) {
	t.Helper()
	e := core.AsError(err)
	if e == nil && code == "" {
		return
	}
	if e == nil || e.Code != code || e.Param != param || !strings.Contains(e.Message, message) {
		t.Errorf("%s: got %v, want %s at %q: %s", what, err, code, param, message)
	}
}

func TestSignIn(t *testing.T) {
	w := newWorld(t)
	e, err := w.signIn(" ADA@example.com", password)
	if err != nil || e.User.ID != w.ada.ID || e.Session.UserID != w.ada.ID || len(e.Secret) != 43 {
		t.Fatalf("got %+v, %v", e, err)
	}
	if again := w.enter(); again.Secret == e.Secret || again.Session.ID == e.Session.ID {
		t.Error("two sign-ins are one session")
	}
	_, wrongPassword := w.signIn("ada@example.com", "correct horse batterx")
	_, unknown := w.signIn("eve@example.com", password)
	want(t, "wrong password", wrongPassword, core.CodeUnauthenticated, "", "not right")
	if wrongPassword.Error() != unknown.Error() {
		t.Errorf("an unknown address is told %v, a wrong password %v", unknown, wrongPassword)
	}
	none := &core.User{ID: "usr_none", Name: "None", Email: "none@example.com", CreatedAt: start, UpdatedAt: start}
	if err := w.store.CreateUser(t.Context(), none); err != nil {
		t.Fatal(err)
	}
	_, err = w.signIn("none@example.com", "")
	want(t, "no password", err, core.CodeUnauthenticated, "", "not right")
	if err := w.store.DeleteUser(t.Context(), w.ada.ID, start); err != nil {
		t.Fatal(err)
	}
	_, err = w.signIn("ada@example.com", password)
	want(t, "deleted", err, core.CodeUnauthenticated, "", "not right")
}

func TestAuthenticate(t *testing.T) {
	w := newWorld(t)
	e := w.enter()
	for _, tt := range []struct {
		after time.Duration
		ok    bool
	}{{0, true}, {time.Second, true}, {11 * time.Hour, true}, {22 * time.Hour, true}, {34 * time.Hour, false}} { // idle from 22 h on
		s, u, err := w.Authenticate(t.Context(), e.Secret, start.Add(tt.after))
		if (err == nil) != tt.ok || err == nil && (s.ID != e.Session.ID || u.ID != w.ada.ID) {
			t.Errorf("after %s: %+v, %+v, %v", tt.after, s, u, err)
		}
	}
	busy := w.enter()
	for at := time.Duration(0); ; at += 10 * time.Hour {
		_, _, err := w.Authenticate(t.Context(), busy.Secret, start.Add(at))
		if err != nil {
			if at != 170*time.Hour { // the first at or after seven days
				t.Errorf("a session in use ended after %s: %v", at, err)
			}
			break
		}
	}
	for _, secret := range []string{"", "x", e.Secret + "x", strings.Repeat("x", 5000)} {
		_, _, err := w.Authenticate(t.Context(), secret, start)
		want(t, "secret "+secret[:min(len(secret), 50)], err, core.CodeUnauthenticated, "", "sign in")
	}
	w.now = start.Add(time.Second)
	quick := w.enter()
	if _, _, err := w.Authenticate(t.Context(), quick.Secret, w.now.Add(59*time.Second)); err != nil {
		t.Fatal(err)
	}
	if s, err := w.store.FindSessionByID(t.Context(), quick.Session.ID); err != nil || !s.SeenAt.Equal(w.now) {
		t.Errorf("seen within a minute was written: %+v, %v", s, err)
	}
}

func TestCSRF(t *testing.T) {
	if !CheckCSRF("secret", CSRF("secret")) || CheckCSRF("secret", CSRF("other")) || CheckCSRF("secret", "") || CSRF("secret") == "secret" {
		t.Error("the token is not bound to the secret")
	}
}

// TestPasswordRules are of new passwords.
func TestPasswordRules(t *testing.T) {
	for password, message := range map[string]string{
		"elevenchars":              "12 characters",
		"ÄÖÜäöüßßßßß":              "12 characters",
		"twelve chars":             "",
		"ÄÖÜäöüßßßßßß":             "",
		"ADA.lovelace@example.com": "name or address",
		"ada.lovelace ":            "name or address",
		" The Countess ":           "name or address",
		"x\xff12345678901":         "must be text",
		strings.Repeat("a", 1024):  "",
		strings.Repeat("a", 1025):  "1024 bytes",
	} {
		err := checkPassword("password", password, "the countess", "ada.lovelace@example.com")
		code := core.CodeInvalidRequest
		if message == "" {
			code = ""
		}
		want(t, fmt.Sprintf("%.20q", password), err, code, "password", message)
	}
}

// TestHash reads the reference implementation's own hashes, and hashes anew what has other costs.
func TestHash(t *testing.T) {
	ctx := t.Context()
	h := newHasher()
	hash, err := h.hash(ctx, "påssword")
	if err != nil || !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Fatal(hash, err)
	}
	// From the test vectors of github.com/P-H-C/phc-winner-argon2 (test.c).
	const reference = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	for _, tt := range []struct {
		password, hash string
		ok, old        bool
	}{
		{"påssword", hash, true, false}, {"pa\u030assword", hash, true, false}, {"password", hash, false, false}, {"", hash, false, false},
		{"password", reference, true, true}, {"passwore", reference, false, true}, {"password", "", false, false}, {"", "", false, false},
	} {
		ok, old, err := h.verify(ctx, tt.password, tt.hash)
		if err != nil || ok != tt.ok || old != tt.old {
			t.Errorf("%q of %q: %v %v %v", tt.password, tt.hash, ok, old, err)
		}
	}
	for _, bad := range []string{"x", "$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", "$argon2id$v=19$m=65536,t=0,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
		"$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$", "$argon2id$v=19$m=999999999,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"} {
		if ok, _, err := h.verify(ctx, "password", bad); ok || err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
	w := newWorld(t)
	old := encode(params{8 << 10, 1, 1}, []byte("0123456789abcdef"), derive(params{8 << 10, 1, 1}, password, []byte("0123456789abcdef"), 32))
	if err := w.store.SetPassword(ctx, w.ada.ID, old, start); err != nil {
		t.Fatal(err)
	}
	w.enter()
	if now, err := w.store.FindPassword(ctx, w.ada.ID); err != nil || !strings.HasPrefix(now, "$argon2id$v=19$m=19456,") {
		t.Errorf("not hashed anew: %s, %v", now, err)
	}
	w.enter()
}

// TestHash_Queue: more than the queue holds are refused, those in it wait.
func TestHash_Queue(t *testing.T) {
	h := newHasher()
	var running []func()
	for range hashers {
		done, err := h.turn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		running = append(running, done)
	}
	ctx, cancel := context.WithCancel(t.Context())
	got := make(chan error)
	for range hashQueue + 3 {
		go func() {
			done, err := h.turn(ctx)
			if err == nil {
				done()
			}
			got <- err
		}()
	}
	for range 3 { // at once
		want(t, "one too many", <-got, core.CodeOverloaded, "", "at once")
	}
	running[0]()
	for range hashQueue {
		if err := <-got; err != nil {
			t.Errorf("one that waited: %v", err)
		}
	}
	cancel()
	running[1]()
}

func TestThrottle(t *testing.T) {
	var th throttle
	ada := attempt("ada", netip.MustParseAddr("192.0.2.1"))
	waits := ""
	now := start
	for range 8 {
		err := th.begin(ada, now)
		want(t, "at its time", err, "", "", "")
		if e := core.AsError(th.begin(ada, now)); e == nil {
			waits += "0 "
		} else {
			waits += fmt.Sprint(int(e.RetryAfter.Seconds()), " ")
			want(t, "too early", e, core.CodeRateLimited, "", "wait")
			now = now.Add(e.RetryAfter)
		}
	}
	if waits != "0 0 1 2 4 8 16 32 " { // two at a time while they are free
		t.Errorf("waits %s", waits)
	}
	want(t, "somebody else from there", th.begin(attempt("bob", netip.MustParseAddr("192.0.2.1")), now), "", "", "")
	want(t, "from elsewhere", th.begin(attempt("ada", netip.MustParseAddr("198.51.100.1")), now), "", "", "")
	// Hosts of one IPv6 network are one.
	for i := range 30 {
		want(t, "address", th.begin(attempt(fmt.Sprint(i), netip.MustParseAddr(fmt.Sprintf("2001:db8::%x", i+1))), now), "", "", "")
	}
	want(t, "address", th.begin(attempt("x", netip.MustParseAddr("2001:db8::ffff")), now), core.CodeRateLimited, "", "wait")
	th.succeed(ada)
	want(t, "after success", th.begin(ada, now), "", "", "")
	want(t, "an hour later", th.begin(attempt("x", netip.MustParseAddr("2001:db8::ffff")), now.Add(2*time.Hour)), "", "", "")
	for i := range maxSubjects {
		_ = th.begin([]subject{{fmt.Sprint("many ", i), 1, time.Second}}, now)
	}
	if len(th.m) > maxSubjects {
		t.Errorf("%d subjects are kept", len(th.m))
	}
}

func TestSignIn_Throttled(t *testing.T) {
	w := newWorld(t)
	for range 6 {
		_, _ = w.signIn("ada@example.com", "wrong")
	}
	_, err := w.signIn("ada@example.com", password)
	want(t, "the right one, too early", err, core.CodeRateLimited, "", "wait")
	w.now = w.now.Add(time.Minute)
	w.enter()
	_, err = w.signIn("ada@example.com", "wrong")
	want(t, "after success", err, core.CodeUnauthenticated, "", "not right")
	_, err = w.signIn(strings.Repeat("x", 1<<16), "wrong")
	want(t, "too long for an address", err, core.CodeUnauthenticated, "", "not right")
	for key := range w.failed.m {
		if len(key) > 1000 {
			t.Errorf("%d bytes are kept of an address", len(key))
		}
	}
}

func TestChangePassword(t *testing.T) {
	ctx := t.Context()
	w := newWorld(t)
	before, other := w.enter(), w.enter()
	_, err := w.ChangePassword(ctx, w.ada, "wrong", "a new good one", w.from, w.now)
	want(t, "wrong", err, core.CodeInvalidRequest, "current_password", "not right")
	_, err = w.ChangePassword(ctx, w.ada, password, "short", w.from, w.now)
	want(t, "short", err, core.CodeInvalidRequest, "new_password", "12 characters")
	after, err := w.ChangePassword(ctx, w.ada, password, "a new good one", w.from, w.now)
	if err != nil {
		t.Fatal(err)
	}
	for e, ok := range map[*Entry]bool{before: false, other: false, after: true} {
		if _, _, err := w.Authenticate(ctx, e.Secret, w.now); (err == nil) != ok {
			t.Errorf("session %s: %v", e.Session.ID, err)
		}
	}
	_, err = w.signIn("ada@example.com", password)
	want(t, "the old one", err, core.CodeUnauthenticated, "", "not right")
	if _, err := w.signIn("ada@example.com", "a new good one"); err != nil {
		t.Error(err)
	}
}

func TestReset(t *testing.T) {
	ctx := t.Context()
	w := newWorld(t)
	old := w.enter()
	for _, email := range []string{"nobody@example.com", "Ada@Example.com"} {
		if err := w.AskReset(email, w.from, w.now); err != nil {
			t.Fatal(err)
		}
	}
	want(t, "no address", w.AskReset("x", w.from, w.now), core.CodeInvalidRequest, "email", "address")
	w.mails.Lock() // all are sent once Close returns, but the store is needed yet
	w.mails.Unlock()
	w.Service.mails.Wait()
	if len(w.mails.list) != 1 || w.mails.list[0].To != "ada@example.com" || !w.mails.list[0].Until.Equal(start.Add(time.Hour)) {
		t.Fatalf("mails %+v", w.mails.list)
	}
	_, token, ok := strings.Cut(w.mails.list[0].Text, "\nhttps://gw.example.com/x/reset-password#token=")
	token, _, _ = strings.Cut(token, "\n")
	if !ok || len(token) != 43 {
		t.Fatalf("text %s", w.mails.list[0].Text)
	}
	_, err := w.Reset(ctx, token, "short", w.now)
	want(t, "short", err, core.CodeInvalidRequest, "password", "12 characters")
	_, err = w.Reset(ctx, "", "a new good one", w.now)
	want(t, "no token", err, core.CodeInvalidRequest, "token", "required")
	_, err = w.Reset(ctx, token+"x", "a new good one", w.now)
	want(t, "another token", err, core.CodeInvalidRequest, "token", "not valid")
	_, err = w.Reset(ctx, token, "a new good one", w.now.Add(time.Hour))
	want(t, "too late", err, core.CodeInvalidRequest, "token", "not valid")
	if u, err := w.Reset(ctx, token, "a new good one", w.now); err != nil || u.ID != w.ada.ID {
		t.Fatal(u, err)
	}
	_, err = w.Reset(ctx, token, "a new good one", w.now)
	want(t, "twice", err, core.CodeInvalidRequest, "token", "not valid")
	if _, _, err := w.Authenticate(ctx, old.Secret, w.now); err == nil {
		t.Error("a session outlived the password")
	}
	if _, err := w.signIn("ada@example.com", "a new good one"); err != nil {
		t.Error(err)
	}
	for range 3 {
		err = w.AskReset("ada@example.com", w.from, w.now)
	}
	want(t, "a mailbox that is being filled", err, core.CodeRateLimited, "", "wait")
}

func TestSignUp(t *testing.T) {
	ctx := t.Context()
	w := newWorld(t)
	first, err := w.SignUpTicket(ctx, w.now)
	if err != nil {
		t.Fatal(err)
	}
	ticket, err := w.SignUpTicket(ctx, w.now) // in its place
	if err != nil || ticket.Link != "https://gw.example.com/x/sign-up#token="+ticket.Token || !ticket.ExpiresAt.Equal(start.Add(24*time.Hour)) {
		t.Fatal(ticket, err)
	}
	up := func(token, name, password string, now time.Time) (*Entry, error) {
		return w.SignUp(ctx, token, &core.User{Name: name, Email: "owner@example.com"}, password, w.from, now)
	}
	_, err = up(first.Token, "Owner", "a good password", w.now)
	want(t, "replaced", err, core.CodeInvalidRequest, "token", "not valid")
	_, err = up(ticket.Token, "a good password", "a good password", w.now)
	want(t, "the name", err, core.CodeInvalidRequest, "password", "name or address")
	_, err = up(ticket.Token, "Owner", "a good password", w.now.Add(24*time.Hour))
	want(t, "too late", err, core.CodeInvalidRequest, "token", "not valid")
	e, err := up(ticket.Token, "Owner", "a good password", w.now)
	if err != nil || e.User.Role != core.RoleOwner {
		t.Fatal(e, err)
	}
	if _, u, err := w.Authenticate(ctx, e.Secret, w.now); err != nil || u.Role != core.RoleOwner || u.Name != "Owner" {
		t.Errorf("user %+v, %v", u, err)
	}
	_, err = up(ticket.Token, "Owner", "a good password", w.now)
	want(t, "twice", err, core.CodeInvalidRequest, "token", "not valid")
}

func TestInvite(t *testing.T) {
	vouch := func() error { return nil }
	ctx := t.Context()
	w := newWorld(t)
	invite := func(email string, role core.Role) (*core.Invite, string) {
		t.Helper()
		w.now = w.now.Add(time.Millisecond)
		i := &core.Invite{Email: email, Role: role, InvitedBy: core.AuditActor{Kind: core.ActorUser, Named: core.Named{ID: "usr_1", Name: "Eve\nhttps://evil"}}}
		ticket, err := w.Invite(ctx, i, w.now)
		if err != nil || ticket.Link != "https://gw.example.com/x/accept-invite#token="+ticket.Token {
			t.Fatal(ticket, err)
		}
		found, err := w.Invited(ctx, ticket.Token)
		if err != nil || found.ID != i.ID {
			t.Fatal(found, err)
		}
		return found, ticket.Token
	}
	_, err := w.Invite(ctx, &core.Invite{Email: "x@example.com", Role: core.RoleMember}, w.now)
	want(t, "a role of places", err, core.CodeInvalidRequest, "role", "whole installation")
	i, token := invite("new@example.com", core.RoleViewer)
	w.Service.mails.Wait()
	if m := w.mails.list[0]; m.To != "new@example.com" || m.Kind != "invite" || strings.Contains(m.Text, "\nhttps://evil") || strings.Contains(m.Text, "https://evil") || !strings.Contains(m.Text, "\n"+"https://gw.example.com/x/accept-invite#token="+token+"\n") {
		t.Errorf("mail %s", m.Text)
	}
	_, err = w.Accept(ctx, i, w.ada, "", "", vouch, w.from, w.now)
	want(t, "another person", err, core.CodePermissionDenied, "", "another address")
	_, err = w.Accept(ctx, i, nil, "", "a good password", vouch, w.from, w.now)
	want(t, "no name", err, core.CodeInvalidRequest, "name", "empty")
	_, err = w.Accept(ctx, i, nil, "New", "new@example.com", vouch, w.from, w.now)
	want(t, "a bad password", err, core.CodeInvalidRequest, "password", "name or address")
	_, err = w.Accept(ctx, i, nil, "New", "a good password", vouch, w.from, w.now.Add(InviteFor))
	want(t, "too late", err, core.CodeInvalidRequest, "token", "expired")
	e, err := w.Accept(ctx, i, nil, "New", "a good password", vouch, w.from, w.now)
	if err != nil || e.User.Email != "new@example.com" {
		t.Fatal(e, err)
	}
	if _, u, err := w.Authenticate(ctx, e.Secret, w.now); err != nil || u.Role != core.RoleViewer {
		t.Errorf("user %+v, %v", u, err)
	}
	i, err = w.Invited(ctx, token)
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.Accept(ctx, i, nil, "New", "a good password", vouch, w.from, w.now)
	want(t, "twice", err, core.CodeInvalidRequest, "token", "not valid")

	i, _ = invite("ada@example.com", core.RoleAdmin)
	_, err = w.Accept(ctx, i, nil, "Ada", "a good password", vouch, w.from, w.now)
	want(t, "an address that is taken", err, core.CodeConflict, "", "sign in first")
	if _, err := w.Accept(ctx, i, w.ada, "", "", vouch, w.from, w.now); err != nil {
		t.Error(err)
	}
	_, err = w.Invited(ctx, "")
	want(t, "no token", err, core.CodeInvalidRequest, "token", "required")
	_, err = w.Invited(ctx, "x")
	want(t, "another token", err, core.CodeInvalidRequest, "token", "not valid")
}

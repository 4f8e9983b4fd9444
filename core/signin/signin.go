// Package signin lets people in: passwords, sessions, links to sign up, to reset
// a password or to follow an invitation, and OpenID providers. It knows nothing of HTTP.
package signin

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/tokligence/gateway/core"
)

// Options are what the service works with.
type Options struct {
	Store core.Store
	// Mailer sends the links of resets and invitations; nil when there is none.
	Mailer core.Mailer
	// PublicURL begins the links; "" makes them relative, and then none is sent.
	PublicURL string
	// Idle ends sessions that were not used for so long, Longest any session.
	Idle, Longest time.Duration
	// Client is for requests to OpenID providers; it follows no redirects.
	Client *http.Client
	Log    *slog.Logger
}

// Service is safe for concurrent use.
type Service struct {
	Options
	hasher    *hasher
	providers []*provider
	failed    throttle
	mails     sync.WaitGroup
	sending   chan struct{} // bounds mails under way
	stopping  context.Context
	stop      context.CancelFunc
}

// New makes a service; Close ends it.
func New(o Options) *Service {
	s := &Service{Options: o, hasher: newHasher(), sending: make(chan struct{}, 8)}
	s.PublicURL = strings.TrimRight(s.PublicURL, "/")
	s.stopping, s.stop = context.WithCancel(context.Background())
	return s
}

// closePatience is how long Close waits for mail that is being prepared.
const closePatience = 5 * time.Second

// Close waits for mail that is being prepared, and ends what takes too long.
func (s *Service) Close() {
	late := time.AfterFunc(closePatience, s.stop)
	s.mails.Wait()
	late.Stop()
	s.stop()
}

// Origin is where a person comes from.
type Origin struct {
	Address   netip.Addr
	UserAgent string
}

// Entry is what a person gets who was let in.
type Entry struct {
	Session *core.Session
	User    *core.User
	Secret  string // for the browser's cookie, this once
}

// CSRF is what a browser shows beside its cookie when it changes something: it
// follows from the secret, which pages cannot read and others do not have.
func CSRF(secret string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("csrf"))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// CheckCSRF compares in constant time.
func CheckCSRF(secret, shown string) bool {
	return subtle.ConstantTimeCompare([]byte(CSRF(secret)), []byte(shown)) == 1
}

// newSecret is 256 random bits.
func newSecret() string { return base64.RawURLEncoding.EncodeToString(random(32)) }

func hashOf(secret string) core.SecretHash { return sha256.Sum256([]byte(secret)) }

// maxSecret bounds what is hashed; no secret is that long.
const maxSecret = 256

// link is an address that carries a token where servers and their logs do not see it.
func (s *Service) link(page, token string) string {
	return s.PublicURL + "/" + page + "#token=" + token
}

// maxEmail is longer than any user's address, see [core.CheckEmail].
const maxEmail = 256

// wrong is the same for an unknown address and a wrong password.
func wrong() error {
	return core.Errorf(core.CodeUnauthenticated, core.SourceClient, "the address or the password is not right")
}

// SignIn lets in whoever has the password of the address: CodeUnauthenticated
// otherwise, CodeRateLimited after too many failures, CodeOverloaded when too
// many try at once. An unknown address takes as long and is told the same.
func (s *Service) SignIn(ctx context.Context, email, password string, from Origin, now time.Time) (*Entry, error) {
	if email = strings.ToLower(strings.TrimSpace(email)); len(email) > maxEmail {
		email = "" // nobody's either, and kept for an hour
	}
	subjects := attempt(email, from.Address)
	if err := s.failed.begin(subjects, now); err != nil {
		return nil, err
	}
	u, err := s.userOf(ctx, email)
	if err != nil {
		return nil, err
	}
	if err := s.verify(ctx, u, password); err != nil {
		return nil, err
	}
	s.failed.succeed(subjects)
	return s.Enter(ctx, u, from, now)
}

// verify is an error unless the password is the user's, who may be nil.
func (s *Service) verify(ctx context.Context, u *core.User, password string) error {
	hash := ""
	if u != nil {
		var err error
		if hash, err = s.Store.FindPassword(ctx, u.ID); err != nil && core.AsError(err).Code != core.CodeNotFound {
			return err
		}
	}
	ok, old, err := s.hasher.verify(ctx, password, hash)
	if err != nil {
		return err
	}
	if !ok {
		return wrong()
	}
	if old {
		fresh, err := s.hasher.hash(ctx, password)
		if err == nil {
			err = s.Store.Rehash(ctx, u.ID, hash, fresh)
		}
		if err != nil { // the old one does as well
			s.Log.Warn("a password could not be hashed anew", "user", u.ID, "error", err)
		}
	}
	return nil
}

// UserOf is the living user of the address, nil when there is none.
func (s *Service) UserOf(ctx context.Context, email string) (*core.User, error) {
	return s.userOf(ctx, strings.ToLower(strings.TrimSpace(email)))
}

// userOf is the living user of the address, nil when there is none.
func (s *Service) userOf(ctx context.Context, email string) (*core.User, error) {
	found, _, err := s.Store.ListUsers(ctx, core.UserFilter{Email: &email, Page: core.Page{Limit: 1}})
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return found[0], nil
}

// Enter begins a session of somebody who has shown who they are. Its secret was
// never known to anybody before.
func (s *Service) Enter(ctx context.Context, u *core.User, from Origin, now time.Time) (*Entry, error) {
	secret := newSecret()
	session := &core.Session{ID: core.NewID(core.PrefixSession, now), UserID: u.ID, CreatedAt: now, SeenAt: now, ExpiresAt: now.Add(s.Longest), UserAgent: from.UserAgent}
	if from.Address.IsValid() {
		session.RemoteAddress = from.Address.String()
	}
	if err := s.Store.CreateSession(ctx, session, hashOf(secret)); err != nil {
		return nil, err
	}
	return &Entry{Session: session, User: u, Secret: secret}, nil
}

// seenEvery is how often the use of a session is written.
const seenEvery = time.Minute

// Authenticate tells whose session has the secret: CodeUnauthenticated when it
// has ended or never began.
func (s *Service) Authenticate(ctx context.Context, secret string, now time.Time) (*core.Session, *core.User, error) {
	ended := core.Errorf(core.CodeUnauthenticated, core.SourceClient, "the session has ended: sign in")
	if secret == "" || len(secret) > maxSecret {
		return nil, nil, ended
	}
	session, u, err := s.Store.FindSession(ctx, hashOf(secret))
	if err != nil {
		if core.AsError(err).Code == core.CodeNotFound {
			err = ended
		}
		return nil, nil, err
	}
	if !now.Before(session.ExpiresAt) || !now.Before(session.SeenAt.Add(s.Idle)) {
		return nil, nil, ended
	}
	if now.Sub(session.SeenAt) >= seenEvery {
		if err := s.Store.TouchSession(ctx, session.ID, now); err != nil {
			s.Log.Warn("the use of a session could not be recorded", "session", session.ID, "error", err)
		}
	}
	return session, u, nil
}

// Sessions lists those that have not ended, newest first; userID nil lists everybody's.
func (s *Service) Sessions(ctx context.Context, userID *string, p core.Page, now time.Time) ([]*core.Session, string, error) {
	return s.Store.ListSessions(ctx, core.SessionFilter{UserID: userID, Now: now, SeenAfter: now.Add(-s.Idle), Page: p})
}

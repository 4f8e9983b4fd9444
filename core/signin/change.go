package signin

import (
	"context"
	"fmt"
	"time"

	"github.com/tokligence/gateway/core"
)

// How long links are good for.
const (
	SignUpFor = 24 * time.Hour
	resetFor  = time.Hour
)

// ChangePassword replaces the password of somebody who knows it. All sessions
// end; the new one takes the place of theirs.
func (s *Service) ChangePassword(ctx context.Context, u *core.User, have, want string, from Origin, now time.Time) (*Entry, error) {
	subjects := attempt(u.Email, from.Address)
	if err := s.failed.begin(subjects, now); err != nil {
		return nil, err
	}
	if err := s.verify(ctx, u, have); err != nil {
		if core.AsError(err).Code == core.CodeUnauthenticated { // whoever asks is signed in
			err = core.Invalid("current_password", "is not right")
		}
		return nil, err
	}
	s.failed.succeed(subjects)
	hash, err := s.newHash(ctx, "new_password", want, u.Name, u.Email)
	if err != nil {
		return nil, err
	}
	if err := s.Store.SetPassword(ctx, u.ID, hash, now); err != nil {
		return nil, err
	}
	return s.Enter(ctx, u, from, now)
}

// newHash checks a new password, which stands at param, and hashes it.
func (s *Service) newHash(ctx context.Context, param, password, name, email string) (string, error) {
	if err := checkPassword(param, password, name, email); err != nil {
		return "", err
	}
	return s.hasher.hash(ctx, password)
}

// Ticket is a link that was just made.
type Ticket struct {
	Token     string    `json:"token"`
	Link      string    `json:"link"`
	ExpiresAt time.Time `json:"expires_at"`
}

// newTicket makes a link; earlier ones of its kind end.
func (s *Service) newTicket(ctx context.Context, use core.TicketUse, userID, page string, lasts time.Duration, now time.Time) (*Ticket, error) {
	token := newSecret()
	t := &core.Ticket{Hash: hashOf(token), Use: use, UserID: userID, CreatedAt: now, ExpiresAt: now.Add(lasts)}
	if err := s.Store.CreateTicket(ctx, t); err != nil {
		return nil, err
	}
	return &Ticket{Token: token, Link: s.link(page, token), ExpiresAt: t.ExpiresAt}, nil
}

// SignUpTicket makes the link by which somebody becomes an owner.
func (s *Service) SignUpTicket(ctx context.Context, now time.Time) (*Ticket, error) {
	return s.newTicket(ctx, core.TicketSignUp, "", "sign-up", SignUpFor, now)
}

// ResetTicket makes the link by which the user sets a password.
func (s *Service) ResetTicket(ctx context.Context, userID string, now time.Time) (*Ticket, error) {
	return s.newTicket(ctx, core.TicketReset, userID, "reset-password", resetFor, now)
}

// SignUp makes the bearer of the token an owner and lets them in. An owner of
// that address gets the password instead: this is also the way back in.
func (s *Service) SignUp(ctx context.Context, token string, u *core.User, password string, from Origin, now time.Time) (*Entry, error) {
	if _, err := s.ticket(ctx, token, core.TicketSignUp, now); err != nil {
		return nil, err
	}
	hash, err := s.newHash(ctx, "password", password, u.Name, u.Email)
	if err != nil {
		return nil, err
	}
	u.ID, u.CreatedAt, u.UpdatedAt = core.NewID(core.PrefixUser, now), now, now
	if err := s.Store.SignUp(ctx, hashOf(token), u, hash, now); err != nil {
		return nil, notValid(err)
	}
	return s.Enter(ctx, u, from, now)
}

// ticket finds what the token opens, before work is spent on it.
func (s *Service) ticket(ctx context.Context, token string, use core.TicketUse, now time.Time) (*core.Ticket, error) {
	if token == "" {
		return nil, core.Invalid("token", "is required")
	}
	t, err := s.Store.FindTicket(ctx, hashOf(token), use, now)
	return t, notValid(err)
}

// notValid puts the blame for a token that opens nothing on the member.
func notValid(err error) error {
	if e := core.AsError(err); e != nil && e.Code == core.CodeNotFound {
		return core.Invalid("token", "is not valid: it was used, has expired or never was one")
	}
	return err
}

// AskReset sends a link to the address if it is a user's. Nobody is told
// whether it is, not by how long it takes either: the rest goes on by itself.
func (s *Service) AskReset(email string, from Origin, now time.Time) error {
	email, err := core.CheckEmail(email)
	if err != nil {
		return err
	}
	if err := s.failed.begin(resetAttempt(email, from.Address), now); err != nil {
		return err
	}
	s.later("password_reset", func(ctx context.Context) error {
		u, err := s.userOf(ctx, email)
		if err != nil || u == nil {
			return err
		}
		t, err := s.ResetTicket(ctx, u.ID, now)
		if err != nil {
			return err
		}
		return s.Mailer.Send(ctx, core.Mail{Kind: "password_reset", To: u.Email, Until: t.ExpiresAt, Subject: "Your new password", Text: fmt.Sprintf(
			"Hello %s,\n\nsomebody, you we hope, asked for a new password. Set it within the hour:\n\n%s\n\nIf it was not you, do nothing: the old one stays.\n", oneLine(u.Name), t.Link)})
	})
	return nil
}

// Reset sets the password of the token's user, whose sessions end.
func (s *Service) Reset(ctx context.Context, token, password string, now time.Time) (*core.User, error) {
	t, err := s.ticket(ctx, token, core.TicketReset, now)
	if err != nil {
		return nil, err
	}
	u, err := s.Store.FindUserByID(ctx, t.UserID)
	if err != nil {
		return nil, err
	}
	hash, err := s.newHash(ctx, "password", password, u.Name, u.Email)
	if err != nil {
		return nil, err
	}
	return u, notValid(s.Store.UseTicket(ctx, hashOf(token), hash, now))
}

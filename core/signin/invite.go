package signin

import (
	"context"
	"fmt"
	"time"

	"github.com/tokligence/gateway/core"
)

// InviteFor is how long an invitation is good for.
const InviteFor = 7 * 24 * time.Hour

// Invite stores an invitation, makes its link, and sends it if there is a mailer.
func (s *Service) Invite(ctx context.Context, i *core.Invite, now time.Time) (*Ticket, error) {
	if err := i.CheckRole(); err != nil {
		return nil, err
	}
	token := newSecret()
	i.CreatedAt, i.ExpiresAt = now, now.Add(InviteFor)
	if i.ID == "" {
		i.ID = core.NewID(core.PrefixInvite, now)
	}
	if err := s.Store.CreateInvite(ctx, i, hashOf(token)); err != nil {
		return nil, err
	}
	return s.sendInvite(i, token), nil
}

// RenewInvite makes another link for an open invitation whose first one was lost;
// that one opens nothing any more.
func (s *Service) RenewInvite(ctx context.Context, id string) (*core.Invite, *Ticket, error) {
	token := newSecret()
	i, err := s.Store.RenewInvite(ctx, id, hashOf(token))
	if err != nil {
		return nil, nil, err
	}
	return i, s.sendInvite(i, token), nil
}

// sendInvite makes the link, and sends it if there is a mailer.
func (s *Service) sendInvite(i *core.Invite, token string) *Ticket {
	t := &Ticket{Token: token, Link: s.link("accept-invite", token), ExpiresAt: i.ExpiresAt}
	m := core.Mail{Kind: "invite", To: i.Email, Until: i.ExpiresAt, Subject: "You are invited", Text: fmt.Sprintf(
		"Hello,\n\n%s invites you to use the gateway. Come in within a week:\n\n%s\n", oneLine(i.InvitedBy.Name), t.Link)}
	s.later(m.Kind, func(ctx context.Context) error { return s.Mailer.Send(ctx, m) })
	return t
}

// Invited finds the invitation of a token, which may be over.
func (s *Service) Invited(ctx context.Context, token string) (*core.Invite, error) {
	if token == "" {
		return nil, core.Invalid("token", "is required")
	}
	i, err := s.Store.FindInviteByHash(ctx, hashOf(token))
	return i, notValid(err)
}

// Accept lets somebody in by an open invitation: u who has signed in, or, if
// that is nil, somebody new with a name and a password. Nobody changes anything
// between vouch, whose error it returns, and the end.
func (s *Service) Accept(ctx context.Context, i *core.Invite, u *core.User, name, password string, vouch func() error, from Origin, now time.Time) (*Entry, error) {
	if !i.Open(now) {
		return nil, core.Invalid("token", "is not valid: the invitation was accepted or revoked, or has expired")
	}
	if u != nil && u.Email != i.Email {
		return nil, core.Errorf(core.CodePermissionDenied, core.SourceClient, "the invitation is for another address than yours")
	}
	hash := ""
	if u == nil {
		if err := core.CheckName(name); err != nil {
			return nil, err
		}
		have, err := s.userOf(ctx, i.Email)
		if err != nil {
			return nil, err
		}
		if have != nil {
			return nil, core.Errorf(core.CodeConflict, core.SourceClient, "there is a user of that address already: sign in first, then accept")
		}
		if hash, err = s.newHash(ctx, "password", password, name, i.Email); err != nil {
			return nil, err
		}
		u = &core.User{ID: core.NewID(core.PrefixUser, now), Name: name, Email: i.Email, CreatedAt: now, UpdatedAt: now}
	}
	err := s.Store.Alone(ctx, func() error {
		if err := vouch(); err != nil {
			return err
		}
		return s.Store.AcceptInvite(ctx, i.ID, u, hash, now)
	})
	if err != nil {
		return nil, err
	}
	u, err = s.Store.FindUserByID(ctx, u.ID) // with the role that it got
	if err != nil {
		return nil, err
	}
	return s.Enter(ctx, u, from, now)
}

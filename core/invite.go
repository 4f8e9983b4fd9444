package core

import (
	"context"
	"time"
)

// Invite asks somebody to come in: it makes whoever follows its link a user with
// a role in a team, in an organization, or over the whole installation. The
// link's secret is shown once and kept as its hash.
type Invite struct {
	ID             string     `json:"id"` // inv_…
	Email          string     `json:"email"`
	Role           Role       `json:"role"`
	OrganizationID string     `json:"organization_id,omitempty"` // of the team, where there is one
	TeamID         string     `json:"team_id,omitempty"`
	InvitedBy      AuditActor `json:"invited_by"`
	CreatedAt      time.Time  `json:"created_at"`
	ExpiresAt      time.Time  `json:"expires_at"`
	AcceptedAt     *time.Time `json:"accepted_at"`
	UserID         string     `json:"user_id,omitempty"` // who accepted it
	RevokedAt      *time.Time `json:"revoked_at"`
}

// Open reports whether it can be accepted.
func (i *Invite) Open(now time.Time) bool {
	return i.AcceptedAt == nil && i.RevokedAt == nil && now.Before(i.ExpiresAt)
}

// CheckRole refuses a role that means nothing where the invitation leads. The
// error is CodeInvalidRequest at "role".
func (i *Invite) CheckRole() error {
	if i.OrganizationID != "" || i.TeamID != "" {
		return (&Membership{OrganizationID: i.OrganizationID, TeamID: i.TeamID, Role: i.Role}).CheckRole()
	}
	return checkRole(i.Role, "a user of the whole installation", RoleOwner, RoleAdmin, RoleViewer)
}

// InviteFilter narrows ListInvites; nil fields do not filter. With OpenAt it is
// those that can be accepted then.
type InviteFilter struct {
	OrganizationID *string
	TeamID         *string
	Email          *string
	OpenAt         *time.Time
	Reach          *Reach
	Page
}

// InviteStore keeps invitations, by the rules of the stores of owners, except
// that they stay in lists when they are over.
type InviteStore interface {
	// CreateInvite gives i the organization of its team if it names none.
	CreateInvite(ctx context.Context, i *Invite, secret SecretHash) error
	// RenewInvite gives an open one another secret, in place of the one before;
	// CodeNotFound when it is over.
	RenewInvite(ctx context.Context, id string, secret SecretHash) (*Invite, error)
	FindInviteByID(ctx context.Context, id string) (*Invite, error)
	FindInviteByHash(ctx context.Context, secret SecretHash) (*Invite, error)
	ListInvites(ctx context.Context, f InviteFilter) (list []*Invite, next string, err error)
	// RevokeInvite is CodeConflict when it was accepted.
	RevokeInvite(ctx context.Context, id string, now time.Time) error
	// AcceptInvite makes u, who is new if there is a password's hash, what the
	// invitation says, in one transaction. A higher role that u has there stays.
	// CodeConflict when it is not open, or when a new user's address is taken.
	AcceptInvite(ctx context.Context, id string, u *User, hash string, now time.Time) error
}

package core

import (
	"context"
	"time"
)

// Membership places a user in an organization, or in one of its teams. A user
// has at most one living membership in each.
type Membership struct {
	ID             string `json:"id"`
	UserID         string `json:"user_id"`
	OrganizationID string `json:"organization_id"` // of the team, where there is one
	TeamID         string `json:"team_id,omitempty"`
	Role           Role   `json:"role"`
	// The names are those of now: nothing of them is stored here.
	UserName         string     `json:"user_name"`
	OrganizationName string     `json:"organization_name"`
	TeamName         string     `json:"team_name,omitempty"`
	CreatedAt        time.Time  `json:"created_at"`
	UpdatedAt        time.Time  `json:"updated_at"`
	DeletedAt        *time.Time `json:"deleted_at,omitempty"`
}

// MembershipFilter narrows ListMemberships; nil fields do not filter. The
// memberships of an organization are also those of its teams.
type MembershipFilter struct {
	OrganizationID *string
	TeamID         *string
	UserID         *string
	Reach          *Reach // nil: everything
	Page
}

// MembershipStore keeps memberships, by the rules of the stores of owners.
type MembershipStore interface {
	// CreateMembership gives m the organization of its team if it names none;
	// naming another one is CodeInvalidRequest. It fills in the names.
	CreateMembership(ctx context.Context, m *Membership) error
	FindMembershipByID(ctx context.Context, id string) (*Membership, error)
	ListMemberships(ctx context.Context, f MembershipFilter) (list []*Membership, next string, err error)
	// UpdateMembership gives it another role.
	UpdateMembership(ctx context.Context, id string, role Role, now time.Time) (*Membership, error)
	// DeleteMembership is CodeConflict while the user has living keys that no
	// other membership allows.
	DeleteMembership(ctx context.Context, id string, now time.Time) error
}

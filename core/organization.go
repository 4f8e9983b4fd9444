package core

import (
	"context"
	"net/mail"
	"strings"
	"time"
)

// Organization is the outermost owner of keys; teams divide it.
type Organization struct {
	ID   string `json:"id"`
	Name string `json:"name"` // no two living organizations have the same
	Ceiling
	CreatedAt time.Time  `json:"created_at"`
	UpdatedAt time.Time  `json:"updated_at"`
	DeletedAt *time.Time `json:"deleted_at,omitempty"`
}

// Team is a part of one organization, for good: what a team spent stays its
// organization's.
type Team struct {
	ID             string `json:"id"`
	OrganizationID string `json:"organization_id"`
	Name           string `json:"name"` // no two living teams of an organization have the same
	// MemberKeys lets its members make keys of their own in it. Without it those
	// who manage the team hand them out.
	MemberKeys bool `json:"member_keys"`
	Ceiling
	CreatedAt time.Time  `json:"created_at"`
	UpdatedAt time.Time  `json:"updated_at"`
	DeletedAt *time.Time `json:"deleted_at,omitempty"`
}

// User is a person. Memberships say where.
type User struct {
	ID    string `json:"id"`
	Name  string `json:"name"`           // may be another's as well
	Email string `json:"email"`          // as [CheckEmail] returns it; no two living users have the same
	Role  Role   `json:"role,omitempty"` // over the whole installation, see [User.CheckRole]
	Ceiling
	CreatedAt time.Time  `json:"created_at"`
	UpdatedAt time.Time  `json:"updated_at"`
	DeletedAt *time.Time `json:"deleted_at,omitempty"`
}

// CheckName refuses names that nobody can read, empty ones and those of more than
// 200 bytes, and what somebody has pasted into the wrong place. The error is CodeInvalidRequest at "name".
func CheckName(name string) error {
	if strings.TrimSpace(name) == "" {
		return Invalid("name", "must not be empty")
	}
	if len(name) > 200 {
		return Invalid("name", "must not be longer than 200 bytes")
	}
	if LooksSecret(name) {
		return Invalid("name", "looks like a key or token, and names are shown to many: give it another")
	}
	return nil
}

// CheckEmail returns an address in lower case, so that one person is not two
// users. The error is CodeInvalidRequest at "email".
func CheckEmail(email string) (string, error) {
	a, err := mail.ParseAddress(email)
	if err != nil || a.Address != email || len(email) > 254 {
		return "", Invalid("email", "must be an address such as %q", "ada@example.com")
	}
	return strings.ToLower(email), nil
}

// The stores of owners share these rules. All methods are safe for concurrent
// use. What is missing is *Error with CodeNotFound, what is named by a new or
// changed object and is missing or deleted is CodeInvalidRequest at that
// member, and a name or address that a living one has is CodeConflict.
// An owner that is created with a ceiling of which nothing was said gets
// [Ceiling.Default]. Deleting sets DeletedAt; the deleted are found by id only and change no more.
// Lists hold the living, newest first; next is "" on the last page.

// Page is the part of a list that is asked for.
type Page struct {
	Cursor string // id after which to go on; "" starts at the newest
	Limit  int    // 1..1000
}

// OrganizationFilter narrows ListOrganizations; nil fields do not filter.
type OrganizationFilter struct {
	Name  *string
	Reach *Reach // nil: everything; by the organizations of it alone
	Page
}

// OrganizationUpdate changes the fields that are not nil.
type OrganizationUpdate struct {
	Name *string
	CeilingUpdate
}

// OrganizationStore keeps organizations.
type OrganizationStore interface {
	CreateOrganization(ctx context.Context, o *Organization) error
	FindOrganizationByID(ctx context.Context, id string) (*Organization, error)
	ListOrganizations(ctx context.Context, f OrganizationFilter) (list []*Organization, next string, err error)
	UpdateOrganization(ctx context.Context, id string, u OrganizationUpdate, now time.Time) (*Organization, error)
	// DeleteOrganization is CodeConflict, with what is in the way, while it has
	// living teams or keys. Its memberships end with it.
	DeleteOrganization(ctx context.Context, id string, now time.Time) error
}

// TeamFilter narrows ListTeams; nil fields do not filter.
type TeamFilter struct {
	OrganizationID *string
	Name           *string
	Reach          *Reach // nil: everything
	Page
}

// TeamUpdate changes the fields that are not nil.
type TeamUpdate struct {
	Name       *string
	MemberKeys *bool
	CeilingUpdate
}

// TeamStore keeps teams.
type TeamStore interface {
	CreateTeam(ctx context.Context, t *Team) error
	FindTeamByID(ctx context.Context, id string) (*Team, error)
	ListTeams(ctx context.Context, f TeamFilter) (list []*Team, next string, err error)
	UpdateTeam(ctx context.Context, id string, u TeamUpdate, now time.Time) (*Team, error)
	// DeleteTeam is CodeConflict, with what is in the way, while it has living
	// keys. Its memberships end with it, which DeleteMembership must allow.
	DeleteTeam(ctx context.Context, id string, now time.Time) error
}

// UserFilter narrows ListUsers; nil fields do not filter. With OrganizationID
// or TeamID it is those who have a membership there, in both if both are given.
type UserFilter struct {
	OrganizationID *string
	TeamID         *string
	Name           *string
	Email          *string
	Reach          *Reach // nil: everything; by the memberships, and the user
	Page
}

// UserUpdate changes the fields that are not nil.
type UserUpdate struct {
	Name, Email *string
	CeilingUpdate
	Role *Role
}

// UserStore keeps users.
type UserStore interface {
	CreateUser(ctx context.Context, u *User) error
	FindUserByID(ctx context.Context, id string) (*User, error)
	ListUsers(ctx context.Context, f UserFilter) (list []*User, next string, err error)
	UpdateUser(ctx context.Context, id string, u UserUpdate, now time.Time) (*User, error)
	// DeleteUser is CodeConflict, with what is in the way, while the user has
	// living keys: they would go on spending. The user's memberships end.
	DeleteUser(ctx context.Context, id string, now time.Time) error
}

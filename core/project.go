package core

import (
	"context"
	"time"
)

// Project is a named group of keys in a team, for good, with a ceiling of its own.
type Project struct {
	ID             string `json:"id"`
	OrganizationID string `json:"organization_id"` // the team's
	TeamID         string `json:"team_id"`
	Name           string `json:"name"` // no two living projects of a team have the same
	Ceiling
	Tags      []string   `json:"tags"` // of its keys' ledger entries, beside the keys' own
	CreatedAt time.Time  `json:"created_at"`
	UpdatedAt time.Time  `json:"updated_at"`
	DeletedAt *time.Time `json:"deleted_at,omitempty"`
}

// ProjectFilter narrows ListProjects; nil fields do not filter.
type ProjectFilter struct {
	OrganizationID *string
	TeamID         *string
	Name           *string
	Reach          *Reach // nil: everything
	Page
}

// ProjectUpdate changes the fields that are not nil.
type ProjectUpdate struct {
	Name *string
	Tags *[]string
	CeilingUpdate
}

// ProjectStore keeps projects, by the rules of the stores of owners.
type ProjectStore interface {
	// CreateProject gives p the organization of its team.
	CreateProject(ctx context.Context, p *Project) error
	FindProjectByID(ctx context.Context, id string) (*Project, error)
	ListProjects(ctx context.Context, f ProjectFilter) (list []*Project, next string, err error)
	UpdateProject(ctx context.Context, id string, u ProjectUpdate, now time.Time) (*Project, error)
	// DeleteProject is CodeConflict, with what is in the way, while it has living keys.
	DeleteProject(ctx context.Context, id string, now time.Time) error
}

// KeyKind says whose a key is. It follows from its owners.
type KeyKind string

// The kinds of keys.
const (
	KindUser           KeyKind = "user"            // a person's
	KindServiceAccount KeyKind = "service_account" // a team's own: it stays when people go
	KindOrganization   KeyKind = "organization"    // an organization's, of none of its teams
	KindInstallation   KeyKind = "installation"    // nobody's
)

// Kind is whose the key is.
func (k *VirtualKey) Kind() KeyKind {
	switch {
	case k.UserID != "":
		return KindUser
	case k.TeamID != "":
		return KindServiceAccount
	case k.OrganizationID != "":
		return KindOrganization
	}
	return KindInstallation
}

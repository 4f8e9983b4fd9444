package core

import (
	"cmp"
	"context"
	"time"
)

// PrefixResponse begins the id of a response that a client is told.
const PrefixResponse = "resp_"

// StoredResponse is an answer of the Responses API that its owner can ask for
// again, and go on from.
type StoredResponse struct {
	ID         string
	Owner      string // see [Principal.ResponseOwner]
	PreviousID string // the response that it goes on from; "" for none
	CreatedAt  time.Time
	Items      []string // ids of the items in its output
	// Body is what was asked and answered: sealed, or as it is where the gateway has
	// no encryption key.
	Body   string
	Sealed bool
}

// ResponseStore keeps responses. To whoever is not its owner a response does not
// exist: the error is CodeNotFound for both.
type ResponseStore interface {
	// SaveResponse stores a new one, with its items.
	SaveResponse(ctx context.Context, r *StoredResponse) error
	// ListResponseChain reads a response and those that it goes on from, newest
	// first, as far as they are there, at most limit, and none behind the one with
	// which their bodies come to more than size bytes.
	ListResponseChain(ctx context.Context, owner, id string, limit, size int) ([]*StoredResponse, error)
	// FindResponseOf finds the response that has the item.
	FindResponseOf(ctx context.Context, owner, item string) (*StoredResponse, error)
	// DeleteResponse deletes one and its items.
	DeleteResponse(ctx context.Context, owner, id string) error
	// DeleteOldResponses deletes at most limit of those from before a time, oldest
	// first, and returns how many.
	DeleteOldResponses(ctx context.Context, before time.Time, limit int) (int, error)
}

// ResponseOwner is whose the responses are that p makes: the user's whose key it
// is, else the project's, the team's, the organization's, else the key's own; the
// key's team and organization count too, so that what was said in one is not read
// with another's guardrails and vendors. A temporary key's are those of the key that
// made it.
func (p *Principal) ResponseOwner() string {
	k := p.Key
	if p.Parent != nil {
		k = p.Parent
	}
	owner := cmp.Or(p.User.ID, p.Project.ID, p.Team.ID, p.Organization.ID, k.ID)
	for _, place := range [...]string{p.Team.ID, p.Organization.ID} {
		if place != "" && place != owner {
			owner += "@" + place
		}
	}
	return owner
}

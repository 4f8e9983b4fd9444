package core

import (
	"context"
	"time"
)

// Claim is the use of an idempotency key: requests of one caller with one key are
// one request. It is stored before anything is done, so that a crash in between
// leaves a trace, and what a second attempt makes has the same id as the first one's.
type Claim struct {
	ID     string    // follows from the caller and the key, and tells neither
	Object string    // the id, without its prefix, of what the request makes
	Sealed string    // the request, and with it the answer once it is Done
	Done   bool      // false: it is under way, or was given up half-way
	At     time.Time // when it was stored
}

// ClaimStore keeps claims for as long as they are wanted.
type ClaimStore interface {
	// Claim stores c and returns nil, unless one with its id was stored at since or
	// later: then it returns that one. All that are older go.
	Claim(ctx context.Context, c *Claim, since time.Time) (*Claim, error)
	// FinishClaim makes it Done, with what is sealed now. CodeNotFound when it has gone.
	FinishClaim(ctx context.Context, id, sealed string) error
	// DropClaim forgets it; one that is not there is no error.
	DropClaim(ctx context.Context, id string) error
}

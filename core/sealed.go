package core

import "context"

// SealedAt is the place of a sealed secret: the kind of object that it belongs
// to ("credential") and that object's id. A sealed text opens at its own place
// only, so whoever can write to the database cannot give one object's secret to
// another.
type SealedAt struct{ Kind, ID string }

// Sealer makes secrets unreadable for storing, and readable again for use. Safe
// for concurrent use.
type Sealer interface {
	// Seal returns a text that only Open can read, at the same place. Sealing the
	// same secret twice gives two texts. It fails with conflict when the gateway
	// has no encryption key.
	Seal(at SealedAt, secret []byte) (string, error)
	// Open returns the secret of a sealed text. An error says what the operator
	// can do about it and holds no part of the secret or of the text.
	Open(at SealedAt, sealed string) ([]byte, error)
}

// SealedValue is one sealed text in the store.
type SealedValue struct {
	At     SealedAt
	Sealed string
}

// SealedChange replaces one sealed text by another of the same secret.
type SealedChange struct {
	At       SealedAt
	Old, New string
}

// SealedStore walks all sealed texts, whatever table they stand in, so that they
// can be sealed anew with another key.
type SealedStore interface {
	// ListSealed reads a page of them in an order that stays, also those of
	// deleted objects. A page's cursor is that of [Page]; a page may be shorter
	// than asked for and not the last.
	ListSealed(ctx context.Context, p Page) ([]SealedValue, string, error)
	// ReplaceSealed makes the changes in one transaction and returns how many: one
	// whose old text is not there any more is left out, since whoever wrote the
	// other one knew better. It changes nothing else of the object.
	ReplaceSealed(ctx context.Context, changes []SealedChange) (int, error)
}

package core

import "time"

// TokenGrant is what a token of another issuer stands for here: a key, which
// says what it may do and pays, and what the token says beside that.
type TokenGrant struct {
	KeyID string
	// Email is of the user for whom it speaks; "" is nobody, and so nobody's but the key's.
	Email string
	// Models narrow those of the key; nil does not.
	Models    []string
	EndUser   string // "" leaves it to the key's policy
	ExpiresAt time.Time
}

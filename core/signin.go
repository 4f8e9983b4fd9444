package core

import (
	"context"
	"time"
)

// Session is a person who is signed in with a browser. What the browser
// presents is a secret that only its hash is kept of; the id is its name.
type Session struct {
	ID     string `json:"id"` // ses_…
	UserID string `json:"user_id"`
	// SeenAt is of the last use, to a minute; a session that is not used for long ends.
	CreatedAt time.Time `json:"created_at"`
	SeenAt    time.Time `json:"last_seen_at"`
	ExpiresAt time.Time `json:"expires_at"` // at the latest, however much it is used
	// RemoteAddress and UserAgent are of the sign-in.
	RemoteAddress string `json:"remote_address,omitempty"`
	UserAgent     string `json:"user_agent,omitempty"`
}

// SessionFilter narrows ListSessions; nil fields do not filter. The sessions
// that have ended are left out: those that expire at Now or before, and those
// last seen at SeenAfter or before.
type SessionFilter struct {
	UserID    *string
	Now       time.Time
	SeenAfter time.Time
	Page
}

// TicketUse is what a ticket is good for.
type TicketUse string

// The uses of tickets.
const (
	TicketSignUp TicketUse = "sign_up" // makes the owner of a new installation, or one more owner
	TicketReset  TicketUse = "reset"   // sets the password of its user
)

// Ticket is a secret that opens one door once, until it expires; its hash is kept.
type Ticket struct {
	Hash      SecretHash
	Use       TicketUse
	UserID    string // of TicketReset, which ends when the user gets another address
	CreatedAt time.Time
	ExpiresAt time.Time
}

// Identity is a person as an OpenID provider names them, and the user they are here.
type Identity struct {
	Issuer, Subject string
	UserID          string
	CreatedAt       time.Time
}

// Grant is a role that an OpenID provider's groups give: in a team, in an
// organization, or with neither in the whole installation.
type Grant struct {
	OrganizationID, TeamID string
	Role                   Role
}

// SignInStore keeps how people sign in. All methods are safe for concurrent
// use; what is missing is *Error with CodeNotFound. What ends a session deletes
// it: the audit log is the history.
type SignInStore interface {
	// FindPassword returns the hash of the user's password in PHC string format.
	FindPassword(ctx context.Context, userID string) (hash string, err error)
	// SetPassword stores one and ends the user's sessions and tickets. CodeNotFound
	// when there is no such living user.
	SetPassword(ctx context.Context, userID, hash string, now time.Time) error
	// Rehash replaces a hash by another of the same password.
	Rehash(ctx context.Context, userID, from, to string) error

	// CreateSession stores a session, and forgets the user's sessions that have expired.
	CreateSession(ctx context.Context, s *Session, secret SecretHash) error
	// FindSession returns the session of the secret and its user, however long
	// it was not used. It is CodeNotFound when the user is deleted.
	FindSession(ctx context.Context, secret SecretHash) (*Session, *User, error)
	FindSessionByID(ctx context.Context, id string) (*Session, error)
	TouchSession(ctx context.Context, id string, seen time.Time) error
	ListSessions(ctx context.Context, f SessionFilter) (list []*Session, next string, err error)
	EndSession(ctx context.Context, id string) error
	// EndSessions ends all of the user's; it is no error when there is none.
	EndSessions(ctx context.Context, userID string) error

	// CreateTicket ends the earlier tickets of the same use and user.
	CreateTicket(ctx context.Context, t *Ticket) error
	// FindTicket is CodeNotFound also when the ticket has expired or is for something else.
	FindTicket(ctx context.Context, secret SecretHash, use TicketUse, now time.Time) (*Ticket, error)
	// UseTicket uses a TicketReset up and does what SetPassword does.
	UseTicket(ctx context.Context, secret SecretHash, hash string, now time.Time) error
	// SignUp uses a TicketSignUp up and makes u an owner with the password. Where
	// the address is a living user's, that user becomes it, and u gets their id.
	SignUp(ctx context.Context, secret SecretHash, u *User, hash string, now time.Time) error

	FindIdentity(ctx context.Context, issuer, subject string) (*Identity, error)
	// LinkIdentity stores it, in place of one of the same issuer and subject. The
	// password, sessions and links of a user whom an invitation made end: whoever made
	// the invitation saw its link, too, and may have followed it before the address's owner.
	LinkIdentity(ctx context.Context, i *Identity) error
	// ApplyGrants makes the user's roles those of grants, where the issuer may:
	// where the user has no role, or the one that the issuer gave there before. A
	// role that somebody gave or changed by hand stays. It tells whether something
	// changed. A role cannot go while keys depend on it: then it is lowered to
	// RoleViewer. Places that do not exist are CodeInvalidRequest.
	ApplyGrants(ctx context.Context, userID, issuer string, grants []Grant, now time.Time) (changed bool, err error)
}

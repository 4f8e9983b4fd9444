package core

import (
	"context"
	"encoding/json"
	"time"
)

// AuditRecord is one immutable line of the audit log: who changed what, or
// tried to. It holds no secret, hash or credential.
type AuditRecord struct {
	ID      string       `json:"id"` // aud_…
	At      time.Time    `json:"at"`
	Action  string       `json:"action"` // noun and verb: "key.create"
	Actor   AuditActor   `json:"actor"`
	Object  AuditObject  `json:"object"`
	Outcome AuditOutcome `json:"outcome"`
	// ErrorCode says why, unless the outcome is ok.
	ErrorCode Code `json:"error_code,omitempty"`
	// Before and After are the object as JSON; null where there was none, where
	// the action changes no object, and of refused attempts.
	Before json.RawMessage `json:"before"`
	After  json.RawMessage `json:"after"`
	// RemoteAddress is where the request came from, see [ClientAddress].
	RemoteAddress string `json:"remote_address,omitempty"`
	UserAgent     string `json:"user_agent,omitempty"`
	// Repeats is how many refusals of the same action by the same actor have no
	// record of their own and are told by this one.
	Repeats int64 `json:"repeats,omitempty"`
}

// AuditActor is who acted, with the name of that time.
type AuditActor struct {
	Kind string `json:"kind"`
	Named
}

// The kinds of actors. The gateway itself has no id.
const (
	ActorKey    = "key"
	ActorUser   = "user"
	ActorSystem = "system"
)

// AuditObject is what an action was about, with the name of that time. The id
// is "" where there is one object only, or where none has the id that was given.
type AuditObject struct {
	Kind string `json:"kind"` // "key", "ledger", "model", …
	Named
}

// AuditOutcome is what came of an action.
type AuditOutcome string

// The outcomes of actions.
const (
	AuditOK      AuditOutcome = "ok"
	AuditRefused AuditOutcome = "refused" // no permission, or a conflict; nothing changed
	AuditFailed  AuditOutcome = "failed"  // by a fault of ours; Before and After tell what it left
)

// AuditFilter narrows ListAudit; zero fields do not filter. Times are [From, To).
type AuditFilter struct {
	From, To    time.Time
	Action      string
	ObjectKind  string
	ObjectID    string
	ActorID     string
	Cursor      string
	Limit       int // 1..1000
	OldestFirst bool
}

// AuditStore keeps the audit log. It is append-only: there is no update and no
// delete, and a database that can refuse them does.
type AuditStore interface {
	// AppendAudit stores one record behind all others of its time.
	AppendAudit(ctx context.Context, r *AuditRecord) error
	// ListAudit returns newest first unless told otherwise; next is "" on the last page.
	ListAudit(ctx context.Context, f AuditFilter) (records []*AuditRecord, next string, err error)
}

package core

import (
	"context"
	"time"
)

// Outcome is how an exchange ended.
type Outcome string

// The outcomes.
const (
	OutcomeOK           Outcome = "ok"
	OutcomeBlocked      Outcome = "blocked"       // by a guardrail
	OutcomeFailed       Outcome = "failed"        // an error to the client, before or within the answer
	OutcomeClientClosed Outcome = "client_closed" // the client left
	OutcomeInterrupted  Outcome = "interrupted"   // the gateway died; at the reserved estimate
	OutcomeCorrection   Outcome = "correction"    // amends an earlier entry, see LedgerEntry.Corrects
)

// LedgerEntry is one immutable line: one client request and what it came to.
// Names are kept beside ids, so that deleting a key, team or user changes no history.
type LedgerEntry struct {
	ID         string    `json:"id"`          // ent_…; [EntryID] of the exchange, or a new one for a correction
	ExchangeID string    `json:"exchange_id"` // unique among entries that are not corrections
	At         time.Time `json:"at"`          // when the exchange began
	EndedAt    time.Time `json:"ended_at"`

	Key          Named  `json:"key"`
	Organization Named  `json:"organization"`
	Team         Named  `json:"team"`
	Project      Named  `json:"project"`
	User         Named  `json:"user"`
	ParentKeyID  string `json:"parent_key_id,omitempty"` // of a temporary key: whose budgets it spends from, too
	// EndUser is the client's own word for its user; it never selects a payer.
	EndUser string   `json:"end_user,omitempty"`
	Tags    []string `json:"tags,omitempty"`

	Endpoint       string `json:"endpoint"` // "chat", "messages", …
	Stream         bool   `json:"stream"`
	RequestedModel string `json:"requested_model"`
	DeployedModel  string `json:"deployed_model,omitempty"`
	ServedModel    string `json:"served_model,omitempty"`
	Provider       string `json:"provider,omitempty"`
	Deployment     string `json:"deployment,omitempty"`

	Usage    Usage  `json:"usage"`
	PriceID  string `json:"price_id,omitempty"`
	Amount   Nano   `json:"amount"`
	Unpriced bool   `json:"unpriced,omitempty"` // used a model without a price: Amount is not the truth

	Outcome   Outcome   `json:"outcome"`
	Status    int       `json:"status"`               // HTTP status that the client got; 499 when it left
	ErrorCode Code      `json:"error_code,omitempty"` // of the failure
	Attempts  []Attempt `json:"attempts,omitempty"`
	Reason    string    `json:"reason,omitempty"`   // why the route took this order
	Findings  []string  `json:"findings,omitempty"` // names of guardrail findings
	CacheHit  bool      `json:"cache_hit,omitempty"`
	Corrects  string    `json:"corrects,omitempty"` // entry id

	Latency   time.Duration `json:"latency_ns"`
	FirstByte time.Duration `json:"first_byte_ns,omitempty"` // time to first token of a stream
}

// Attempt is one try against one deployment.
type Attempt struct {
	Deployment string        `json:"deployment"`
	Status     int           `json:"status,omitempty"` // the vendor's; 0 when it never answered
	Error      Code          `json:"error,omitempty"`
	Latency    time.Duration `json:"latency_ns"`
	// What a vendor bills for an attempt that another one followed: the tokens are
	// in no entry's usage, the amount is part of the entry's.
	InputTokens  int64 `json:"input_tokens,omitempty"`
	OutputTokens int64 `json:"output_tokens,omitempty"`
	Amount       Nano  `json:"amount,omitempty"`
}

// OpenExchange is on record from before the vendor is called until the entry
// is written. After a crash it becomes an interrupted entry at Reserved.
type OpenExchange struct {
	ExchangeID     string    `json:"exchange_id"`
	NodeID         string    `json:"node_id"` // who holds the lease
	At             time.Time `json:"at"`
	Key            Named     `json:"key"`
	Organization   Named     `json:"organization"`
	Team           Named     `json:"team"`
	Project        Named     `json:"project"`
	User           Named     `json:"user"`
	ParentKeyID    string    `json:"parent_key_id"`
	EndUser        string    `json:"end_user"`
	Tags           []string  `json:"tags"`
	Endpoint       string    `json:"endpoint"`
	Stream         bool      `json:"stream"`
	RequestedModel string    `json:"requested_model"`
	DeployedModel  string    `json:"deployed_model"`
	Provider       string    `json:"provider"`
	Deployment     string    `json:"deployment"`
	PriceID        string    `json:"price_id"`
	Usage          Usage     `json:"usage"` // the worst case that was reserved
	Reserved       Nano      `json:"reserved"`
	Unpriced       bool      `json:"unpriced"`
}

// LedgerBatch is what one transaction of the ledger's writer contains.
type LedgerBatch struct {
	Open    []*OpenExchange
	Entries []*LedgerEntry
}

// BatchResult tells which entries of a batch could not be stored though the
// database is well: bad values, put aside with their error. Index refers to
// the batch's slice. Known are the entries whose exchange was in the ledger already.
type BatchResult struct {
	BadEntries map[int]error
	Known      map[int]bool
}

// EntryFilter narrows ledger reads; zero fields do not filter. Times are [From, To).
type EntryFilter struct {
	From, To       time.Time
	ID             string // of the entry
	OrganizationID string
	TeamID         string
	ProjectID      string
	UserID         string
	KeyID          string
	Model          string // requested
	Deployment     string
	Outcome        Outcome
	ExchangeID     string
	Reach          *Reach // nil: everything
	Cursor         string
	Limit          int // 1..10000
	OldestFirst    bool
}

// Rollup is the sums of one hour and one combination of dimensions.
type Rollup struct {
	Hour           time.Time `json:"hour"`
	OrganizationID string    `json:"organization_id,omitempty"`
	TeamID         string    `json:"team_id,omitempty"`
	ProjectID      string    `json:"project_id,omitempty"`
	UserID         string    `json:"user_id,omitempty"`
	KeyID          string    `json:"key_id,omitempty"`
	Model          string    `json:"model"` // requested
	Provider       string    `json:"provider,omitempty"`
	Deployment     string    `json:"deployment,omitempty"`
	Outcome        Outcome   `json:"outcome"`
	Requests       int64     `json:"requests"`
	InputTokens    int64     `json:"input_tokens"`
	OutputTokens   int64     `json:"output_tokens"`
	Amount         Nano      `json:"amount"`
	Unpriced       int64     `json:"unpriced"`
}

// LedgerDifference is a place where what is derived disagrees with the entries.
type LedgerDifference struct {
	Where string `json:"where"` // "rollup 2026-11-25T10:00Z key_… gpt", "amount ent_…"
	Want  string `json:"want"`
	Have  string `json:"have"`
}

// LedgerStore keeps the ledger. Entries are append-only: there is no update.
//
// WriteBatch is called by one goroutine of the ledger; the rest may be called
// from any.
type LedgerStore interface {
	// WriteBatch stores the batch in one transaction together with the rollups:
	// open exchanges are added, entries are added, rollups go up, and the open
	// record of each entry's exchange goes away. An entry whose exchange is
	// already in the ledger changes nothing and is no error. The error is for
	// the whole batch (locked, disk full): nothing was stored then. An open
	// exchange that is on record already is replaced. An empty batch stores
	// nothing but proves that the database can be written.
	//
	// Text that a database cannot hold is cleaned (NUL and invalid UTF-8) or cut
	// (longer than a name may be) rather than refused; money is never changed.
	WriteBatch(ctx context.Context, b *LedgerBatch) (BatchResult, error)
	// ListOpen returns open exchanges of nodes other than exceptNode, oldest
	// first; "" excepts none.
	ListOpen(ctx context.Context, exceptNode string) ([]*OpenExchange, error)
	ListEntries(ctx context.Context, f EntryFilter) (entries []*LedgerEntry, next string, err error)
	// SumAmounts, of a key with what its temporary keys spent, adds up the amounts of the subject's entries with At in
	// [from, to), corrections included; zero times do not bound.
	SumAmounts(ctx context.Context, scope Scope, subject string, from, to time.Time) (Nano, error)
	// SumUsage sums rollups by one dimension, in the order of the groups; next is ""
	// on the last page.
	SumUsage(ctx context.Context, f UsageFilter) (rows []UsageSum, next string, err error)
	// ListRollups reads the sums of [from, to).
	ListRollups(ctx context.Context, from, to time.Time) ([]Rollup, error)
	// Verify compares everything derived with the entries; empty means equal.
	Verify(ctx context.Context) ([]LedgerDifference, error)
	// Rebuild makes the rollups anew from the entries, in one transaction.
	Rebuild(ctx context.Context) error
}

// Store is all that a database offers the gateway.
type Store interface {
	KeyStore
	OrganizationStore
	TeamStore
	ProjectStore
	UserStore
	MembershipStore
	ModelGroupStore
	BudgetStore
	LedgerStore
	AuditStore
	ClaimStore
	ResponseStore
	// Alone runs f while no other Alone of the same database runs, on whatever node,
	// and returns f's error: what f reads stays as it is until f returns, as far as
	// nobody changes it outside. Everything else of the store works meanwhile. It
	// waits until ctx ends, and must not be called from within f.
	Alone(ctx context.Context, f func() error) error
	SealedStore
	NoticeStore
	EventStore
	WebhookStore
	DeliveryStore
	RevisionStore
	SignInStore
	InviteStore
	// Ping reports whether the database answers (for /readyz).
	Ping(ctx context.Context) error
	Close() error
}

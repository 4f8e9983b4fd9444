package core

import (
	"context"
	"net/netip"
	"slices"
	"time"
)

// VirtualKey is what a client presents. Its secret is shown once and stored
// only as a SHA-256 hash (see KeySecret).
type VirtualKey struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Prefix   string `json:"prefix"`    // the secret's visible beginning: "sk-tok-ab12"
	LastFour string `json:"last_four"` // and its end
	Role     Role   `json:"role,omitempty"`

	OrganizationID string `json:"organization_id,omitempty"`
	TeamID         string `json:"team_id,omitempty"`
	ProjectID      string `json:"project_id,omitempty"` // of the team
	UserID         string `json:"user_id,omitempty"`

	// AllModels lifts the restriction of Models. Without it an empty Models
	// allows nothing: an empty list never means everything.
	AllModels bool     `json:"all_models"`
	Models    []string `json:"models"`

	// IPRanges are where it may be used from, Endpoints what for (words of
	// abi.Endpoint). Nil restricts nothing; an empty list allows nothing. (The tag
	// api:"null" tells the admin API's description that null may stand there.)
	IPRanges  []netip.Prefix `json:"ip_ranges" api:"null"`
	Endpoints []string       `json:"endpoints" api:"null"`

	Limits Limits `json:"limits"`
	// Guardrails, by their names, guard what the key does beside those of the route.
	Guardrails []string `json:"guardrails,omitempty"`
	// MayMint lets it make temporary keys; nil does not. ParentID is the key that
	// made this one, which is temporary then.
	MayMint  *MintPolicy `json:"may_mint"`
	ParentID string      `json:"parent_id,omitempty"`
	// RotateEvery asks for a new secret that long after RotatedAt, and RotationGrace
	// later the old one ends; 0 asks for none. RotatedAt is when the newest was made, or the schedule set.
	RotateEvery   Span      `json:"rotate_every,omitempty"`
	RotationGrace Span      `json:"rotation_grace,omitempty"`
	RotatedAt     time.Time `json:"rotated_at"`
	// EndUser and Metadata say what its clients may tell; nil is no policy.
	EndUser   *EndUserPolicy  `json:"end_user"`
	Metadata  *MetadataPolicy `json:"metadata"`
	Tags      []string        `json:"tags,omitempty"`
	Blocked   bool            `json:"blocked"`
	ExpiresAt *time.Time      `json:"expires_at"`
	CreatedAt time.Time       `json:"created_at"`
	UpdatedAt time.Time       `json:"updated_at"`
	LastUsed  *time.Time      `json:"last_used_at,omitempty"`
	DeletedAt *time.Time      `json:"deleted_at,omitempty"`
}

// Limits are rates that hold over a sliding minute; 0 means no such limit.
type Limits struct {
	RPM      int64 `json:"rpm,omitempty" toml:"rpm"`           // requests a minute
	TPM      int64 `json:"tpm,omitempty" toml:"tpm"`           // input + output tokens a minute
	Parallel int64 `json:"parallel,omitempty" toml:"parallel"` // exchanges at the same time
}

// CheckLimits refuses negative limits. The error is CodeInvalidRequest at the member.
func CheckLimits(l Limits) error {
	for _, of := range []struct {
		member string
		n      int64
	}{{"limits.rpm", l.RPM}, {"limits.tpm", l.TPM}, {"limits.parallel", l.Parallel}} {
		if of.n < 0 {
			return Invalid(of.member, "must not be negative")
		}
	}
	return nil
}

// AllowsAddress reports whether the key may be used from the address.
func (k *VirtualKey) AllowsAddress(a netip.Addr) bool {
	return k.IPRanges == nil || InRanges(k.IPRanges, a)
}

// AllowsEndpoint reports whether the key may call the endpoint.
func (k *VirtualKey) AllowsEndpoint(endpoint string) bool {
	return k.Endpoints == nil || slices.Contains(k.Endpoints, endpoint)
}

// SecretHash is the SHA-256 of a virtual key's secret.
type SecretHash [32]byte

// KeySecret is one secret of a key. A key has one without an end, and after a
// rotation with grace also its predecessor until ExpiresAt.
type KeySecret struct {
	Hash      SecretHash
	KeyID     string
	ExpiresAt *time.Time
}

// Principal is who makes a request: the key as it stood when the request came,
// with the names that the ledger keeps. It is immutable and passed as an argument.
type Principal struct {
	Key          *VirtualKey
	Organization Named
	Team         Named
	Project      Named
	User         Named
	Tags         []string    // the key's and its project's
	Guardrails   []string    // the key's and its owners', sorted; nil for none
	Parent       *VirtualKey // of a temporary key
	Levels       []Level     // the owners' ceilings that restrict something, narrowest first
	Budgets      []*Budget   // every budget that applies, narrowest first
	// Groups are the aliases of the groups that Key and Levels name, by the entry
	// that names them ("group:cheap"); those that do not exist are missing.
	Groups map[string][]string
	// AnyOwner lets it call what others own: a test by somebody who may change it.
	AnyOwner bool
}

// Named is an id with the name it had at the time.
type Named struct {
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
}

// KeyFilter narrows ListKeys; nil fields do not filter.
type KeyFilter struct {
	Name           *string
	OrganizationID *string
	TeamID         *string
	UserID         *string
	ProjectID      *string
	Kind           *KeyKind
	ParentID       *string
	Reach          *Reach // nil: everything
	Role           *Role
	Blocked        *bool
	Cursor         string // id after which to go on; "" starts at the newest
	Limit          int    // 1..1000
}

// KeyUpdate changes the fields that are not nil. Expires is a pointer to a
// pointer so that an expiry can be removed; "" takes an owner away. A key that
// gets a team and no organization moves into the team's.
type KeyUpdate struct {
	OrganizationID, TeamID, ProjectID, UserID *string

	Name      *string
	AllModels *bool
	Models    *[]string
	IPRanges  *[]netip.Prefix // to nil: from everywhere
	Endpoints *[]string       // to nil: all
	Limits    *Limits
	Tags      *[]string

	Guardrails *[]string
	EndUser    **EndUserPolicy
	Metadata   **MetadataPolicy
	MayMint    **MintPolicy

	RotateEvery, RotationGrace *Span

	Blocked   *bool
	ExpiresAt **time.Time
}

// KeyStore keeps virtual keys. All methods are safe for concurrent use; a
// missing key is *Error with CodeNotFound. Deleted keys stay for history: only
// FindKeyByID sees them.
type KeyStore interface {
	// CreateKey stores a key with its first secret, and its budget if not nil,
	// in one transaction. CodeConflict when the hash or id exists. Owners must
	// exist and agree, else CodeInvalidRequest at the member: the organization is
	// the team's (k gets it when it names none), the project is in the team (which k
	// gets when it names neither team nor organization), and the user has a
	// membership in the team or the organization. A key with a parent gets the
	// parent's owners; it is CodePermissionDenied when the parent may make none, and
	// CodeConflict when it may make no more now. Those that have ended are deleted first.
	CreateKey(ctx context.Context, k *VirtualKey, secret SecretHash, b *Budget) error
	// FindKeyByHash returns the key that owns the secret, and the secret, which
	// may have ended: the caller compares times. Deleted keys are not found.
	FindKeyByHash(ctx context.Context, hash SecretHash) (*VirtualKey, *KeySecret, error)
	FindKeyByID(ctx context.Context, id string) (*VirtualKey, error)
	// ListKeys returns newest first; next is "" on the last page.
	ListKeys(ctx context.Context, f KeyFilter) (keys []*VirtualKey, next string, err error)
	// UpdateKey holds what it changes of the owners to the rules of CreateKey.
	UpdateKey(ctx context.Context, id string, u KeyUpdate, now time.Time) (*VirtualKey, error)
	// FindOwners returns the key's owners as they are now. One that the key names
	// and that does not exist is nil.
	FindOwners(ctx context.Context, k *VirtualKey) (*Owners, error)
	// RotateKey adds a secret and lets all earlier ones end at graceUntil (at
	// once when it is not after now).
	RotateKey(ctx context.Context, id string, secret SecretHash, prefix, lastFour string, graceUntil, now time.Time) error
	DeleteKey(ctx context.Context, id string, now time.Time) error
	// CountKeys counts keys that are not deleted.
	CountKeys(ctx context.Context) (int, error)
}

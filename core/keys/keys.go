// Package keys mints virtual keys and tells who presents one. A secret is shown
// once and kept as its SHA-256 hash.
package keys

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unsafe"

	"github.com/tokligence/gateway/core"
)

// SecretPrefix begins every secret that Create and Rotate make.
const SecretPrefix = "sk-tok-"

// minSecret is the shortest secret that may be brought along, in bytes.
const minSecret = 20

// Service is safe for concurrent use. Every change made through it is seen by
// the next Authenticate; changes made elsewhere after Forget, and within FreshFor
// at the latest.
type Service struct {
	store   Store
	budgets core.BudgetStore
	now     func() time.Time
	// FileGroup finds a model group of the configuration; nil when it has none. It
	// goes before the store's. After a change of it Forget is to be called.
	FileGroup func(name string) (models []string, ok bool)
	// Tokens are those of other issuers that stand for keys; nil: none do.
	Tokens Tokens
	cache  cache
}

// Store is what the service looks things up in, and keeps keys in.
type Store interface {
	core.KeyStore
	FindModelGroups(ctx context.Context, names []string) (map[string][]string, error)
	ListUsers(ctx context.Context, f core.UserFilter) ([]*core.User, string, error)
	ListMemberships(ctx context.Context, f core.MembershipFilter) ([]*core.Membership, string, error)
}

// New makes a service over the stores; now dates what it changes.
func New(store Store, budgets core.BudgetStore, now func() time.Time) *Service {
	s := &Service{store: store, budgets: budgets, now: now}
	s.cache.init()
	return s
}

// Spec says what key to create. Without AllModels, empty Models allow nothing.
type Spec struct {
	ID                             string // "" makes one
	Name                           string
	Role                           core.Role
	OrganizationID, TeamID, UserID string
	ProjectID                      string
	AllModels                      bool
	Models                         []string
	IPRanges                       []netip.Prefix // nil: from everywhere
	Endpoints                      []string       // nil: all; see [abi.Endpoint]
	Limits                         core.Limits
	Tags                           []string
	Guardrails                     []string
	EndUser                        *core.EndUserPolicy
	Metadata                       *core.MetadataPolicy
	MayMint                        *core.MintPolicy
	ParentID                       string // the key that makes it; see Mint
	RotateEvery, RotationGrace     core.Span
	Budget                         *core.Budget // amount, period, timezone and policy; the rest is filled in
	ExpiresAt                      *time.Time
	Secret                         string // brought along: 20 or more visible ASCII characters; "" makes one
}

// Create stores a new key and returns it with its secret, which nobody can
// read again. CodeInvalidRequest names the field at fault; CodeConflict means
// that a key has the secret already.
func (s *Service) Create(ctx context.Context, spec Spec) (*core.VirtualKey, string, error) {
	now := s.now()
	if err := spec.validate(now); err != nil {
		return nil, "", err
	}
	secret := spec.Secret
	if secret == "" {
		secret = newSecret()
	}
	prefix, lastFour := visible(secret)
	k := &core.VirtualKey{
		ID: cmp.Or(spec.ID, core.NewID(core.PrefixKey, now)), Name: spec.Name, Prefix: prefix, LastFour: lastFour, Role: spec.Role,
		OrganizationID: spec.OrganizationID, TeamID: spec.TeamID, ProjectID: spec.ProjectID, UserID: spec.UserID,
		AllModels: spec.AllModels, Models: slices.Clone(spec.Models),
		IPRanges: slices.Clone(spec.IPRanges), Endpoints: slices.Clone(spec.Endpoints), Limits: spec.Limits, Tags: slices.Clone(spec.Tags),
		Guardrails: slices.Clone(spec.Guardrails), EndUser: spec.EndUser, Metadata: spec.Metadata,
		MayMint: spec.MayMint, ParentID: spec.ParentID, RotateEvery: spec.RotateEvery, RotationGrace: spec.RotationGrace, RotatedAt: now,
		ExpiresAt: spec.ExpiresAt, CreatedAt: now, UpdatedAt: now,
	}
	var budget *core.Budget
	if spec.Budget != nil {
		budget = s.budgetFor(core.BudgetSubject{Scope: core.ScopeKey, ID: k.ID}, *spec.Budget, now)
	}
	defer s.cache.forget()
	if err := s.store.CreateKey(ctx, k, hash(secret), budget); err != nil {
		return nil, "", fmt.Errorf("create key %q: %w", spec.Name, err)
	}
	return k, secret, nil
}

func (spec *Spec) validate(now time.Time) error {
	if err := core.CheckName(spec.Name); err != nil {
		return err
	}
	if err := core.CheckModels(spec.Models); err != nil {
		return err
	}
	if err := core.CheckLimits(spec.Limits); err != nil {
		return err
	}
	if err := checkPlaces(spec.IPRanges, spec.Endpoints); err != nil {
		return err
	}
	if err := checkMinting(spec.MayMint, spec.RotateEvery, spec.RotationGrace); err != nil {
		return err
	}
	if err := checkPolicies(spec.EndUser, spec.Metadata); err != nil {
		return err
	}
	if spec.ExpiresAt != nil && !spec.ExpiresAt.After(now) {
		return core.Invalid("expires_at", "is in the past")
	}
	if spec.Budget != nil {
		if err := checkBudget(*spec.Budget); err != nil {
			return err
		}
	}
	if spec.Secret != "" {
		return checkSecret(spec.Secret)
	}
	return nil
}

// given is what an update sets; nil when it sets nothing, or takes it away.
func given[T any](p **T) *T {
	if p == nil {
		return nil
	}
	return *p
}

func orZero(s *core.Span) core.Span {
	if s == nil {
		return 0
	}
	return *s
}

func checkMinting(p *core.MintPolicy, every, grace core.Span) error {
	if p != nil {
		if err := p.Check(); err != nil {
			return err
		}
	}
	return core.CheckRotation(every, grace)
}

func checkPolicies(endUser *core.EndUserPolicy, metadata *core.MetadataPolicy) error {
	if endUser != nil {
		if err := endUser.Check(); err != nil {
			return err
		}
	}
	if metadata != nil {
		return metadata.Check()
	}
	return nil
}

// checkSecret refuses what is easily guessed or cannot stand in a header.
func checkSecret(secret string) error {
	if len(secret) < minSecret {
		return core.Invalid("secret", "must have at least %d characters", minSecret)
	}
	for _, c := range []byte(secret) {
		if c <= ' ' || c > '~' {
			return core.Invalid("secret", "must consist of visible ASCII characters")
		}
	}
	return nil
}

// checkBudget validates a budget whose period may be left out (none).
func checkBudget(b core.Budget) error {
	if b.Period == "" {
		b.Period = core.PeriodNone
	}
	return b.Validate()
}

func (s *Service) budgetFor(of core.BudgetSubject, b core.Budget, now time.Time) *core.Budget {
	b.ID, b.Scope, b.SubjectID, b.CreatedAt = core.NewID(core.PrefixBudget, now), of.Scope, of.ID, now
	if b.Period == "" {
		b.Period = core.PeriodNone
	}
	return &b
}

// Get returns a key, also a deleted one; CodeNotFound when there never was one.
func (s *Service) Get(ctx context.Context, id string) (*core.VirtualKey, error) {
	return s.store.FindKeyByID(ctx, id)
}

// List returns keys, newest first, and the cursor of the next page or "".
func (s *Service) List(ctx context.Context, f core.KeyFilter) ([]*core.VirtualKey, string, error) {
	return s.store.ListKeys(ctx, f)
}

// Count counts keys that are not deleted.
func (s *Service) Count(ctx context.Context) (int, error) { return s.store.CountKeys(ctx) }

// Update changes the fields of u that are not nil.
func (s *Service) Update(ctx context.Context, id string, u core.KeyUpdate) (*core.VirtualKey, error) {
	if u.Name != nil {
		if err := core.CheckName(*u.Name); err != nil {
			return nil, err
		}
	}
	if u.Models != nil {
		if err := core.CheckModels(*u.Models); err != nil {
			return nil, err
		}
	}
	if u.Limits != nil {
		if err := core.CheckLimits(*u.Limits); err != nil {
			return nil, err
		}
	}
	if u.IPRanges != nil {
		if err := checkPlaces(*u.IPRanges, nil); err != nil {
			return nil, err
		}
	}
	if u.Endpoints != nil {
		if err := checkPlaces(nil, *u.Endpoints); err != nil {
			return nil, err
		}
	}
	if err := checkPolicies(given(u.EndUser), given(u.Metadata)); err != nil {
		return nil, err
	}
	if err := checkMinting(given(u.MayMint), orZero(u.RotateEvery), orZero(u.RotationGrace)); err != nil {
		return nil, err
	}
	defer s.cache.forget()
	return s.store.UpdateKey(ctx, id, u, s.now())
}

// Forget lets the next Authenticate of each key ask the store: to be called
// when an owner of keys was changed, and at each [core.NoticeKeys].
func (s *Service) Forget() { s.cache.forget() }

// Block stops the key until Unblock.
func (s *Service) Block(ctx context.Context, id string) error { return s.setBlocked(ctx, id, true) }

// Unblock is the reverse of Block.
func (s *Service) Unblock(ctx context.Context, id string) error {
	return s.setBlocked(ctx, id, false)
}

func (s *Service) setBlocked(ctx context.Context, id string, blocked bool) error {
	_, err := s.Update(ctx, id, core.KeyUpdate{Blocked: &blocked})
	return err
}

// Rotate gives the key a new secret, which it returns; the earlier ones work
// for grace longer, which may be 0.
func (s *Service) Rotate(ctx context.Context, id string, grace time.Duration) (string, error) {
	if grace < 0 {
		return "", core.Invalid("grace", "must not be negative")
	}
	secret := newSecret()
	prefix, lastFour := visible(secret)
	now := s.now()
	defer s.cache.forget()
	if err := s.store.RotateKey(ctx, id, hash(secret), prefix, lastFour, now.Add(grace), now); err != nil {
		return "", err
	}
	return secret, nil
}

// Delete ends the key for good. Its ledger entries keep its name.
func (s *Service) Delete(ctx context.Context, id string) error {
	defer s.cache.forget()
	return s.store.DeleteKey(ctx, id, s.now())
}

// SetBudget replaces the key's budget; nil removes it. What was spent in the
// current period stays spent.
func (s *Service) SetBudget(ctx context.Context, id string, b *core.Budget) (*core.Budget, error) {
	k, err := s.store.FindKeyByID(ctx, id)
	if err != nil {
		return nil, err
	}
	if k.DeletedAt != nil {
		return nil, core.Errorf(core.CodeNotFound, core.SourceClient, "key %q is deleted", id)
	}
	return s.SetBudgetOf(ctx, core.BudgetSubject{Scope: core.ScopeKey, ID: id}, b)
}

// SetBudgetOf is SetBudget for an owner of keys, or anything that has a budget.
// Whether there is such a subject is not asked.
func (s *Service) SetBudgetOf(ctx context.Context, of core.BudgetSubject, b *core.Budget) (*core.Budget, error) {
	defer s.cache.forget()
	if b != nil {
		if err := checkBudget(*b); err != nil {
			return nil, err
		}
		set := s.budgetFor(of, *b, s.now())
		return set, s.budgets.SetBudget(ctx, set)
	}
	have, err := s.budgets.FindBudgets(ctx, []core.BudgetSubject{of})
	if err != nil {
		return nil, err
	}
	for _, old := range have {
		if err := s.budgets.DeleteBudget(ctx, old.ID); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// Budgets lists the budgets of one key.
func (s *Service) Budgets(ctx context.Context, id string) ([]*core.Budget, error) {
	if id == "" { // the store would list everybody's
		return nil, core.Errorf(core.CodeNotFound, core.SourceClient, "key %q does not exist", id)
	}
	return s.budgets.ListBudgets(ctx, core.ScopeKey, id)
}

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// newSecret is SecretPrefix and 43 base-62 characters: 256 random bits.
func newSecret() string {
	out := []byte(SecretPrefix)
	var raw [64]byte
	for len(out) < len(SecretPrefix)+43 {
		_, _ = rand.Read(raw[:]) // never fails: it ends the program instead
		for _, b := range raw {
			// 248 is the largest multiple of 62: beyond it some characters would be likelier.
			if b < 248 && len(out) < len(SecretPrefix)+43 {
				out = append(out, alphabet[b%62])
			}
		}
	}
	return string(out)
}

// visible is the beginning and end of a secret that lists may show.
func visible(secret string) (prefix, lastFour string) {
	n := 4
	if strings.HasPrefix(secret, SecretPrefix) {
		n += len(SecretPrefix)
	}
	return secret[:n], secret[len(secret)-4:]
}

// hash reads the string's own bytes: a copy would be an allocation for every request.
func hash(secret string) core.SecretHash {
	return sha256.Sum256(unsafe.Slice(unsafe.StringData(secret), len(secret)))
}

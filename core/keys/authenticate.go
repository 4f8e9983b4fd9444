package keys

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tokligence/gateway/core"
)

// FreshFor is how long a key is used without asking the store again: the bound
// within which changes made by another process are seen when no notice comes.
const FreshFor = 5 * time.Second

// unknownFor is how long a secret that nobody has is remembered as such.
const unknownFor = time.Second

// maxSecret bounds what is hashed; no secret is that long, and few tokens are.
const maxSecret = 8192

// The refusals' messages. They do not reveal whether a secret was ever known,
// except to somebody who holds the right one.
const (
	missing = "no API key was given"
	unknown = "the API key is not valid"
	expired = "the API key has expired"
	blocked = "the API key is blocked"
	overdue = "the API key has to be rotated: its secret has ended"
	ended   = "the API key that made this temporary one has ended"
	abroad  = "the API key may not be used from this address"
)

func unauthenticated(message string) error {
	return &core.Error{Code: core.CodeUnauthenticated, Source: core.SourceClient, Message: message}
}

// Authenticate returns who presents the secret: CodeUnauthenticated for an
// empty, unknown, deleted, blocked or expired one, CodePermissionDenied for a
// key that may not be used where the request comes from, CodeOverloaded when the
// store cannot tell. from is asked only for keys that are bound to addresses. Expiry is compared at every use: at the instant itself the
// key has expired. A hit in the cache allocates nothing.
func (s *Service) Authenticate(ctx context.Context, secret string, from func() netip.Addr, now time.Time) (*core.Principal, error) {
	if secret == "" {
		return nil, unauthenticated(missing)
	}
	if len(secret) > maxSecret {
		return nil, unauthenticated(unknown)
	}
	h := hash(secret)
	found := s.cache.get(h, now)
	if found == nil {
		var err error
		if found, err = s.load(ctx, secret, h, now); err != nil {
			return nil, err
		}
	}
	return found.judge(from, now)
}

// judge applies what depends on the time and the place.
func (f *found) judge(from func() netip.Addr, now time.Time) (*core.Principal, error) {
	switch {
	case f.principal == nil, f.secretEnds != nil && !now.Before(*f.secretEnds):
		return nil, unauthenticated(unknown)
	case f.principal.Key.Blocked:
		return nil, unauthenticated(blocked)
	case f.principal.Key.ExpiresAt != nil && !now.Before(*f.principal.Key.ExpiresAt):
		return nil, unauthenticated(expired)
	case f.secretEnds == nil && f.principal.Key.RotateEvery != 0 && f.principal.Key.Overdue(now):
		return nil, unauthenticated(overdue)
	case f.principal.Parent != nil && !standing(f.principal.Parent, now):
		return nil, unauthenticated(ended)
	}
	if k, parent := f.principal.Key, f.principal.Parent; k.IPRanges != nil || parent != nil && parent.IPRanges != nil {
		if a := from(); !k.AllowsAddress(a) || parent != nil && !parent.AllowsAddress(a) {
			return nil, core.Errorf(core.CodePermissionDenied, core.SourceClient, abroad).With(fmt.Errorf("%s was used from %s", k.ID, a))
		}
	}
	return f.principal, nil
}

// standing reports whether a temporary key's parent still is what it was made by.
func standing(parent *core.VirtualKey, now time.Time) bool {
	return parent.DeletedAt == nil && !parent.Blocked && (parent.ExpiresAt == nil || now.Before(*parent.ExpiresAt))
}

// load asks the store and remembers the answer, unless something changed meanwhile.
func (s *Service) load(ctx context.Context, presented string, h core.SecretHash, now time.Time) (*found, error) {
	generation := s.cache.generation.Load()
	f := &found{until: now.Add(unknownFor)}
	k, secret, err := s.store.FindKeyByHash(ctx, h)
	var ce *core.Error
	switch {
	case err == nil:
		if f.principal, err = s.principal(ctx, k); err != nil {
			return nil, unavailable(err)
		}
		f.until = now.Add(FreshFor)
		f.secretEnds = secret.ExpiresAt
	case errors.As(err, &ce) && ce.Code == core.CodeNotFound && s.Tokens != nil && isToken(presented):
		t, err := s.byToken(ctx, presented, now)
		switch {
		case err == nil:
			f = t
		case core.AsError(err).Code != core.CodeUnauthenticated:
			return nil, err
		}
	case errors.As(err, &ce) && ce.Code == core.CodeNotFound:
	default:
		return nil, unavailable(err)
	}
	s.cache.put(h, f, generation, now)
	return f, nil
}

func unavailable(err error) error {
	return core.Errorf(core.CodeOverloaded, core.SourceGateway, "keys cannot be looked up now").With(err)
}

// found is what the store said of one secret; immutable.
type found struct {
	principal  *core.Principal // nil: nobody has the secret
	secretEnds *time.Time
	until      time.Time // when the store must be asked again
}

const (
	shards   = 16
	perShard = 4096
)

// cache is bounded: 65,536 secrets, known and unknown ones together.
type cache struct {
	generation atomic.Uint64 // goes up with every change of any key or owner
	shards     [shards]shard
}

type shard struct {
	sync.RWMutex
	m map[core.SecretHash]*found
}

func (c *cache) init() {
	for i := range c.shards {
		c.shards[i].m = map[core.SecretHash]*found{}
	}
}

// get returns nil when the store must be asked.
func (c *cache) get(h core.SecretHash, now time.Time) *found {
	s := &c.shards[h[0]%shards]
	s.RLock()
	f := s.m[h]
	s.RUnlock()
	if f == nil || !now.Before(f.until) {
		return nil
	}
	return f
}

// put keeps f if no key has changed since generation was read: what was read
// before a change must not be remembered after it.
func (c *cache) put(h core.SecretHash, f *found, generation uint64, now time.Time) {
	s := &c.shards[h[0]%shards]
	s.Lock()
	defer s.Unlock()
	if c.generation.Load() != generation {
		return
	}
	if _, known := s.m[h]; !known && len(s.m) >= perShard {
		s.evict(now)
	}
	s.m[h] = f
}

// evict makes room: what is stale goes, and if that was not enough, a few that
// the map's random order names. s is locked.
func (s *shard) evict(now time.Time) {
	looked := 0
	for h, f := range s.m {
		if looked++; looked > 64 {
			break
		}
		if f.principal == nil || !now.Before(f.until) || looked > 56 {
			delete(s.m, h)
		}
	}
}

// forget empties the cache. Keys change seldom, and a fresh start costs each
// active key one look-up; it cannot miss a secret that belongs to a changed key.
func (c *cache) forget() {
	c.generation.Add(1)
	for i := range c.shards {
		s := &c.shards[i]
		s.Lock()
		clear(s.m)
		s.Unlock()
	}
}

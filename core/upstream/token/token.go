// Package token turns credentials that vendors do not take themselves into those
// that they do: bearer tokens of Google, of Microsoft Entra and of any OAuth 2.0
// server, and keys of an AWS role. What was fetched is kept until shortly before it
// expires, and fetched once however many requests wait for it.
//
// No path and no variable is read here: what lies in a file is given to a
// credential by the configuration (file:PATH), which says who may name files.
package token

import (
	"context"
	"crypto/sha256"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/pdk/abi"
)

const (
	patience = 15 * time.Second // for one fetch
	rest     = 5 * time.Second  // after a fetch that failed
	ahead    = 5 * time.Minute  // of its expiry a token is fetched anew, and after half its life at the earliest
	margin   = 10 * time.Second // before its expiry a token is not used any more: it travels, and clocks differ
	fresh    = time.Minute      // a token of this age that is refused will be refused again
	unsaid   = 5 * time.Minute  // the life of a token of which nothing is said
	maxKept  = 1024             // entries before those of credentials that are out of use go
)

// Token is what a vendor takes: a bearer token, or keys to sign with.
type Token struct {
	Bearer string
	AWS    aws.Credentials

	lifetime        time.Duration // as the issuer said; 0 is unsaid
	key             key
	fetched         time.Time
	stale, unusable time.Time // from when on another is fetched; is awaited
}

// grant is how one credential becomes a token. It is whole: fetch fails only by
// what the token service says.
type grant interface {
	fetch(ctx context.Context, client *http.Client, now time.Time) (*Token, error)
}

// key is the digest of everything that a token depends on, so that it outlives a
// reload that changes nothing of it.
type key [sha256.Size]byte

// Cache fetches and keeps tokens. Safe for concurrent use.
type Cache struct {
	client *http.Client
	now    func() time.Time
	ctx    context.Context // of all fetches
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	entries map[key]*entry
}

// entry is what is known of one key. Everything is held by Cache.mu.
type entry struct {
	token   *Token  // nil for none
	flight  *flight // the fetch that is under way; nil for none
	failure error   // of the last fetch; nil when it went well
	until   time.Time
}

type flight struct {
	done  chan struct{} // closed when the rest is set
	token *Token
	err   error
}

// New makes a cache that asks token services by client.
func New(client *http.Client, now func() time.Time) *Cache {
	c := &Cache{client: client, now: now, entries: make(map[key]*entry)}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	return c
}

// Close ends the fetches that are under way.
func (c *Cache) Close() {
	c.cancel()
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.wg.Wait()
}

// Check reports whether the credential, nil for none, has what the scheme needs.
// The error is a *core.Error upstream_credential.
func Check(a *abi.Auth, cred *core.Credential) error {
	_, err := grantOf(a, cred)
	return err
}

// Get returns a token for the scheme and its scope. Errors are *core.Error:
// upstream_credential when the token service refuses the credential,
// upstream_unavailable or upstream_timeout when it does not answer as it should; or
// the context's own error.
func (c *Cache) Get(ctx context.Context, a *abi.Auth, cred *core.Credential) (*Token, error) {
	k := keyOf(a, cred)
	c.mu.Lock()
	e := c.entry(k)
	now := c.now()
	if e.token == nil || !now.Before(e.token.stale) {
		if e.flight == nil && !c.closed && !now.Before(e.until) {
			c.start(e, k, *a, cred)
		}
	}
	f, t, err := e.flight, e.token, e.failure
	c.mu.Unlock()
	switch {
	case t != nil && now.Before(t.unusable):
		return t, nil
	case f == nil && err == nil:
		return nil, unavailable("the gateway is shutting down")
	case f == nil:
		return nil, err
	}
	select {
	case <-f.done:
		return f.token, f.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Refused is told that the vendor did not take t, and reports whether another may
// be had. One that was fetched a moment ago stays: the next would fare no better.
func (c *Cache) Refused(t *Token) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.entries[t.key]
	if e == nil || e.token != t {
		return true
	}
	if c.now().Sub(t.fetched) < fresh {
		return false
	}
	e.token = nil
	return true
}

func (c *Cache) entry(k key) *entry {
	e := c.entries[k]
	if e == nil {
		if len(c.entries) >= maxKept {
			c.drop()
		}
		e = &entry{}
		c.entries[k] = e
	}
	return e
}

// drop forgets what nobody has asked for since it expired.
func (c *Cache) drop() {
	now := c.now()
	maps.DeleteFunc(c.entries, func(_ key, e *entry) bool {
		return e.flight == nil && !now.Before(e.until) && (e.token == nil || !now.Before(e.token.unusable))
	})
}

// start fetches on its own: who asked first may leave, and others still wait.
func (c *Cache) start(e *entry, k key, a abi.Auth, cred *core.Credential) {
	f := &flight{done: make(chan struct{})}
	e.flight = f
	c.wg.Go(func() {
		f.token, f.err = c.fetch(&a, cred)
		c.mu.Lock()
		e.flight, e.failure, e.until = nil, f.err, time.Time{}
		if f.err != nil {
			e.until = c.now().Add(rest)
		} else {
			f.token.key = k
			e.token = f.token
		}
		c.mu.Unlock()
		close(f.done)
	})
}

func (c *Cache) fetch(a *abi.Auth, cred *core.Credential) (*Token, error) {
	g, err := grantOf(a, cred)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(c.ctx, patience)
	defer cancel()
	seen := &witness{next: c.client.Transport}
	client := *c.client
	client.Transport = seen
	now := c.now()
	t, err := g.fetch(ctx, &client, now)
	if err != nil {
		return nil, seen.explain(ctx, err, cred)
	}
	if t.lifetime <= 0 {
		t.lifetime = unsaid
	}
	expires := now.Add(t.lifetime)
	t.fetched = now
	t.stale = expires.Add(-min(ahead, t.lifetime/2))
	t.unusable = expires.Add(-min(margin, t.lifetime/4))
	return t, nil
}

// keyOf takes every field: which of them matter is the grant's business.
func keyOf(a *abi.Auth, cred *core.Credential) (k key) {
	h := sha256.New()
	part := func(s string) {
		n := len(s)
		h.Write([]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
		h.Write([]byte(s))
	}
	part(string(a.Scheme))
	part(a.Scope)
	part(a.Region)
	if cred != nil {
		for _, name := range slices.Sorted(maps.Keys(cred.Fields)) {
			part(name)
			part(cred.Fields[name])
		}
	}
	h.Sum(k[:0])
	return k
}

// grantOf reads the credential. Its errors are safe for clients and quote nothing.
func grantOf(a *abi.Auth, cred *core.Credential) (grant, error) {
	switch a.Scheme {
	case abi.AuthGoogle:
		return googleGrant(a, cred)
	case abi.AuthEntra:
		return entraGrant(a, cred)
	case abi.AuthOAuth2:
		return clientGrant(a, cred)
	case abi.AuthSigV4:
		return roleGrant(a, cred)
	}
	return nil, refused("the authentication scheme %q is not known", string(a.Scheme))
}

func refused(format string, args ...any) *core.Error {
	return core.Errorf(core.CodeUpstreamCredential, core.SourceGateway, format, args...)
}

func unavailable(format string, args ...any) *core.Error {
	return core.Errorf(core.CodeUpstreamUnavailable, core.SourceUpstream, format, args...)
}

// Field returns a field of the credential, nil for none. One that is missing or
// empty is an error *core.Error upstream_credential.
func Field(cred *core.Credential, name string) (string, error) {
	if v := optional(cred, name); v != "" {
		return v, nil
	}
	return "", refused("the deployment's credential has no %s", name)
}

func optional(cred *core.Credential, name string) string {
	if cred == nil {
		return ""
	}
	return cred.Fields[name]
}

// Package jwt verifies tokens of other issuers, which clients present in place
// of keys, and tells what they stand for.
package jwt

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/tokligence/gateway/core"
)

// Issuer is one whose tokens are taken.
type Issuer struct {
	Issuer   string
	Audience string // that a token must be for
	// KeysURL is where the issuer's public keys are; "" is where it says itself.
	KeysURL    string
	Algorithms []string // of signatures
	// Rules say which key a token stands for; the first that fits counts, then
	// Key. A token without a key is refused.
	Rules []Rule
	Key   string
	// The claims that narrow a token: the e-mail address of a user, a list of
	// models, the end user's name; "" is none. A token without one that is named is refused.
	UserClaim, ModelsClaim, EndUserClaim string
}

// Rule fits where the claim is the value, or a list that holds it.
type Rule struct{ Claim, Value, Key string }

// Verifier is safe for concurrent use.
type Verifier struct{ issuers map[string]*issuer }

type issuer struct {
	Issuer
	client *http.Client

	mu       sync.Mutex
	verifier *oidc.IDTokenVerifier // nil until the issuer was asked
}

// New makes a verifier. client fetches what issuers say of themselves, at most
// every few seconds: whoever sends bad tokens is not to have the issuer called.
func New(issuers []Issuer, client *http.Client, now func() time.Time) *Verifier {
	v := &Verifier{issuers: map[string]*issuer{}}
	for _, i := range issuers {
		c := *client
		c.Transport = &paced{next: client.Transport, now: now, kept: map[string]*kept{}}
		v.issuers[i.Issuer] = &issuer{Issuer: i, client: &c}
	}
	return v
}

// skew is how far the issuer's clock may be ahead.
const skew = time.Minute

func invalid(err error) error {
	return core.Errorf(core.CodeUnauthenticated, core.SourceClient, "the token is not valid").With(err)
}

func refused(format string, args ...any) error {
	return core.Errorf(core.CodePermissionDenied, core.SourceClient, format, args...)
}

// Grant verifies a token: its issuer, signature, audience and times. See
// keys.Tokens for errors.
func (v *Verifier) Grant(ctx context.Context, token string, now time.Time) (*core.TokenGrant, error) {
	i := v.issuers[claimedIssuer(token)]
	if i == nil {
		return nil, invalid(errors.New("it is of an issuer that is not configured"))
	}
	verifier, err := i.ready(ctx)
	if err != nil {
		return nil, away(err)
	}
	out := &outage{}
	id, err := verifier.Verify(context.WithValue(ctx, outageKey{}, out), token)
	switch {
	case out.err != nil:
		return nil, away(out.err)
	case err != nil:
		return nil, invalid(err)
	}
	var claims map[string]json.RawMessage
	if err := id.Claims(&claims); err != nil {
		return nil, invalid(err)
	}
	var notBefore float64
	_ = json.Unmarshal(claims["nbf"], &notBefore) // it may be missing
	switch {
	case id.Expiry.IsZero(), !now.Before(id.Expiry):
		return nil, invalid(errors.New("it has expired, or never would"))
	case now.Add(skew).Before(time.Unix(int64(notBefore), 0)):
		return nil, invalid(errors.New("it is not good yet"))
	}
	return i.grant(claims, id.Expiry)
}

// claimedIssuer is what a token says of its issuer, not verified yet.
func claimedIssuer(token string) string {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return ""
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	var claims struct {
		Issuer string `json:"iss"`
	}
	if err != nil || json.Unmarshal(raw, &claims) != nil {
		return ""
	}
	return claims.Issuer
}

func away(err error) error {
	return core.Errorf(core.CodeOverloaded, core.SourceGateway, "the token's issuer does not answer now").With(err)
}

// ready asks the issuer where its keys are, once.
func (i *issuer) ready(ctx context.Context) (*oidc.IDTokenVerifier, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.verifier != nil {
		return i.verifier, nil
	}
	ctx = oidc.ClientContext(context.WithoutCancel(ctx), i.client) // the answer is for all who come next
	url := i.KeysURL
	if url == "" {
		p, err := oidc.NewProvider(ctx, i.Issuer.Issuer)
		if err != nil {
			return nil, err
		}
		var said struct {
			KeysURL string `json:"jwks_uri"`
		}
		if err := p.Claims(&said); err != nil {
			return nil, err
		}
		url = said.KeysURL
	}
	keys := watched{oidc.NewRemoteKeySet(ctx, url)}
	// Times are compared by Grant, with the caller's clock.
	i.verifier = oidc.NewVerifier(i.Issuer.Issuer, keys, &oidc.Config{ClientID: i.Audience, SupportedSigningAlgs: i.Algorithms, SkipExpiryCheck: true})
	return i.verifier, nil
}

// grant is what the claims of a verified token stand for.
func (i *issuer) grant(claims map[string]json.RawMessage, expires time.Time) (*core.TokenGrant, error) {
	g := &core.TokenGrant{KeyID: i.Key, ExpiresAt: expires}
	if n := slices.IndexFunc(i.Rules, func(r Rule) bool { return slices.Contains(texts(claims[r.Claim]), r.Value) }); n >= 0 {
		g.KeyID = i.Rules[n].Key
	}
	if g.KeyID == "" {
		return nil, refused("the token is valid, but stands for no key here")
	}
	for _, named := range []struct {
		claim string
		to    *string
	}{{i.UserClaim, &g.Email}, {i.EndUserClaim, &g.EndUser}} {
		if named.claim == "" {
			continue
		}
		if _ = json.Unmarshal(claims[named.claim], named.to); *named.to == "" { // something else than a text is none
			return nil, refused("the token has no claim %q", named.claim)
		}
	}
	if i.ModelsClaim != "" {
		if claims[i.ModelsClaim] == nil {
			return nil, refused("the token has no claim %q", i.ModelsClaim)
		}
		g.Models = append([]string{}, texts(claims[i.ModelsClaim])...)
	}
	return g, nil
}

// texts reads a text or a list of them.
func texts(raw json.RawMessage) []string {
	var one string
	if json.Unmarshal(raw, &one) == nil && one != "" {
		return []string{one}
	}
	var many []any
	_ = json.Unmarshal(raw, &many) // something else is none
	var out []string
	for _, v := range many {
		if s, ok := v.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

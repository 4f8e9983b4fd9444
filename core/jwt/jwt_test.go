package jwt

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/tokligence/gateway/core"
)

var start = time.Date(2026, 11, 25, 12, 30, 0, 0, time.UTC)

// issuing is an issuer with two keys, whose documents can be away.
type issuing struct {
	*httptest.Server
	rsa   *rsa.PrivateKey
	ecdsa *ecdsa.PrivateKey
	kid   atomic.Pointer[string] // of the RSA key
	asked atomic.Int32           // for the keys
	away  atomic.Bool
}

func newIssuer(t *testing.T) *issuing {
	t.Helper()
	i := &issuing{}
	var err error
	if i.rsa, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		t.Fatal(err)
	}
	if i.ecdsa, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	first := "first"
	i.kid.Store(&first)
	i.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case i.away.Load():
			panic(http.ErrAbortHandler)
		case r.URL.Path == "/.well-known/openid-configuration":
			_ = json.NewEncoder(w).Encode(map[string]any{"issuer": i.URL, "jwks_uri": i.URL + "/keys", "authorization_endpoint": i.URL + "/a", "token_endpoint": i.URL + "/t", "id_token_signing_alg_values_supported": []string{"RS256"}})
		case r.URL.Path == "/keys":
			i.asked.Add(1)
			_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: i.rsa.Public(), KeyID: *i.kid.Load()}, {Key: i.ecdsa.Public(), KeyID: "ec"}}})
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(i.Close)
	return i
}

// sign makes a token of claims over the usual ones.
func (i *issuing) sign(t *testing.T, alg jose.SignatureAlgorithm, key any, kid string, claims map[string]any) string {
	t.Helper()
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, (&jose.SignerOptions{}).WithHeader("kid", kid))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]any{"iss": i.URL, "aud": "gateway", "sub": "ci", "exp": start.Add(time.Hour).Unix(), "iat": start.Unix(), "email": "ada@example.com", "models": []string{"a", "b"}, "team": []string{"x", "research"}}
	maps.Copy(all, claims)
	for name, v := range all {
		if v == nil {
			delete(all, name)
		}
	}
	raw, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := s.Sign(raw)
	if err != nil {
		t.Fatal(err)
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func (i *issuing) token(t *testing.T, claims map[string]any) string {
	return i.sign(t, jose.RS256, i.rsa, *i.kid.Load(), claims)
}

func (i *issuing) verifier(now func() time.Time, more func(*Issuer)) *Verifier {
	o := Issuer{Issuer: i.URL, Audience: "gateway", Algorithms: []string{"RS256", "ES256"}, Key: "key_rest", Rules: []Rule{{"team", "research", "key_research"}, {"sub", "ci", "key_ci"}}}
	if more != nil {
		more(&o)
	}
	return New([]Issuer{o}, &http.Client{Transport: http.DefaultTransport}, now)
}

func TestGrant(t *testing.T) {
	i, other := newIssuer(t), newIssuer(t)
	now := start
	v := i.verifier(func() time.Time { return now }, nil)
	hmac := []byte("0123456789abcdef0123456789abcdef")
	good := i.token(t, nil)
	head, rest, _ := strings.Cut(good, ".")
	payload, _, _ := strings.Cut(rest, ".")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + payload + "."
	type c = map[string]any
	for name, tt := range map[string]struct {
		token string
		code  core.Code // "" is taken
		key   string
	}{
		"as it should be":        {good, "", "key_research"},
		"by an elliptic curve":   {i.sign(t, jose.ES256, i.ecdsa, "ec", nil), "", "key_research"},
		"one of two audiences":   {i.token(t, c{"aud": []string{"other", "gateway"}}), "", "key_research"},
		"another rule":           {i.token(t, c{"team": "x"}), "", "key_ci"},
		"a text for a list":      {i.token(t, c{"team": "research"}), "", "key_research"},
		"no rule":                {i.token(t, c{"team": nil, "sub": "x"}), "", "key_rest"},
		"another letter":         {i.token(t, c{"team": "Research", "sub": "x"}), "", "key_rest"},
		"another audience":       {i.token(t, c{"aud": "other"}), core.CodeUnauthenticated, ""},
		"no audience":            {i.token(t, c{"aud": nil}), core.CodeUnauthenticated, ""},
		"another issuer":         {i.token(t, c{"iss": "https://evil.example.com"}), core.CodeUnauthenticated, ""},
		"another issuer's key":   {other.sign(t, jose.RS256, other.rsa, "first", c{"iss": i.URL}), core.CodeUnauthenticated, ""},
		"expired":                {i.token(t, c{"exp": start.Unix()}), core.CodeUnauthenticated, ""},
		"for ever":               {i.token(t, c{"exp": nil}), core.CodeUnauthenticated, ""},
		"not yet":                {i.token(t, c{"nbf": start.Add(2 * time.Minute).Unix()}), core.CodeUnauthenticated, ""},
		"by a clock ahead":       {i.token(t, c{"nbf": start.Add(30 * time.Second).Unix()}), "", "key_research"},
		"an algorithm not taken": {i.sign(t, jose.RS384, i.rsa, "first", nil), core.CodeUnauthenticated, ""},
		"a shared secret":        {i.sign(t, jose.HS256, hmac, "first", nil), core.CodeUnauthenticated, ""},
		"no signature":           {none, core.CodeUnauthenticated, ""},
		"another payload":        {head + "." + strings.Replace(payload, payload[:8], base64.RawURLEncoding.EncodeToString([]byte(`{"x":1`)), 1) + good[strings.LastIndex(good, "."):], core.CodeUnauthenticated, ""},
		"no token":               {"eyJ.x.y", core.CodeUnauthenticated, ""},
	} {
		g, err := v.Grant(t.Context(), tt.token, start)
		switch e := core.AsError(err); {
		case tt.code == "" && (err != nil || g.KeyID != tt.key || !g.ExpiresAt.Equal(start.Add(time.Hour)) || g.Email != "" || g.Models != nil):
			t.Errorf("%s: %+v, %v", name, g, err)
		case tt.code != "" && (e == nil || e.Code != tt.code):
			t.Errorf("%s: %+v, %v", name, g, err)
		}
	}
	if _, err := v.Grant(t.Context(), good, start.Add(time.Hour)); err == nil {
		t.Error("taken at the instant at which it expires")
	}
}

func TestGrant_Claims(t *testing.T) {
	i := newIssuer(t)
	now := func() time.Time { return start }
	v := i.verifier(now, func(o *Issuer) { o.UserClaim, o.ModelsClaim, o.EndUserClaim, o.Key = "email", "models", "sub", "" })
	g, err := v.Grant(t.Context(), i.token(t, nil), start)
	if err != nil || g.Email != "ada@example.com" || g.EndUser != "ci" || !slices.Equal(g.Models, []string{"a", "b"}) {
		t.Errorf("got %+v, %v", g, err)
	}
	for name, claims := range map[string]map[string]any{"no user": {"email": nil}, "a user of another type": {"email": 1}, "no models": {"models": nil}, "no end user": {"sub": ""}, "no key": {"team": nil, "sub": "x"}} {
		if g, err := v.Grant(t.Context(), i.token(t, claims), start); core.AsError(err) == nil || core.AsError(err).Code != core.CodePermissionDenied {
			t.Errorf("%s: %+v, %v", name, g, err)
		}
	}
	if g, err := v.Grant(t.Context(), i.token(t, map[string]any{"models": []string{}}), start); err != nil || g.Models == nil || len(g.Models) != 0 {
		t.Errorf("an empty list of models is %+v, %v", g, err)
	}
}

func codeOf(_ *core.TokenGrant, err error) core.Code {
	if err != nil {
		return core.AsError(err).Code
	}
	return ""
}

// TestGrant_Keys: new keys are found, an issuer that is away is no fault of the
// token, and bad tokens do not have it called again and again.
func TestGrant_Keys(t *testing.T) {
	i := newIssuer(t)
	now := start
	v := i.verifier(func() time.Time { return now }, func(o *Issuer) { o.KeysURL = i.URL + "/keys" })
	// The key set gives out an answer a moment before it forgets the question: who
	// asks in between gets the same once more.
	grant := func(token string, want core.Code) (code core.Code) {
		for range 10_000 {
			if code = codeOf(v.Grant(context.Background(), token, start)); code == want {
				break
			}
			runtime.Gosched()
		}
		return code
	}
	i.away.Store(true)
	if code := grant(i.token(t, nil), core.CodeOverloaded); code != core.CodeOverloaded {
		t.Errorf("the issuer is away: %s", code)
	}
	i.away.Store(false)
	now = now.Add(pace)
	if code := grant(i.token(t, nil), ""); code != "" {
		t.Errorf("the issuer is back: %s", code)
	}
	for range 20 {
		if code := grant(i.sign(t, jose.RS256, i.rsa, "nobody's", nil), core.CodeUnauthenticated); code != core.CodeUnauthenticated {
			t.Errorf("an unknown key: %s", code)
		}
	}
	if n := i.asked.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
	second := "second"
	i.kid.Store(&second)
	now = now.Add(pace)
	if code := grant(i.token(t, nil), ""); code != "" {
		t.Errorf("a new key: %s", code)
	}
	i.away.Store(true)
	now = now.Add(pace)
	if code := grant(i.token(t, nil), ""); code != "" {
		t.Errorf("what is known needs no issuer: %s", code)
	}
}

// TestGrant_CallerLeaves: whoever goes while the issuer is asked spoils the answer
// for nobody.
func TestGrant_CallerLeaves(t *testing.T) {
	i := newIssuer(t)
	v := i.verifier(func() time.Time { return start }, nil)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, _ = v.Grant(gone, i.token(t, nil), start)
	if _, err := v.Grant(t.Context(), i.token(t, nil), start); err != nil {
		t.Error(err)
	}
}

package upstream_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/upstream"
	"github.com/tokligence/gateway/pdk/abi"
)

// tokens is a vendor beside its token service, with a clock that the test moves.
type tokens struct {
	client  upstream.Client
	service *vendor // token service
	model   *vendor // answers with the credential that it was shown
	forms   chan url.Values
	fetched atomic.Int64
	// answer is what the token service says to the n-th request, counted from 1.
	answer func(w http.ResponseWriter, r *http.Request, n int64)
	refuse func(authorization string) bool

	ahead atomic.Int64 // of the clock, in nanoseconds
}

func (k *tokens) now() time.Time       { return time.Now().Add(time.Duration(k.ahead.Load())) }
func (k *tokens) pass(d time.Duration) { k.ahead.Add(int64(d)) }
func (k *tokens) lines() (all []url.Values) {
	for len(k.forms) > 0 {
		all = append(all, <-k.forms)
	}
	return all
}

func newTokens(t *testing.T) *tokens {
	t.Helper()
	k := &tokens{forms: make(chan url.Values, 200), refuse: func(string) bool { return false }}
	k.answer = func(w http.ResponseWriter, _ *http.Request, n int64) {
		fmt.Fprintf(w, `{"access_token":"made-%d","token_type":"Bearer","expires_in":3600}`, n)
	}
	k.service = newVendor(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		form, _ := url.ParseQuery(string(body))
		form.Set("path", r.URL.Path)
		form.Set("authorization", r.Header.Get("Authorization"))
		form.Set("json", string(body))
		n := k.fetched.Add(1)
		k.forms <- form
		w.Header().Set("Content-Type", "application/json")
		k.answer(w, r, n)
	})
	k.model = newVendor(t, func(w http.ResponseWriter, r *http.Request) {
		if shown := r.Header.Get("Authorization"); k.refuse(shown) {
			w.WriteHeader(http.StatusUnauthorized)
		} else {
			fmt.Fprint(w, shown)
		}
	})
	k.client = newClient(t, upstream.Options{Now: k.now, Reach: permit(t, "127.0.0.1")})
	return k
}

// request is one to the model, with that credential.
func (k *tokens) request(scheme abi.AuthScheme, fields map[string]string) *upstream.Request {
	return &upstream.Request{Method: "POST", URL: k.model.URL, Body: []byte("{}"), AllowPrivate: true,
		Auth:       abi.Auth{Scheme: scheme, Scope: "one two", Service: "bedrock", Region: "eu-west-1"},
		Credential: &core.Credential{Name: "cloud", Fields: fields}}
}

func (k *tokens) shown(t *testing.T, r *upstream.Request) string {
	t.Helper()
	_, body := mustWhole(t, k.client, r)
	return body
}

// secret is the usual credential of these tests.
func (k *tokens) secret() *upstream.Request {
	return k.request(abi.AuthOAuth2, map[string]string{"token_url": k.service.URL, "client_id": "me", "client_secret": "v3ry-secret"})
}

var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func keyText() string {
	der, err := x509.MarshalPKCS8PrivateKey(rsaKey())
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func asJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// TestClient_Tokens: each kind of credential asks as its issuer wants to be asked,
// and the vendor gets the token alone.
func TestClient_Tokens(t *testing.T) {
	k := newTokens(t)
	const assertion = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	external := map[string]any{"type": "external_account", "audience": "//iam.googleapis.com/pool", "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
		"token_url": k.service.URL + "/sts", "credential_source": map[string]any{"file": "/etc/passwd", "format": map[string]string{"type": "json", "subject_token_field_name": "id_token"}}}
	for name, c := range map[string]struct {
		scheme abi.AuthScheme
		fields map[string]string
		want   url.Values
	}{
		"client secret": {abi.AuthOAuth2, map[string]string{"token_url": k.service.URL + "/token", "client_id": "me", "client_secret": "s&cret"},
			url.Values{"path": {"/token"}, "grant_type": {"client_credentials"}, "scope": {"one two"}, "authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte("me:s%26cret"))}}},
		"entra secret": {abi.AuthEntra, map[string]string{"tenant_id": "ten/ant", "client_id": "me", "client_secret": "s", "authority": k.service.URL + "/"},
			url.Values{"grant_type": {"client_credentials"}, "scope": {"one two"}, "client_id": {"me"}, "client_secret": {"s"}, "authorization": {""}}},
		"entra federated": {abi.AuthEntra, map[string]string{"tenant_id": "t", "client_id": "me", "federated_token": "signed\n", "authority": k.service.URL},
			url.Values{"path": {"/t/oauth2/v2.0/token"}, "client_assertion_type": {assertion}, "client_assertion": {"signed"}, "client_secret": nil}},
		"google user": {abi.AuthGoogle, map[string]string{"service_account": asJSON(map[string]string{"type": "authorized_user", "client_id": "me", "client_secret": "s",
			"refresh_token": "again", "token_uri": k.service.URL})},
			url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"again"}, "client_id": {"me"}, "client_secret": {"s"}}},
		"google external": {abi.AuthGoogle, map[string]string{"service_account": asJSON(external), "subject_token": `{"id_token":"theirs"}`},
			url.Values{"path": {"/sts"}, "subject_token": {"theirs"}, "audience": {"//iam.googleapis.com/pool"}, "scope": {"one two"},
				"grant_type": {"urn:ietf:params:oauth:grant-type:token-exchange"}}},
		"google service account": {abi.AuthGoogle, map[string]string{"service_account": asJSON(map[string]string{"type": "service_account", "client_email": "robot@p.example",
			"private_key": keyText(), "private_key_id": "k1", "token_uri": k.service.URL + "/g"})},
			url.Values{"path": {"/g"}, "grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "client_secret": nil}},
	} {
		t.Run(name, func(t *testing.T) {
			if got, n := k.shown(t, k.request(c.scheme, c.fields)), k.fetched.Load(); got != fmt.Sprintf("Bearer made-%d", n) {
				t.Errorf("the vendor saw %q after %d", got, n)
			}
			asked := k.lines()
			if len(asked) != 1 {
				t.Fatalf("%d requests for a token", len(asked))
			}
			for member, want := range c.want {
				if got := asked[0][member]; strings.Join(got, "|") != strings.Join(want, "|") {
					t.Errorf("%s is %q, want %q", member, got, want)
				}
			}
			if name == "google service account" {
				verifyAssertion(t, asked[0].Get("assertion"), k.service.URL+"/g")
			}
		})
	}
}

// verifyAssertion checks a service account's signed wish.
func verifyAssertion(t *testing.T, assertion, audience string) {
	t.Helper()
	parts := strings.Split(assertion, ".")
	if len(parts) != 3 {
		t.Fatalf("%q", assertion)
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	signature, _ := base64.RawURLEncoding.DecodeString(parts[2])
	if err := rsa.VerifyPKCS1v15(&rsaKey().PublicKey, crypto.SHA256, sum[:], signature); err != nil {
		t.Error(err)
	}
	text, _ := base64.RawURLEncoding.DecodeString(parts[1])
	var claims struct{ Iss, Scope, Aud string }
	if err := json.Unmarshal(text, &claims); err != nil || claims.Iss != "robot@p.example" || claims.Scope != "one two" || claims.Aud != audience {
		t.Errorf("%s: %v", text, err)
	}
}

// TestClient_Impersonation: a token of another issuer leads to a service account in two steps.
func TestClient_Impersonation(t *testing.T) {
	k := newTokens(t)
	k.answer = func(w http.ResponseWriter, r *http.Request, _ int64) {
		if r.URL.Path == "/sts" {
			fmt.Fprint(w, `{"access_token":"federated","issued_token_type":"urn:ietf:params:oauth:token-type:access_token","token_type":"Bearer","expires_in":3600}`)
			return
		}
		fmt.Fprintf(w, `{"accessToken":"robot's","expireTime":%q}`, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
	}
	file := asJSON(map[string]any{"type": "external_account", "audience": "a", "subject_token_type": "t", "token_url": k.service.URL + "/sts",
		"service_account_impersonation_url": k.service.URL + "/v1/robot:generateAccessToken", "service_account_impersonation": map[string]int{"token_lifetime_seconds": 3600}})
	if got := k.shown(t, k.request(abi.AuthGoogle, map[string]string{"service_account": file, "subject_token": "theirs\n"})); got != "Bearer robot's" {
		t.Error(got)
	}
	asked := k.lines()
	if len(asked) != 2 || asked[0].Get("subject_token") != "theirs" || asked[1].Get("authorization") != "Bearer federated" || !strings.Contains(asked[1].Get("json"), `"scope":["one","two"]`) {
		t.Errorf("%v", asked)
	}
}

// TestClient_Role: keys of a role, by a token or by keys, sign the request.
func TestClient_Role(t *testing.T) {
	k := newTokens(t)
	k.answer = func(w http.ResponseWriter, r *http.Request, n int64) {
		action := "AssumeRole"
		if n == 1 {
			action += "WithWebIdentity"
		}
		fmt.Fprintf(w, `<%[1]sResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><%[1]sResult><Credentials><AccessKeyId>ASIA%[2]d</AccessKeyId>
			<SecretAccessKey>made</SecretAccessKey><SessionToken>session-%[2]d</SessionToken><Expiration>%[3]s</Expiration></Credentials></%[1]sResult></%[1]sResponse>`,
			action, n, k.now().Add(time.Hour).UTC().Format(time.RFC3339))
	}
	shared := "[default]\naws_access_key_id = AKIDEFAULT\n\n[profile other]\n# aws_access_key_id = no\nAWS_Access_Key_Id=AKIOTHER\naws_secret_access_key = s=1\n"
	role := map[string]string{"role_arn": "arn:aws:iam::1:role/r", "sts_url": k.service.URL + "/"}
	with := func(more map[string]string) map[string]string {
		for name, v := range role {
			more[name] = v
		}
		return more
	}
	for _, c := range []struct {
		fields map[string]string
		key    string // that the request is signed with
		action string // asked of STS; "" for none
		stsKey string
	}{
		{with(map[string]string{"web_identity_token": "theirs\n"}), "ASIA1", "AssumeRoleWithWebIdentity", ""},
		{with(map[string]string{"access_key_id": "AKIMINE", "secret_access_key": "x", "external_id": "e"}), "ASIA2", "AssumeRole", "AKIMINE"},
		{with(map[string]string{"shared_credentials": shared, "profile": "other", "role_session_name": "me"}), "ASIA3", "AssumeRole", "AKIOTHER"},
		{map[string]string{"shared_credentials": shared, "profile": "other"}, "AKIOTHER", "", ""},
		{map[string]string{"access_key_id": "AKIMINE", "secret_access_key": "x"}, "AKIMINE", "", ""},
	} {
		for range 2 { // the second time without asking
			if got := k.shown(t, k.request(abi.AuthSigV4, c.fields)); !strings.HasPrefix(got, "AWS4-HMAC-SHA256 Credential="+c.key+"/") {
				t.Errorf("signed %q, want by %s", got, c.key)
			}
		}
		asked := k.lines()
		if c.action == "" {
			if len(asked) != 0 {
				t.Errorf("asked for %v", asked)
			}
			continue
		}
		if len(asked) != 1 {
			t.Fatalf("%s: asked %d times", c.key, len(asked))
		}
		a := asked[0]
		if a.Get("Action") != c.action || a.Get("RoleArn") != role["role_arn"] || a.Get("RoleSessionName") == "" || a.Get("ExternalId") != c.fields["external_id"] ||
			c.stsKey == "" && (a.Get("WebIdentityToken") != "theirs" || a.Get("authorization") != "") ||
			c.stsKey != "" && !strings.HasPrefix(a.Get("authorization"), "AWS4-HMAC-SHA256 Credential="+c.stsKey+"/") {
			t.Errorf("%v", a)
		}
	}
}

// TestClient_TokenLife: one fetch serves until the token grows old; then it still
// serves while the next is fetched; and when it has expired, requests wait.
func TestClient_TokenLife(t *testing.T) {
	k := newTokens(t)
	again := make(chan struct{})
	issue := k.answer
	k.answer = func(w http.ResponseWriter, r *http.Request, n int64) {
		if n == 2 {
			<-again
		}
		issue(w, r, n)
	}
	step := func(want string, fetched int64) {
		t.Helper()
		if got := k.shown(t, k.secret()); got != want || k.fetched.Load() > fetched {
			t.Fatalf("%q after %d fetches, want %q after %d", got, k.fetched.Load(), want, fetched)
		}
	}
	step("Bearer made-1", 1)
	k.pass(54 * time.Minute)
	step("Bearer made-1", 1)
	k.pass(2 * time.Minute)
	step("Bearer made-1", 2)
	close(again)
	for deadline := time.Now().Add(5 * time.Second); k.shown(t, k.secret()) != "Bearer made-2"; {
		if time.Now().After(deadline) {
			t.Fatal("no second token")
		}
	}
	k.pass(time.Hour)
	step("Bearer made-3", 3)
}

// TestClient_TokenOnce: however many wait, one asks; who leaves does not take the
// token from the others; a credential of the same content shares it, another does not.
func TestClient_TokenOnce(t *testing.T) {
	k := newTokens(t)
	asked, release := make(chan struct{}), make(chan struct{})
	issue := k.answer
	k.answer = func(w http.ResponseWriter, r *http.Request, n int64) {
		if n == 1 {
			close(asked)
			<-release
		}
		issue(w, r, n)
	}
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan error)
	go func() { _, _, err := whole(ctx, k.client, k.secret()); left <- err }()
	<-asked
	var wg sync.WaitGroup
	for range 40 {
		wg.Go(func() {
			if _, body, err := whole(t.Context(), k.client, k.secret()); err != nil || body != "Bearer made-1" {
				t.Errorf("%q, %v", body, err)
			}
		})
	}
	leave()
	if err := <-left; !errors.Is(err, context.Canceled) || !errors.Is(err, upstream.ErrNotSent) {
		t.Errorf("who left got %v", err)
	}
	close(release)
	wg.Wait()
	if n := k.fetched.Load(); n != 1 {
		t.Errorf("%d fetches", n)
	}
	other := k.secret()
	other.Credential.Fields["client_secret"] = "rotated"
	scoped := k.secret()
	scoped.Auth.Scope = "three"
	if a, b := k.shown(t, other), k.shown(t, scoped); a != "Bearer made-2" || b != "Bearer made-3" {
		t.Errorf("%q, %q", a, b)
	}
}

// TestClient_TokenFailures: a failure is told without a secret, not asked for again
// at once, and forgotten soon; a token that still holds serves meanwhile.
func TestClient_TokenFailures(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		code   core.Code
		want   string
	}{
		"refused":    {400, `{"error":"invalid_client","error_description":"secret v3ry-secret of me is wrong"}`, core.CodeUpstreamCredential, "refused the credential (invalid_client)"},
		"echo":       {401, `{"error":"v3ry-secret"}`, core.CodeUpstreamCredential, "refused the credential"},
		"cloud":      {403, `{"error":{"code":403,"status":"PERMISSION_DENIED","message":"m"}}`, core.CodeUpstreamCredential, "(PERMISSION_DENIED)"},
		"page":       {404, `<html>v3ry-secret</html>`, core.CodeUpstreamCredential, "refused the credential"},
		"outage":     {503, `v3ry-secret`, core.CodeUpstreamUnavailable, "token service answered with status 503"},
		"busy":       {429, `{}`, core.CodeUpstreamUnavailable, "status 429"},
		"no token":   {200, `{"token":"v3ry-secret"}`, core.CodeUpstreamUnavailable, "is no token"},
		"redirected": {302, ``, core.CodeUpstreamCredential, "refused the credential"},
	} {
		t.Run(name, func(t *testing.T) {
			k := newTokens(t)
			var sick atomic.Bool
			issue := k.answer
			k.answer = func(w http.ResponseWriter, r *http.Request, n int64) {
				if !sick.Load() {
					issue(w, r, n)
					return
				}
				w.Header().Set("Location", k.model.URL)
				w.WriteHeader(c.status)
				fmt.Fprint(w, c.body)
			}
			sick.Store(true)
			fails := func() {
				t.Helper()
				_, _, err := whole(t.Context(), k.client, k.secret())
				wantError(t, err, c.code, c.want)
				if e := core.AsError(err); strings.Contains(fmt.Sprint(e.Message, e.Err), "v3ry-secret") || strings.Contains(e.Message, "127.0.0.1") || !errors.Is(err, upstream.ErrNotSent) {
					t.Errorf("it tells too much, or not that it was not sent: %v", err)
				}
			}
			fails()
			n := k.fetched.Load()
			fails()
			if got := k.fetched.Load(); got != n {
				t.Errorf("%d more fetches at once", got-n)
			}
			sick.Store(false)
			k.pass(6 * time.Second)
			first := k.shown(t, k.secret())
			sick.Store(true)
			k.pass(56 * time.Minute)
			if got := k.shown(t, k.secret()); got != first {
				t.Errorf("%q while the token holds, want %q", got, first)
			}
			k.pass(4 * time.Minute)
			fails()
		})
	}
}

// TestClient_TokenRefused: a token that the vendor refuses is replaced once; a new
// one that is refused, too, is the vendor's answer.
func TestClient_TokenRefused(t *testing.T) {
	k := newTokens(t)
	if got := k.shown(t, k.secret()); got != "Bearer made-1" {
		t.Fatal(got)
	}
	k.pass(10 * time.Minute)
	k.refuse = func(shown string) bool { return shown == "Bearer made-1" }
	if got := k.shown(t, k.secret()); got != "Bearer made-2" {
		t.Errorf("%q after a refusal", got)
	}
	k.pass(10 * time.Minute)
	k.refuse = func(string) bool { return true }
	for range 3 {
		if resp, _ := mustWhole(t, k.client, k.secret()); resp.Status != 401 {
			t.Errorf("status %d", resp.Status)
		}
	}
	if n := k.fetched.Load(); n != 3 {
		t.Errorf("%d fetches", n)
	}
}

// TestClient_TokenReach: a credential that names its token service gets no further
// than a deployment that names its base URL.
func TestClient_TokenReach(t *testing.T) {
	k := newTokens(t)
	for _, to := range []string{"http://169.254.169.254/latest", "http://10.0.0.1/token", "http://metadata.google.internal/"} {
		r := k.secret()
		r.Credential.Fields["token_url"] = to
		_, _, err := whole(t.Context(), k.client, r)
		wantError(t, err, core.CodeUpstreamUnavailable, "token service cannot be reached")
	}
	if n := k.fetched.Load(); n != 0 {
		t.Errorf("%d fetches", n)
	}
}

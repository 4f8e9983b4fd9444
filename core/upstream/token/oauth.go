package token

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/reach"
	"github.com/tokligence/gateway/pdk/abi"
)

// source makes a library's token source one that fetches once.
type source func(ctx context.Context) oauth2.TokenSource

func (s source) fetch(ctx context.Context, client *http.Client, _ time.Time) (*Token, error) {
	t, err := s(context.WithValue(ctx, oauth2.HTTPClient, client)).Token()
	if err != nil {
		return nil, err
	}
	made := &Token{Bearer: t.AccessToken}
	if !t.Expiry.IsZero() { // counted from the clock of the system, and not the cache's
		made.lifetime = time.Until(t.Expiry).Round(time.Second)
	}
	return made, nil
}

// clientGrant asks by client_id and client_secret (RFC 6749, section 4.4). Servers
// differ in where they want the two; both places are tried.
func clientGrant(a *abi.Auth, cred *core.Credential) (grant, error) {
	f := fields{cred: cred}
	c := clientcredentials.Config{ClientID: f.need("client_id"), ClientSecret: f.need("client_secret"), TokenURL: f.url("token_url", ""),
		Scopes: strings.Fields(a.Scope)}
	if f.err != nil {
		return nil, f.err
	}
	return source(c.TokenSource), nil
}

// publicAuthority is Entra's in the public cloud.
const publicAuthority = "https://login.microsoftonline.com"

// assertionType says that a client proves itself by a signed token (RFC 7523, section 2.2).
const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// entraGrant is clientGrant at a tenant of Microsoft Entra, with a secret or with
// another issuer's token:
// https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
func entraGrant(a *abi.Auth, cred *core.Credential) (grant, error) {
	f := fields{cred: cred}
	tenant := f.need("tenant_id")
	c := clientcredentials.Config{ClientID: f.need("client_id"), Scopes: strings.Fields(a.Scope), AuthStyle: oauth2.AuthStyleInParams}
	if assertion := optional(cred, "federated_token"); assertion != "" {
		c.EndpointParams = url.Values{"client_assertion_type": {assertionType}, "client_assertion": {strings.TrimSpace(assertion)}}
	} else {
		c.ClientSecret = f.need("client_secret")
	}
	c.TokenURL = strings.TrimRight(f.url("authority", publicAuthority), "/") + "/" + url.PathEscape(tenant) + "/oauth2/v2.0/token"
	if f.err != nil {
		return nil, f.err
	}
	return source(c.TokenSource), nil
}

// fields reads a credential and keeps the first thing that is wrong.
type fields struct {
	cred *core.Credential
	err  error
}

func (f *fields) need(name string) string {
	v, err := Field(f.cred, name)
	if f.err == nil && err != nil {
		f.err = err
	}
	return v
}

// url reads an address; usual stands where there is none, and "" for nothing usual.
func (f *fields) url(name, usual string) string {
	v := optional(f.cred, name)
	if v == "" && usual == "" {
		return f.need(name)
	}
	if v == "" {
		return usual
	}
	return f.address(name, v)
}

func (f *fields) address(name, v string) string {
	if _, err := reach.ParseURL(v); err != nil && f.err == nil {
		f.err = refused("%s of the deployment's credential %s", name, err)
	}
	return v
}

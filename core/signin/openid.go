package signin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/tokligence/gateway/core"
)

// Flow is a sign-in under way with an OpenID provider. The browser keeps it and
// brings it back, so that nobody ends in one browser what was begun in another.
type Flow struct {
	Provider string    `json:"provider"`
	State    string    `json:"state"`
	Nonce    string    `json:"nonce"`
	Verifier string    `json:"verifier"` // of PKCE
	ReturnTo string    `json:"return_to,omitempty"`
	Until    time.Time `json:"until"`
}

// FlowFor is how long somebody may take at the provider.
const FlowFor = 10 * time.Minute

// Answer is what the provider sends back by the browser.
type Answer struct {
	State, Code  string
	Issuer       string // RFC 9207; "" from most
	Error        string // why there is no code
	ErrorDetails string
}

// person is somebody as a provider describes them.
type person struct {
	Issuer, Subject string
	Email, Name     string
	EmailVerified   bool
	Groups          []string
}

// openID speaks the authorization code flow with PKCE with one provider. What
// the provider says of itself is read at the first use.
type openID struct {
	issuer, clientID, clientSecret, redirectURL, groupClaim string
	scopes                                                  []string
	client                                                  *http.Client

	mu    sync.Mutex
	found *oidc.Provider
}

// maxDocument bounds a provider's answers.
const maxDocument = 1 << 20

// client is for requests to providers.
func (s *Service) client() *http.Client {
	c := *s.Client
	c.Transport = shortened{c.Transport}
	return &c
}

// shortened ends answers that are too long for what they should be.
type shortened struct{ http.RoundTripper }

func (s shortened) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := s.RoundTripper.RoundTrip(r)
	if err == nil {
		resp.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(resp.Body, maxDocument), resp.Body}
	}
	return resp, err
}

func away(err error) error {
	return core.Errorf(core.CodeUpstreamUnavailable, core.SourceUpstream, "the sign-in provider does not answer as it should").With(err)
}

// unconfirmed is what the person hears whom the provider does not vouch for.
func unconfirmed(err error) error {
	return core.Errorf(core.CodeUnauthenticated, core.SourceClient, "the provider did not confirm the sign-in: start again").With(err)
}

// provider discovers the provider, once.
func (o *openID) provider(ctx context.Context) (*oidc.Provider, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.found == nil {
		p, err := oidc.NewProvider(ctx, o.issuer)
		if err != nil {
			return nil, away(err)
		}
		o.found = p
	}
	return o.found, nil
}

func (o *openID) config(p *oidc.Provider) *oauth2.Config {
	return &oauth2.Config{ClientID: o.clientID, ClientSecret: o.clientSecret, Endpoint: p.Endpoint(), RedirectURL: o.redirectURL, Scopes: o.scopes}
}

// begin returns where to send the browser, and what it is to keep.
func (o *openID) begin(ctx context.Context, now time.Time) (string, *Flow, error) {
	p, err := o.provider(oidc.ClientContext(ctx, o.client))
	if err != nil {
		return "", nil, err
	}
	f := &Flow{State: newSecret(), Nonce: newSecret(), Verifier: oauth2.GenerateVerifier(), Until: now.Add(FlowFor)}
	return o.config(p).AuthCodeURL(f.State, oidc.Nonce(f.Nonce), oauth2.S256ChallengeOption(f.Verifier)), f, nil
}

// finish turns the answer to a flow into who it is.
func (o *openID) finish(ctx context.Context, f *Flow, a Answer, now time.Time) (*person, error) {
	switch {
	case f.State == "" || a.State != f.State:
		return nil, unconfirmed(errors.New("the state is not the one that was sent"))
	case !now.Before(f.Until):
		return nil, unconfirmed(errors.New("it took too long"))
	case a.Issuer != "" && a.Issuer != o.issuer:
		return nil, unconfirmed(fmt.Errorf("the answer is of %q", a.Issuer))
	case a.Error != "":
		return nil, unconfirmed(fmt.Errorf("%.100q %.500q", a.Error, a.ErrorDetails))
	case a.Code == "":
		return nil, unconfirmed(errors.New("there is no code"))
	}
	ctx = oidc.ClientContext(ctx, o.client)
	p, err := o.provider(ctx)
	if err != nil {
		return nil, err
	}
	tokens, err := o.config(p).Exchange(ctx, a.Code, oauth2.VerifierOption(f.Verifier))
	if err != nil {
		var refused *oauth2.RetrieveError
		if errors.As(err, &refused) && refused.Response.StatusCode < 500 {
			return nil, unconfirmed(fmt.Errorf("the code was refused: %s", refused.ErrorCode))
		}
		return nil, away(err)
	}
	raw, _ := tokens.Extra("id_token").(string)
	id, err := p.Verifier(&oidc.Config{ClientID: o.clientID, Now: func() time.Time { return now }}).Verify(ctx, raw)
	if err != nil {
		return nil, unconfirmed(err)
	}
	if id.Nonce != f.Nonce {
		return nil, unconfirmed(errors.New("the nonce is not the one that was sent"))
	}
	var claims map[string]json.RawMessage
	if err := id.Claims(&claims); err != nil {
		return nil, unconfirmed(err)
	}
	if azp := textClaim(claims, "azp"); azp != "" && azp != o.clientID {
		return nil, unconfirmed(errors.New("the token was made for another client"))
	}
	if err := o.complete(ctx, p, tokens, id.Subject, claims); err != nil {
		return nil, err
	}
	return &person{Issuer: o.issuer, Subject: id.Subject, Email: textClaim(claims, "email"), Name: textClaim(claims, "name"),
		EmailVerified: truth(claims["email_verified"]), Groups: textsClaim(claims[o.groupClaim])}, nil
}

// complete asks for what the ID token does not say, where the provider tells.
func (o *openID) complete(ctx context.Context, p *oidc.Provider, tokens *oauth2.Token, subject string, claims map[string]json.RawMessage) error {
	wanted := []string{"email", "email_verified", "name", o.groupClaim}
	has := func(name string) bool { return claims[name] != nil }
	if p.UserInfoEndpoint() == "" || !slices.ContainsFunc(wanted, func(name string) bool { return !has(name) }) {
		return nil
	}
	info, err := p.UserInfo(ctx, oauth2.StaticTokenSource(tokens))
	if err != nil {
		return away(err)
	}
	var more map[string]json.RawMessage
	if err := info.Claims(&more); err != nil {
		return away(err)
	}
	if info.Subject != subject {
		return unconfirmed(errors.New("the user info is of somebody else"))
	}
	if has("email") { // whether it is verified is said of that one, where it stands
		delete(more, "email_verified")
	}
	for _, name := range wanted {
		if !has(name) && more[name] != nil {
			claims[name] = more[name]
		}
	}
	return nil
}

func textClaim(claims map[string]json.RawMessage, name string) (s string) {
	_ = json.Unmarshal(claims[name], &s) // something else is none
	return s
}

// truth reads a boolean; some providers write it as a string.
func truth(raw json.RawMessage) bool {
	return string(raw) == "true" || string(raw) == `"true"`
}

// textsClaim reads a list of strings, or one string. Anything else is none.
func textsClaim(raw json.RawMessage) []string {
	var one string
	if json.Unmarshal(raw, &one) == nil && one != "" {
		return []string{one}
	}
	var many []any
	_ = json.Unmarshal(raw, &many)
	var out []string
	for _, v := range many {
		if s, ok := v.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

package upstream

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/upstream/token"
	"github.com/tokligence/gateway/pdk/abi"
)

// authenticated is what a scheme adds to a request.
type authenticated struct {
	bearer  string
	headers [3]Header // those without name are none
	query   string
	token   *token.Token // what of this was fetched; nil for nothing
}

// authenticate carries out the plan's scheme. The credential is used here and
// nowhere else.
func (c *client) authenticate(ctx context.Context, r *Request, t *target) (a authenticated, err error) {
	switch r.Auth.Scheme {
	case "", abi.AuthNone:
		if r.Authorization != "" {
			a.headers[0] = Header{"authorization", r.Authorization}
		}
		return a, a.clean()
	case abi.AuthSigV4:
		return c.sign(ctx, r, t)
	case abi.AuthGoogle, abi.AuthEntra, abi.AuthOAuth2:
		if a.token, err = c.fetched(ctx, r); err != nil {
			return a, err
		}
		a.bearer = a.token.Bearer
		return a, a.clean()
	}
	value, err := fill(r.Auth.Value, r.Credential)
	if err != nil {
		return a, err
	}
	switch r.Auth.Scheme {
	case abi.AuthBearer:
		a.bearer = value
	case abi.AuthHeader:
		a.headers[0] = Header{r.Auth.Name, value}
	case abi.AuthQuery:
		a.query = url.QueryEscape(r.Auth.Name) + "=" + url.QueryEscape(value)
	default:
		return a, credentialError("the authentication scheme %q is not known", string(r.Auth.Scheme))
	}
	return a, a.clean()
}

// CheckCredential reports whether the credential, nil for none, has what the
// scheme needs. The error is the *core.Error that each request would get.
func CheckCredential(a *abi.Auth, cred *core.Credential) error {
	switch a.Scheme {
	case "", abi.AuthNone:
		return nil
	case abi.AuthSigV4:
		_, role, err := token.Keys(cred)
		if role {
			return token.Check(a, cred)
		}
		return err
	case abi.AuthGoogle, abi.AuthEntra, abi.AuthOAuth2:
		return token.Check(a, cred)
	}
	_, err := fill(a.Value, cred)
	return err
}

// clean refuses what would end a header's line, without quoting it.
func (a *authenticated) clean() error {
	ok := core.IsFieldValue(a.bearer)
	for i := range a.headers {
		h := &a.headers[i]
		ok = ok && (*h == Header{} || core.IsToken(h.Name) && core.IsFieldValue(h.Value))
	}
	if !ok {
		return credentialError("the credential holds characters that no header can carry")
	}
	return nil
}

func credentialError(format string, args ...any) *core.Error {
	return core.Errorf(core.CodeUpstreamCredential, core.SourceGateway, format, args...)
}

const (
	open   = "${credential."
	apiKey = "${credential.api_key}"
)

// fill puts the credential's values in the place of ${credential.name}. A value
// that is missing or empty is an error, never an empty header.
func fill(s string, cred *core.Credential) (string, error) {
	if s == "" || s == apiKey {
		return token.Field(cred, "api_key")
	}
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(s, open)
		out.WriteString(before)
		if !found {
			return out.String(), nil
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed {
			return "", credentialError("a placeholder of the plan is not closed")
		}
		v, err := token.Field(cred, name)
		if err != nil {
			return "", err
		}
		out.WriteString(v)
		s = after
	}
}

// fetched is a token that the credential is exchanged for. Without it the request
// has not left.
func (c *client) fetched(ctx context.Context, r *Request) (*token.Token, error) {
	t, err := c.tokens.Get(ctx, &r.Auth, r.Credential)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotSent, err)
	}
	return t, nil
}

// signingKeys are the credential's own, or those of the role that it may take.
func (c *client) signingKeys(ctx context.Context, r *Request) (keys aws.Credentials, t *token.Token, err error) {
	keys, role, err := token.Keys(r.Credential)
	if err != nil || !role {
		return keys, nil, err
	}
	if t, err = c.fetched(ctx, r); err != nil {
		return keys, nil, err
	}
	return t.AWS, t, nil
}

// sign signs by AWS Signature Version 4.
func (c *client) sign(ctx context.Context, r *Request, t *target) (a authenticated, err error) {
	keys, fetched, err := c.signingKeys(ctx, r)
	if err != nil {
		return a, err
	}
	at := *t.url // the signer sorts its query
	req := &http.Request{Method: r.Method, URL: &at, Host: t.host, Header: http.Header{}, ContentLength: int64(len(r.Body))}
	for i := range r.Headers {
		h := &r.Headers[i]
		ok, err := passes(h, r)
		if err != nil {
			return a, err
		}
		if ok && (h.Name == "content-type" || strings.HasPrefix(h.Name, "x-amz-")) {
			req.Header.Add(h.Name, h.Value)
		}
	}
	sum := sha256.Sum256(r.Body)
	err = c.signer.SignHTTP(ctx, keys, req, hex.EncodeToString(sum[:]), r.Auth.Service, r.Auth.Region, c.Now())
	if err != nil {
		return a, credentialError("the request could not be signed").With(err)
	}
	a.token = fetched
	a.headers[0] = Header{"authorization", req.Header.Get("Authorization")}
	a.headers[1] = Header{"x-amz-date", req.Header.Get("X-Amz-Date")}
	if token := req.Header.Get("X-Amz-Security-Token"); token != "" {
		a.headers[2] = Header{"x-amz-security-token", token}
	}
	return a, a.clean()
}

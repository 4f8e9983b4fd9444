package upstream

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/pdk/abi"
)

// authenticated is what a scheme adds to a request.
type authenticated struct {
	bearer  string
	headers [3]Header // those without name are none
	query   string
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
		_, _, err := signingKey(cred)
		return err
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
		return field(cred, "api_key")
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
		v, err := field(cred, name)
		if err != nil {
			return "", err
		}
		out.WriteString(v)
		s = after
	}
}

func field(cred *core.Credential, name string) (string, error) {
	if cred == nil || cred.Fields[name] == "" {
		return "", credentialError("the deployment's credential has no %s", name)
	}
	return cred.Fields[name], nil
}

func signingKey(cred *core.Credential) (id, secret string, err error) {
	if id, err = field(cred, "access_key_id"); err == nil {
		secret, err = field(cred, "secret_access_key")
	}
	return id, secret, err
}

// sign signs by AWS Signature Version 4.
func (c *client) sign(ctx context.Context, r *Request, t *target) (a authenticated, err error) {
	id, secret, err := signingKey(r.Credential)
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
	err = c.signer.SignHTTP(ctx, aws.Credentials{AccessKeyID: id, SecretAccessKey: secret, SessionToken: r.Credential.Fields["session_token"]},
		req, hex.EncodeToString(sum[:]), r.Auth.Service, r.Auth.Region, c.Now())
	if err != nil {
		return a, credentialError("the request could not be signed").With(err)
	}
	a.headers[0] = Header{"authorization", req.Header.Get("Authorization")}
	a.headers[1] = Header{"x-amz-date", req.Header.Get("X-Amz-Date")}
	if token := req.Header.Get("X-Amz-Security-Token"); token != "" {
		a.headers[2] = Header{"x-amz-security-token", token}
	}
	return a, a.clean()
}

package upstream

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/pdk/abi"
)

// authenticated is what a scheme adds to a request.
type authenticated struct {
	headers []Header
	query   string
}

// authenticate carries out the plan's scheme. The credential is used here and
// nowhere else.
func (c *client) authenticate(ctx context.Context, r *Request, t *target) (a authenticated, err error) {
	switch r.Auth.Scheme {
	case "", abi.AuthNone:
		return a, nil
	case abi.AuthSigV4:
		return c.sign(ctx, r, t)
	}
	value := r.Auth.Value
	if value == "" {
		value = "${credential.api_key}"
	}
	if value, err = fill(value, r.Credential); err != nil {
		return a, err
	}
	switch r.Auth.Scheme {
	case abi.AuthBearer:
		a.headers = []Header{{"Authorization", "Bearer " + value}}
	case abi.AuthHeader:
		a.headers = []Header{{r.Auth.Name, value}}
	case abi.AuthQuery:
		a.query = url.QueryEscape(r.Auth.Name) + "=" + url.QueryEscape(value)
	default:
		return a, credentialError("the authentication scheme %q is not known", string(r.Auth.Scheme))
	}
	for _, h := range a.headers {
		if !cleanHeader(h) {
			return a, credentialError("the credential holds characters that no header can carry")
		}
	}
	return a, nil
}

func credentialError(format string, args ...any) *core.Error {
	return core.Errorf(core.CodeUpstreamCredential, core.SourceGateway, format, args...)
}

// fill puts the credential's values in the place of ${credential.name}. A value
// that is missing or empty is an error, never an empty header.
func fill(s string, cred *core.Credential) (string, error) {
	const open = "${credential."
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

// sign signs by AWS Signature Version 4.
func (c *client) sign(ctx context.Context, r *Request, t *target) (a authenticated, err error) {
	id, err := field(r.Credential, "access_key_id")
	if err != nil {
		return a, err
	}
	secret, err := field(r.Credential, "secret_access_key")
	if err != nil {
		return a, err
	}
	req := &http.Request{Method: r.Method, URL: t.credentialless, Host: t.host, Header: http.Header{}, ContentLength: int64(len(r.Body))}
	for _, h := range r.Headers {
		if h.Name == "content-type" {
			req.Header.Set(h.Name, h.Value)
		}
	}
	sum := sha256.Sum256(r.Body)
	err = v4.NewSigner().SignHTTP(ctx, aws.Credentials{AccessKeyID: id, SecretAccessKey: secret, SessionToken: r.Credential.Fields["session_token"]},
		req, hex.EncodeToString(sum[:]), r.Auth.Service, r.Auth.Region, c.Now())
	if err != nil {
		return a, credentialError("the request could not be signed").With(err)
	}
	for _, name := range [...]string{"Authorization", "X-Amz-Date", "X-Amz-Security-Token"} {
		if v := req.Header.Get(name); v != "" {
			a.headers = append(a.headers, Header{name, v})
		}
	}
	return a, nil
}

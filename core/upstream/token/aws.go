package token

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/pdk/abi"
)

// Keys returns the keys that an aws_sigv4 request is signed with, or reports that a
// role's must be asked for with [Cache.Get].
func Keys(cred *core.Credential) (keys aws.Credentials, role bool, err error) {
	if optional(cred, "role_arn") != "" {
		return keys, true, nil
	}
	keys, err = longLived(cred)
	return keys, false, err
}

// longLived are the keys that the credential has itself: its own, or those of a
// profile in shared_credentials, the text of a file like ~/.aws/credentials.
func longLived(cred *core.Credential) (keys aws.Credentials, err error) {
	if text := optional(cred, "shared_credentials"); text != "" {
		name := optional(cred, "profile")
		if name == "" {
			name = "default"
		}
		p := profile(text, name)
		keys = aws.Credentials{AccessKeyID: p["aws_access_key_id"], SecretAccessKey: p["aws_secret_access_key"], SessionToken: p["aws_session_token"]}
		switch {
		case p == nil:
			return keys, refused("shared_credentials has no such profile")
		case keys.AccessKeyID == "" || keys.SecretAccessKey == "":
			return keys, refused("the profile in shared_credentials lacks aws_access_key_id or aws_secret_access_key")
		}
		return keys, nil
	}
	if keys.AccessKeyID, err = Field(cred, "access_key_id"); err != nil {
		return keys, err
	}
	keys.SecretAccessKey, err = Field(cred, "secret_access_key")
	keys.SessionToken = optional(cred, "session_token")
	return keys, err
}

// profile reads one section of a shared credentials file; nil when it is not there.
// The shared configuration file writes "[profile name]".
func profile(text, name string) map[string]string {
	var found map[string]string
	within := false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if head, ok := strings.CutPrefix(line, "["); ok {
			head, _, _ = strings.Cut(head, "]")
			head = strings.TrimSpace(head)
			within = head == name || strings.TrimSpace(strings.TrimPrefix(head, "profile ")) == name
			if within && found == nil {
				found = map[string]string{}
			}
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !within || !ok || line[0] == '#' || line[0] == ';' {
			continue
		}
		found[strings.ToLower(strings.TrimSpace(key))] = strings.TrimSpace(value)
	}
	return found
}

// role asks AWS's Security Token Service for keys of a role, by another issuer's
// token or by keys of one's own:
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
// and …/API_AssumeRole.html
type role struct {
	url, region string
	form        url.Values
	keys        *aws.Credentials // to sign with; nil for a token in the form
}

// usualSession is the name of a role's session where the credential gives none.
const usualSession = "tokligence-gateway"

func roleGrant(a *abi.Auth, cred *core.Credential) (grant, error) {
	arn, err := Field(cred, "role_arn")
	if err != nil {
		return nil, err
	}
	f := fields{cred: cred}
	r := &role{region: a.Region, url: f.url("sts_url", stsOf(a.Region)), form: url.Values{
		"Version": {"2011-06-15"}, "RoleArn": {arn}, "RoleSessionName": {usualSession}}}
	if name := optional(cred, "role_session_name"); name != "" {
		r.form.Set("RoleSessionName", name)
	}
	if f.err != nil {
		return nil, f.err
	}
	if token := optional(cred, "web_identity_token"); token != "" {
		r.form.Set("Action", "AssumeRoleWithWebIdentity")
		r.form.Set("WebIdentityToken", strings.TrimSpace(token))
		return r, nil
	}
	keys, err := longLived(cred)
	if err != nil {
		return nil, refused("%s: role_arn needs web_identity_token, or keys that may take the role", core.AsError(err).Message)
	}
	r.keys = &keys
	r.form.Set("Action", "AssumeRole")
	if id := optional(cred, "external_id"); id != "" {
		r.form.Set("ExternalId", id)
	}
	return r, nil
}

// stsOf is the service in the model's own region.
func stsOf(region string) string {
	url := "https://sts." + region + ".amazonaws.com"
	if strings.HasPrefix(region, "cn-") {
		url += ".cn"
	}
	return url
}

type stsKeys struct {
	AccessKeyID     string `xml:"AccessKeyId"`
	SecretAccessKey string `xml:"SecretAccessKey"`
	SessionToken    string `xml:"SessionToken"`
	Expiration      string `xml:"Expiration"` // RFC 3339
}

func (r *role) fetch(ctx context.Context, client *http.Client, now time.Time) (*Token, error) {
	body := r.form.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	if r.keys != nil {
		sum := sha256.Sum256([]byte(body))
		if err := v4.NewSigner().SignHTTP(ctx, *r.keys, req, hex.EncodeToString(sum[:]), "sts", r.region, now); err != nil {
			return nil, err
		}
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %d: %s", resp.StatusCode, text)
	}
	var answer struct {
		Web  stsKeys `xml:"AssumeRoleWithWebIdentityResult>Credentials"`
		Role stsKeys `xml:"AssumeRoleResult>Credentials"`
	}
	if err := xml.Unmarshal(text, &answer); err != nil {
		return nil, fmt.Errorf("the answer of STS is not XML: %w", err)
	}
	k := answer.Web
	if r.keys != nil {
		k = answer.Role
	}
	expires, err := time.Parse(time.RFC3339, k.Expiration)
	if err != nil || k.AccessKeyID == "" || k.SecretAccessKey == "" || k.SessionToken == "" {
		return nil, fmt.Errorf("the answer of STS has no keys")
	}
	return &Token{AWS: aws.Credentials{AccessKeyID: k.AccessKeyID, SecretAccessKey: k.SecretAccessKey, SessionToken: k.SessionToken},
		lifetime: max(expires.Sub(now), time.Second)}, nil
}

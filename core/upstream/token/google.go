package token

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"strings"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google/externalaccount"
	"golang.org/x/oauth2/jwt"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/pdk/abi"
)

// Google's own addresses, where a key file names none.
const (
	googleToken = "https://oauth2.googleapis.com/token"
	googleSTS   = "https://sts.googleapis.com/v1/token"
	// cloudScope is everything that the account may do, which its roles say.
	cloudScope = "https://www.googleapis.com/auth/cloud-platform"
)

// keyFile is a file of credentials as Google's tools write it:
// https://cloud.google.com/docs/authentication/application-default-credentials
type keyFile struct {
	Type string `json:"type"`

	ClientEmail  string `json:"client_email"` // service_account
	PrivateKeyID string `json:"private_key_id"`
	PrivateKey   string `json:"private_key"`
	TokenURI     string `json:"token_uri"` // and of authorized_user

	ClientID     string `json:"client_id"` // authorized_user, external_account
	ClientSecret string `json:"client_secret"`
	RefreshToken string `json:"refresh_token"`

	Audience         string `json:"audience"` // external_account
	SubjectTokenType string `json:"subject_token_type"`
	TokenURL         string `json:"token_url"`
	ImpersonationURL string `json:"service_account_impersonation_url"`
	Impersonation    struct {
		Lifetime int `json:"token_lifetime_seconds"`
	} `json:"service_account_impersonation"`
	Source struct {
		Format externalaccount.Format `json:"format"`
	} `json:"credential_source"`
	UserProject string `json:"workforce_pool_user_project"`
}

// googleGrant reads service_account, the text of a key file.
func googleGrant(a *abi.Auth, cred *core.Credential) (grant, error) {
	text, err := Field(cred, "service_account")
	if err != nil {
		return nil, err
	}
	var file keyFile
	if json.Unmarshal([]byte(text), &file) != nil {
		return nil, refused(`service_account is not the JSON text of a key file: "file:PATH" reads one`)
	}
	scopes := strings.Fields(a.Scope)
	if len(scopes) == 0 {
		scopes = []string{cloudScope}
	}
	switch file.Type {
	case "service_account":
		return file.serviceAccount(scopes)
	case "authorized_user":
		return file.authorizedUser(scopes)
	case "external_account":
		return file.externalAccount(scopes, optional(cred, "subject_token"))
	}
	return nil, refused("service_account is not a key file of type service_account, authorized_user or external_account")
}

// lacks is the error for a member that a key file must have.
func lacks(name string) error { return refused("service_account is a key file without %s", name) }

func (k *keyFile) serviceAccount(scopes []string) (grant, error) {
	switch {
	case k.ClientEmail == "":
		return nil, lacks("client_email")
	case k.PrivateKey == "":
		return nil, lacks("private_key")
	case !isKey(k.PrivateKey):
		return nil, refused("private_key of service_account is not an RSA key in PEM form")
	}
	c := jwt.Config{Email: k.ClientEmail, PrivateKey: []byte(k.PrivateKey), PrivateKeyID: k.PrivateKeyID, Scopes: scopes}
	f := fields{}
	if c.TokenURL = googleToken; k.TokenURI != "" {
		c.TokenURL = f.address("token_uri", k.TokenURI)
	}
	return source(c.TokenSource), f.err
}

func (k *keyFile) authorizedUser(scopes []string) (grant, error) {
	switch {
	case k.ClientID == "":
		return nil, lacks("client_id")
	case k.ClientSecret == "":
		return nil, lacks("client_secret")
	case k.RefreshToken == "":
		return nil, lacks("refresh_token")
	}
	c := oauth2.Config{ClientID: k.ClientID, ClientSecret: k.ClientSecret, Scopes: scopes,
		Endpoint: oauth2.Endpoint{TokenURL: googleToken, AuthStyle: oauth2.AuthStyleInParams}}
	f := fields{}
	if k.TokenURI != "" {
		c.Endpoint.TokenURL = f.address("token_uri", k.TokenURI)
	}
	return source(func(ctx context.Context) oauth2.TokenSource {
		return c.TokenSource(ctx, &oauth2.Token{RefreshToken: k.RefreshToken})
	}), f.err
}

// externalAccount exchanges another issuer's token. The file's credential_source
// tells where to read that: a path, an address, a program. None of these is
// followed, since whoever writes a credential need not be allowed to read the
// gateway's files or to run programs on its machine.
func (k *keyFile) externalAccount(scopes []string, subject string) (grant, error) {
	switch {
	case k.Audience == "":
		return nil, lacks("audience")
	case k.SubjectTokenType == "":
		return nil, lacks("subject_token_type")
	case subject == "":
		return nil, refused(`the deployment's credential has no subject_token: give what credential_source of the key file names ("file:PATH")`)
	}
	token, err := k.subject(subject)
	if err != nil {
		return nil, err
	}
	f := fields{}
	c := externalaccount.Config{Audience: k.Audience, SubjectTokenType: k.SubjectTokenType, TokenURL: googleSTS, Scopes: scopes,
		ClientID: k.ClientID, ClientSecret: k.ClientSecret, WorkforcePoolUserProject: k.UserProject,
		ServiceAccountImpersonationURL: k.ImpersonationURL, ServiceAccountImpersonationLifetimeSeconds: k.Impersonation.Lifetime,
		SubjectTokenSupplier: supplied(token)}
	if k.TokenURL != "" {
		c.TokenURL = f.address("token_url", k.TokenURL)
	}
	if k.ImpersonationURL != "" {
		f.address("service_account_impersonation_url", k.ImpersonationURL)
	}
	if f.err != nil {
		return nil, f.err
	}
	if _, err := externalaccount.NewTokenSource(context.Background(), c); err != nil {
		return nil, refused("service_account is not a usable key file of type external_account").With(err)
	}
	return source(func(ctx context.Context) oauth2.TokenSource {
		s, err := externalaccount.NewTokenSource(ctx, c)
		if err != nil {
			return failing{err}
		}
		return s
	}), nil
}

// subject takes the token out of the text that credential_source would have given.
func (k *keyFile) subject(text string) (string, error) {
	if k.Source.Format.Type != "json" {
		return strings.TrimSpace(text), nil
	}
	var members map[string]any
	_ = json.Unmarshal([]byte(text), &members) // what is no object has no member
	token, _ := members[k.Source.Format.SubjectTokenFieldName].(string)
	if token == "" {
		return "", refused("subject_token has no member of the name that the key file gives (subject_token_field_name)")
	}
	return token, nil
}

type supplied string

// SubjectToken implements [externalaccount.SubjectTokenSupplier].
func (s supplied) SubjectToken(context.Context, externalaccount.SupplierOptions) (string, error) {
	return string(s), nil
}

type failing struct{ err error }

// Token implements [oauth2.TokenSource].
func (f failing) Token() (*oauth2.Token, error) { return nil, f.err }

// isKey reports whether the text is a private key that tokens can be signed with (RS256).
func isKey(text string) bool {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return false
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	}
	_, isRSA := key.(*rsa.PrivateKey)
	return err == nil && isRSA
}

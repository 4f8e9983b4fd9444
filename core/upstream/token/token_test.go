package token_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"strings"
	"testing"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/upstream/token"
	"github.com/tokligence/gateway/pdk/abi"
)

// TestCheck: what is wrong with a credential is told by the name of the field, and
// never by a value.
func TestCheck(t *testing.T) {
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(curve)
	if err != nil {
		t.Fatal(err)
	}
	notRSA, _ := json.Marshal(string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
	for _, c := range []struct {
		scheme abi.AuthScheme
		fields map[string]string
		want   string // "" for no error
	}{
		{abi.AuthOAuth2, nil, "has no client_id"},
		{abi.AuthOAuth2, map[string]string{"client_id": "hidden", "client_secret": "hidden"}, "has no token_url"},
		{abi.AuthOAuth2, map[string]string{"client_id": "hidden", "client_secret": "hidden", "token_url": "hidden"}, "token_url of the deployment's credential is not an http"},
		{abi.AuthOAuth2, map[string]string{"client_id": "hidden", "client_secret": "hidden", "token_url": "https://u:hidden@h/"}, "holds a user name"},
		{abi.AuthEntra, map[string]string{"client_id": "hidden"}, "has no tenant_id"},
		{abi.AuthEntra, map[string]string{"client_id": "hidden", "tenant_id": "hidden"}, "has no client_secret"},
		{abi.AuthEntra, map[string]string{"client_id": "hidden", "tenant_id": "hidden", "federated_token": "hidden"}, ""},
		{abi.AuthGoogle, map[string]string{"service_account": "hidden"}, "not the JSON text of a key file"},
		{abi.AuthGoogle, map[string]string{"service_account": `{"type":"hidden"}`}, "not a key file of type service_account, authorized_user or external_account"},
		{abi.AuthGoogle, map[string]string{"service_account": `{"type":"service_account","client_email":"hidden"}`}, "without private_key"},
		{abi.AuthGoogle, map[string]string{"service_account": `{"type":"service_account","client_email":"hidden","private_key":"hidden"}`}, "not an RSA key in PEM form"},
		{abi.AuthGoogle, map[string]string{"service_account": `{"type":"service_account","client_email":"hidden","private_key":` + string(notRSA) + `}`}, "not an RSA key in PEM form"},
		{abi.AuthGoogle, map[string]string{"service_account": `{"type":"authorized_user","client_id":"hidden","client_secret":"hidden"}`}, "without refresh_token"},
		{abi.AuthGoogle, map[string]string{"service_account": `{"type":"authorized_user","client_id":"hidden","client_secret":"hidden","refresh_token":"hidden","token_uri":"ftp://hidden"}`}, "token_uri of the deployment's credential is not"},
		{abi.AuthGoogle, map[string]string{"service_account": `{"type":"external_account","audience":"hidden","subject_token_type":"t","credential_source":{"file":"/hidden"}}`}, "has no subject_token"},
		{abi.AuthGoogle, map[string]string{"subject_token": "hidden",
			"service_account": `{"type":"external_account","audience":"a","subject_token_type":"t","credential_source":{"format":{"type":"json","subject_token_field_name":"x"}}}`}, "has no member of the name"},
		{abi.AuthGoogle, map[string]string{"subject_token": "hidden", "service_account": `{"type":"external_account","audience":"a","subject_token_type":"t","credential_source":{"executable":{"command":"rm"}}}`}, ""},
		{abi.AuthSigV4, map[string]string{"role_arn": "hidden"}, "role_arn needs web_identity_token"},
		{abi.AuthSigV4, map[string]string{"role_arn": "hidden", "web_identity_token": "hidden"}, ""},
		{abi.AuthSigV4, map[string]string{"role_arn": "hidden", "web_identity_token": "hidden", "sts_url": "hidden"}, "sts_url of the deployment's credential is not"},
	} {
		err := token.Check(&abi.Auth{Scheme: c.scheme, Region: "eu-west-1"}, &core.Credential{Fields: c.fields})
		switch {
		case c.want == "" && err != nil, c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s %v: %v, want %q", c.scheme, c.fields, err, c.want)
		case err != nil && (strings.Contains(err.Error(), "hidden") || core.AsError(err).Code != core.CodeUpstreamCredential):
			t.Errorf("%v", err)
		}
	}
	if err := token.Check(&abi.Auth{Scheme: abi.AuthGoogle}, nil); err == nil {
		t.Error("no credential is one")
	}
}

// TestKeys: where the keys of a signature come from.
func TestKeys(t *testing.T) {
	shared := "; mine\n[default]\naws_access_key_id=A\naws_secret_access_key=B=C\naws_session_token=D\n[half]\naws_access_key_id=A\n[ spaced ]\naws_access_key_id = E\r\naws_secret_access_key = F\r\n[sso]\nsso_session = x"
	for _, c := range []struct {
		fields map[string]string
		keys   string
		want   string
	}{
		{map[string]string{"access_key_id": "a", "secret_access_key": "b", "session_token": "c"}, "a b c", ""},
		{map[string]string{"shared_credentials": shared}, "A B=C D", ""},
		{map[string]string{"shared_credentials": shared, "profile": "spaced"}, "E F ", ""},
		{map[string]string{"shared_credentials": shared, "profile": "half"}, "", "lacks aws_access_key_id or aws_secret_access_key"},
		{map[string]string{"shared_credentials": shared, "profile": "sso"}, "", "lacks aws_access_key_id"},
		{map[string]string{"shared_credentials": shared, "profile": "none"}, "", "no such profile"},
		{map[string]string{"profile": "default"}, "", "has no access_key_id"},
		{map[string]string{"access_key_id": "a"}, "", "has no secret_access_key"},
	} {
		k, role, err := token.Keys(&core.Credential{Fields: c.fields})
		switch {
		case role, c.want == "" && (err != nil || k.AccessKeyID+" "+k.SecretAccessKey+" "+k.SessionToken != c.keys):
			t.Errorf("%v: %v %v %v", c.fields, k, role, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%v: %v, want %q", c.fields, err, c.want)
		}
	}
}

func FuzzKeys(f *testing.F) {
	f.Add("[default]\na=b", "default")
	f.Add("=\n[", "")
	f.Fuzz(func(t *testing.T, shared, profile string) {
		k, role, err := token.Keys(&core.Credential{Fields: map[string]string{"shared_credentials": shared, "profile": profile}})
		if role || (err == nil) != (k.AccessKeyID != "" && k.SecretAccessKey != "") && shared != "" {
			t.Fatalf("%q %q: %v, %v", shared, profile, k.AccessKeyID, err)
		}
	})
}

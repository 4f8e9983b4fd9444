package core_test

import (
	"strings"
	"testing"

	"github.com/tokligence/gateway/core"
)

func TestMaskSecrets(t *testing.T) {
	for text, want := range map[string]string{
		"sk-tok-Ab12Cd34Ef56Gh78Ij90":                                    "***",
		"no key sk-tok-Ab12Cd34Ef56Gh78Ij90, and more":                   "no key ***, and more",
		"there is nothing at /v1/keys/sk-proj-0123456789abcdef_ghij.":    "there is nothing at /v1/keys/***.",
		"?key=AIzaSyA0123456789abcdefghijklmnopqrstuv&x":                 "?key=***&x",
		"key%3Dsk-ant-api03-0123456789abcdefgh":                          "key%3D***",
		"\"sk-ant-api03-0123456789-AA\" sk-or-v1-0123456789abcdef0123":   "\"***\" ***",
		"AKIAIOSFODNN7EXAMPLE":                                           "***",
		"client GOCSPX-0123456789abcdefABCDEF_-ghij":                     "client ***",
		"Bearer eyJhbGciOi.eyJzdWIiOiIxMjM0NTY3ODkwIn0.c2lnbmF0dXJlMTIz": "Bearer ***",
		"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw":                         "***",
		"":                                                               "",
		"sk-short1":                                                      "sk-short1",
		"sk-tok-ab12":                                                    "sk-tok-ab12", // a visible beginning
		"sk-learn-production-pipeline":                                   "sk-learn-production-pipeline",
		"task-0123456789-0123456789":                                     "task-0123456789-0123456789",
		"claude-sonnet-4-5-20250929":                                     "claude-sonnet-4-5-20250929",
		"key_01KAN6R5T8V9W0X1Y2Z3A4B5C6":                                 "key_01KAN6R5T8V9W0X1Y2Z3A4B5C6",
		"eyJ0123456789012345678901234567890123456":                       "eyJ0123456789012345678901234567890123456", // no dots
		"meta-llama/Llama-3.3-70B-Instruct-Turbo":                        "meta-llama/Llama-3.3-70B-Instruct-Turbo",
	} {
		got := core.MaskSecrets(text)
		if got != want || core.LooksSecret(text) != (want != text) {
			t.Errorf("%q: %q, %v, want %q", text, got, core.LooksSecret(text), want)
		}
	}
	if got := core.MaskSecrets("what-I-brought is no key of form x", "what-I-brought", "x", ""); got != "*** is no key of form x" {
		t.Error(got)
	}
	if n := testing.AllocsPerRun(100, func() { core.MaskSecrets("claude-sonnet-4-5-20250929") }); n != 0 {
		t.Errorf("%v allocations for a text without secrets", n)
	}
}

// FuzzMaskSecrets: masking ends, finds what LooksSecret sees, and is done at once.
func FuzzMaskSecrets(f *testing.F) {
	f.Add("a sk-tok-Ab12Cd34Ef56Gh78Ij90 eyJhbGciOi.eyJzdWIiOiIxMjM0NTY3ODkwIn0.c2lnbmF0dXJlMTIz")
	f.Fuzz(func(t *testing.T, text string) {
		masked := core.MaskSecrets(text)
		if core.LooksSecret(text) != (masked != text) {
			t.Fatalf("%q → %q", text, masked)
		}
		if core.LooksSecret(masked) {
			t.Fatalf("%q → %q", text, masked)
		}
		if !strings.Contains(masked, "***") && masked != text {
			t.Fatalf("%q → %q", text, masked)
		}
	})
}

func BenchmarkMaskSecrets(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		core.MaskSecrets("claude-sonnet-4-5-20250929")
	}
}

// TestCredential_Redact: a value is taken out as it is and as a URL has it, and so
// is what is secret within a file; what names the account stays.
func TestCredential_Redact(t *testing.T) {
	c := &core.Credential{Fields: map[string]string{
		"api_key":            "k/1 2",
		"service_account":    "{\"type\":\"service_account\",\"client_email\":\"robot@p.example\",\"private_key\":\"-----BEGIN-----\\nabc\\n\"}",
		"shared_credentials": "[default]\naws_access_key_id = AKI\n AWS_SECRET_ACCESS_KEY = s3cr=t \r\n",
	}}
	for text, want := range map[string]string{
		"key k/1 2 and ?k%2F1+2":                                   "key *** and ?***",
		"robot@p.example with -----BEGIN-----\nabc\n is not known": "robot@p.example with *** is not known",
		"robot@p.example with -----BEGIN-----\nabc is not known":   "robot@p.example with *** is not known",
		"the secret of AKI is s3cr=t":                              "the secret of AKI is ***",
		"service_account":                                          "service_account",
	} {
		if got := c.Redact(text, 4); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

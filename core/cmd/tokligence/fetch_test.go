package main

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/config"
	"github.com/tokligence/gateway/core/guard"
	"github.com/tokligence/gateway/core/obs"
	"github.com/tokligence/gateway/core/plugin"
	"github.com/tokligence/gateway/core/upstream"
	"github.com/tokligence/gateway/pdk/abi"
)

// nearby lets a client reach the test's own servers.
type nearby struct{ upstream.Client }

func (n nearby) Do(ctx context.Context, r *upstream.Request) (*upstream.Response, error) {
	r.AllowPrivate = true
	return n.Client.Do(ctx, r)
}

// host is a server that repeats all that it is told, in every way that it can.
type host struct {
	*httptest.Server
	name  string // as in allow_hosts
	heard []http.Header
}

func startHost(t *testing.T) *host {
	h := &host{}
	h.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		h.heard = append(h.heard, r.Header)
		key := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		w.Header().Set("Content-Type", "text/"+r.Header.Get("X-Key")+key)
		w.WriteHeader(418)
		_ = json.NewEncoder(w).Encode([]any{r.Header, string(body), r.URL.String(), url.QueryEscape(key)})
	}))
	t.Cleanup(h.Close)
	h.name = strings.TrimPrefix(h.URL, "https://")
	return h
}

// TestFetch_Credential lets a hostile guest use a credential: it works towards
// the granted host, and the guest learns nothing of it, whatever it tries.
func TestFetch_Credential(t *testing.T) {
	granted, other := startHost(t), startHost(t)
	// Both stand in the manifest, so that the guest's own word does not stop it.
	file := filepath.Join(t.TempDir(), "guest.wasm")
	build := exec.Command("go", "build", "-buildmode=c-shared", "-ldflags=-s -w -X main.hosts="+granted.name, "-o", file, "./testdata/guest")
	build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the guest: %v\n%s", err, out)
	}
	const secret = "sk/MARK+1" // its forms in a URL and in a body differ
	var log bytes.Buffer
	loader := newLoader(obs.NewLogger(&log, -8), "")
	declared := config.Plugin{ID: "guardrail.guest", Source: file, AllowHosts: []string{granted.name}, Credential: "c", Config: json.RawMessage(`{"a":1}`)}
	loaded, err := loader.Load(t.Context(), declaration(declared))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		loaded.Release()
		if err := loader.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	guardrail, err := plugin.AsGuardrail(loaded)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(granted.Certificate())
	roots.AddCert(other.Certificate())
	client := upstream.New(upstream.Options{RootCAs: roots})
	t.Cleanup(client.Close)
	f := &fetcher{client: nearby{client}, plugins: []config.Plugin{{ID: "guardrail.else", AllowHosts: []string{other.name}}, declared},
		credentials: map[string]*core.Credential{"c": {Name: "c", Fields: map[string]string{"api_key": secret}}, "d": {Name: "d", Fields: map[string]string{"api_key": secret}}}}
	chain := guard.NewChain([]guard.Attachment{{GuardrailAttachment: core.GuardrailAttachment{Name: "g", Plugin: "guardrail.guest", Stages: []string{"input"}}, Guardrail: guardrail}},
		f, obs.NewLogger(&log, -8))
	const key = "${credential.api_key}"
	for _, c := range []struct {
		name, url string
		headers   abi.Headers
		body      string
		arrives   string // the header that the granted host gets, "" when it gets nothing
		told      string // within what the guest learns
		failed    bool   // the guest's answer breaks the contract
	}{
		{"bearer", granted.URL, abi.Headers{"Authorization": "Bearer " + key, "X-More": "1"}, "text", "Authorization: Bearer " + secret, `418`, false},
		{"a header of its own", granted.URL, abi.Headers{"x-key": key}, "", "X-Key: " + secret, `***`, false},
		{"no key", granted.URL, nil, "text", "Content-Length: 4", `418`, false},
		{"another host", other.URL, abi.Headers{"authorization": key}, "", "", "", true},
		{"in the URL", granted.URL + "/?k=" + key, nil, "", "", "nowhere else", false},
		{"in the body", granted.URL, nil, key, "", "nowhere else", false},
		{"twice", granted.URL, abi.Headers{"x-a": key, "x-b": key}, "", "", "nowhere else", false},
		{"a field that is not there", granted.URL, abi.Headers{"x-a": "${credential.other}"}, "", "", "has no other", false},
		{"not closed", granted.URL, abi.Headers{"x-a": "${credential.api_key"}, "", "", "not closed", false},
		{"as the host header", granted.URL, abi.Headers{"host": key}, "", "", "", true},
		{"as a cookie", granted.URL, abi.Headers{"cookie": key}, "", "", "", true},
		{"a key of its own", granted.URL, abi.Headers{"authorization": "Bearer mine"}, "", "", "the gateway's own", false},
		{"not https", strings.Replace(granted.URL, "https", "http", 1), nil, "", "", "", true},
		{"a line of its own", granted.URL, abi.Headers{"x-a": key + "\r\nx-b: 1"}, "", "", "", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			granted.heard, other.heard = nil, nil
			log.Reset()
			request, err := json.Marshal(abi.HTTPRequest{Method: "POST", URL: c.url, Headers: c.headers, Body: c.body})
			if err != nil {
				t.Fatal(err)
			}
			text, err := json.Marshal("FETCH " + string(request))
			if err != nil {
				t.Fatal(err)
			}
			out, err := chain.Begin(abi.Chat, "m").Input(t.Context(), []byte(`{"messages":[{"role":"user","content":`+string(text)+`}]}`))
			if c.failed != (err != nil) {
				t.Errorf("%v", err)
			}
			told := strings.ReplaceAll(string(out), `\`, "")
			if strings.Contains(told+log.String(), "MARK") || !strings.Contains(told, c.told) || !c.failed && !strings.Contains(log.String(), "guardrail.guest") {
				t.Errorf("the guest was told %s\nand logged %s", told, log.String())
			}
			if len(other.heard) > 0 || len(granted.heard) > 1 || (len(granted.heard) == 1) != (c.arrives != "") {
				t.Fatalf("heard %v, and elsewhere %v", granted.heard, other.heard)
			}
			if c.arrives != "" {
				name, value, _ := strings.Cut(c.arrives, ": ")
				if granted.heard[0].Get(name) != value {
					t.Errorf("heard %v", granted.heard[0])
				}
			}
		})
	}
	// What is not declared has nothing, and a grant is of one plugin and host.
	for _, id := range []string{"guardrail.else", "guardrail.nobody"} {
		if got := f.Fetch(t.Context(), id, &abi.HTTPRequest{Method: "GET", URL: granted.URL, Headers: abi.Headers{"x-a": key}}); got.Error != errNotGranted.Error() {
			t.Errorf("%s: %+v", id, got)
		}
	}
	if got := f.Fetch(t.Context(), "guardrail.else", &abi.HTTPRequest{Method: "GET", URL: other.URL, Headers: abi.Headers{"x-a": key}}); got.Error == "" || len(other.heard) > 0 {
		t.Errorf("a plugin without a credential: %+v", got)
	}
}

package upstream_test

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"log"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/upstream"
	"github.com/tokligence/gateway/pdk/abi"
)

var quiet = log.New(io.Discard, "", 0)

// capture answers every request and passes it on as it came.
func capture(t *testing.T) (url string, requests chan string) {
	requests = make(chan string, 10)
	url = rawVendor(t, func(n int, c *rawConn) {
		for {
			r := c.request()
			if r == "" {
				return
			}
			requests <- r
			c.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		}
	})
	return url, requests
}

var secrets = &core.Credential{Name: "main", Fields: map[string]string{
	"api_key": "sk-secret", "organization": "org-1", "odd": "a b&c=d%", "bad": "x\r\nevil: 1", "empty": "",
	"access_key_id": "AKIDEXAMPLE", "secret_access_key": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
}}

func TestClient_RequestBytes(t *testing.T) {
	url, requests := capture(t)
	c := newClient(t, upstream.Options{})
	host := strings.TrimPrefix(url, "http://")
	const tail = "user-agent: tokligence-gateway\r\naccept-encoding: identity\r\n"
	cases := []struct {
		name string
		r    upstream.Request
		want string // the request line and what follows Host
	}{
		{"plain", upstream.Request{Method: "POST", URL: url + "/v1/chat", Body: []byte("{}")},
			"POST /v1/chat HTTP/1.1\r\n" + tail + "content-length: 2\r\n\r\n{}"},
		{"get has no length", upstream.Request{Method: "GET", URL: url}, "GET / HTTP/1.1\r\n" + tail + "\r\n"},
		{"post without body", upstream.Request{Method: "POST", URL: url + "/a%2Fb?x=%20"}, "POST /a%2Fb?x=%20 HTTP/1.1\r\n" + tail + "content-length: 0\r\n\r\n"},
		{"bearer", upstream.Request{Method: "GET", URL: url, Auth: abi.Auth{Scheme: abi.AuthBearer}},
			"GET / HTTP/1.1\r\nauthorization: Bearer sk-secret\r\n" + tail + "\r\n"},
		{"header", upstream.Request{Method: "GET", URL: url, Auth: abi.Auth{Scheme: abi.AuthHeader, Name: "X-Key", Value: "${credential.organization}:${credential.api_key}"},
			Headers: []upstream.Header{{Name: "x-key", Value: "the client's"}}},
			"GET / HTTP/1.1\r\nX-Key: org-1:sk-secret\r\n" + tail + "\r\n"},
		{"query", upstream.Request{Method: "GET", URL: url + "/x", Auth: abi.Auth{Scheme: abi.AuthQuery, Name: "key", Value: "${credential.odd}"}},
			"GET /x?key=a+b%26c%3Dd%25 HTTP/1.1\r\n" + tail + "\r\n"},
		{"query behind another", upstream.Request{Method: "GET", URL: url + "/x?alt=sse", Auth: abi.Auth{Scheme: abi.AuthQuery, Name: "key"}},
			"GET /x?alt=sse&key=sk-secret HTTP/1.1\r\n" + tail + "\r\n"},
		{"headers that are ours", upstream.Request{Method: "POST", URL: url, Body: []byte("x"), Headers: []upstream.Header{
			{Name: "host", Value: "evil"}, {Name: "content-length", Value: "99"}, {Name: "transfer-encoding", Value: "chunked"},
			{Name: "connection", Value: "x-foo"}, {Name: "expect", Value: "100-continue"}, {Name: "accept-encoding", Value: "br, zstd"},
			{Name: "authorization", Value: "Bearer tok-virtual"}, {Name: "cookie", Value: "a=b"}, {Name: "x-api-key", Value: "tok-virtual"},
			{Name: "api-key", Value: "tok-virtual"}, {Name: "te", Value: "trailers"}, {Name: "upgrade", Value: "h2c"},
			{Name: "content-type", Value: "application/json"}, {Name: "user-agent", Value: "mine"}, {Name: "x-more", Value: "a\tb \xc3\xb6"}}},
			"POST / HTTP/1.1\r\ncontent-type: application/json\r\nuser-agent: mine\r\nx-more: a\tb \xc3\xb6\r\naccept-encoding: identity\r\ncontent-length: 1\r\n\r\nx"},
		{"a placeholder in a header is text", upstream.Request{Method: "GET", URL: url, Headers: []upstream.Header{{Name: "x-beta", Value: "${credential.api_key}"}}},
			"GET / HTTP/1.1\r\nx-beta: ${credential.api_key}\r\n" + tail + "\r\n"},
	}
	for _, cs := range cases {
		t.Run(cs.name, func(t *testing.T) {
			cs.r.AllowPrivate, cs.r.Credential = true, secrets
			mustWhole(t, c, &cs.r)
			got := <-requests
			line, rest, _ := strings.Cut(got, "\r\n")
			rest, ok := strings.CutPrefix(rest, "host: "+host+"\r\n")
			if got := line + "\r\n" + rest; !ok || got != cs.want {
				t.Errorf("sent\n%q\nwant\n%q", got, cs.want)
			}
		})
	}
}

func TestClient_RefusesToSend(t *testing.T) {
	url, requests := capture(t)
	c := newClient(t, upstream.Options{})
	none := &core.Credential{Name: "none"}
	cases := []struct {
		name string
		r    upstream.Request
		code core.Code
		want string
	}{
		{"no credential", upstream.Request{Auth: abi.Auth{Scheme: abi.AuthBearer}}, core.CodeUpstreamCredential, "api_key"},
		{"field missing", upstream.Request{Auth: abi.Auth{Scheme: abi.AuthHeader, Name: "x", Value: "${credential.team}"}, Credential: secrets}, core.CodeUpstreamCredential, "team"},
		{"field empty", upstream.Request{Auth: abi.Auth{Scheme: abi.AuthQuery, Name: "x", Value: "${credential.empty}"}, Credential: secrets}, core.CodeUpstreamCredential, "empty"},
		{"line end in it", upstream.Request{Auth: abi.Auth{Scheme: abi.AuthBearer, Value: "${credential.bad}"}, Credential: secrets}, core.CodeUpstreamCredential, "no header can carry"},
		{"line end in it, header", upstream.Request{Auth: abi.Auth{Scheme: abi.AuthHeader, Name: "x", Value: "${credential.bad}"}, Credential: secrets}, core.CodeUpstreamCredential, "no header can carry"},
		{"header without name", upstream.Request{Auth: abi.Auth{Scheme: abi.AuthHeader}, Credential: secrets}, core.CodeUpstreamCredential, "no header can carry"},
		{"placeholder not closed", upstream.Request{Auth: abi.Auth{Scheme: abi.AuthBearer, Value: "${credential.api_key"}, Credential: secrets}, core.CodeUpstreamCredential, "not closed"},
		{"unknown scheme", upstream.Request{Auth: abi.Auth{Scheme: "oauth9"}, Credential: secrets}, core.CodeUpstreamCredential, "oauth9"},
		{"aws without id", upstream.Request{Auth: abi.Auth{Scheme: abi.AuthSigV4}, Credential: none}, core.CodeUpstreamCredential, "access_key_id"},
		{"header value", upstream.Request{Headers: []upstream.Header{{Name: "x", Value: "a\r\nevil: 1"}}}, core.CodeUpstreamUnavailable, "header"},
		{"header name", upstream.Request{Headers: []upstream.Header{{Name: "x y", Value: "1"}}}, core.CodeUpstreamUnavailable, "header"},
		{"method", upstream.Request{Method: "GET / HTTP/1.1\r\nx: y\r\n\r\nGET"}, core.CodeUpstreamUnavailable, "method"},
	}
	for _, cs := range cases {
		t.Run(cs.name, func(t *testing.T) {
			cs.r.URL, cs.r.AllowPrivate = url, true
			if cs.r.Method == "" {
				cs.r.Method = "POST"
			}
			_, err := c.Do(t.Context(), &cs.r)
			wantError(t, err, cs.code, cs.want)
			for _, v := range secrets.Fields {
				if v != "" && strings.Contains(err.Error(), v) {
					t.Errorf("%v holds a credential", err)
				}
			}
			if len(requests) > 0 {
				t.Errorf("sent %q", <-requests)
			}
		})
	}
}

// TestClient_ErrorsHoldNoCredential: also those that come from the network.
func TestClient_ErrorsHoldNoCredential(t *testing.T) {
	broken := rawVendor(t, func(n int, c *rawConn) { c.request(); c.reset() })
	c := newClient(t, upstream.Options{})
	for _, auth := range []abi.Auth{{Scheme: abi.AuthBearer}, {Scheme: abi.AuthHeader, Name: "x-key"}, {Scheme: abi.AuthQuery, Name: "key"},
		{Scheme: abi.AuthSigV4, Service: "bedrock", Region: "us-east-1"}} {
		for _, url := range []string{broken, "http://127.0.0.1:1/", "https://does-not-exist.invalid/"} {
			r := post(url, "x")
			r.Auth, r.Credential = auth, secrets
			_, err := c.Do(t.Context(), r)
			var e *core.Error
			if !errors.As(err, &e) {
				t.Fatal(err)
			}
			for name, v := range secrets.Fields {
				if v != "" && strings.Contains(e.Error(), v) {
					t.Errorf("%s, %s: %v holds %s", auth.Scheme, url, e, name)
				}
			}
		}
	}
}

// TestClient_SigV4 signs what arrived once more and expects the same signature.
func TestClient_SigV4(t *testing.T) {
	url, requests := capture(t)
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	c := newClient(t, upstream.Options{Now: func() time.Time { return now }})
	for _, token := range []string{"", "session/token=="} {
		cred := &core.Credential{Fields: map[string]string{"access_key_id": "AKIDEXAMPLE", "secret_access_key": "wJalr", "session_token": token}}
		r := post(url+"/model/anthropic.claude-3%3A0/invoke?b=2&a=1%20x", `{"x":1}`)
		r.Auth = abi.Auth{Scheme: abi.AuthSigV4, Service: "bedrock", Region: "eu-central-1"}
		r.Credential = cred
		r.Headers = []upstream.Header{{Name: "content-type", Value: "application/json"}, {Name: "x-amz-date", Value: "19700101T000000Z"}, {Name: "x-amz-more", Value: "1"}}
		mustWhole(t, c, r)
		raw := <-requests
		got, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw)))
		if err != nil {
			t.Fatal(err)
		}
		if got.URL.RequestURI() != "/model/anthropic.claude-3%3A0/invoke?b=2&a=1%20x" || got.Header.Get("X-Amz-Date") != "20260102T030405Z" ||
			len(got.Header.Values("X-Amz-Date")) != 1 || got.Header.Get("X-Amz-Security-Token") != token {
			t.Errorf("sent %q", raw)
		}
		signature := got.Header.Get("Authorization")
		for _, name := range []string{"Authorization", "User-Agent", "Accept-Encoding", "X-Amz-Date", "X-Amz-Security-Token"} {
			got.Header.Del(name)
		}
		sum := sha256.Sum256([]byte(`{"x":1}`))
		err = v4.NewSigner().SignHTTP(t.Context(), aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "wJalr", SessionToken: token},
			got, hex.EncodeToString(sum[:]), "bedrock", "eu-central-1", now)
		if err != nil || signature != got.Header.Get("Authorization") || !strings.Contains(signature, "content-type;host") || !strings.Contains(signature, "x-amz-more") {
			t.Errorf("signed\n%s\nwant\n%s\n%v", signature, got.Header.Get("Authorization"), err)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	cases := []struct { // C83
		value string
		want  time.Duration
		ok    bool
	}{
		{"1", time.Second, true},
		{" 30 ", 30 * time.Second, true},
		{"0", 0, true},
		{"0.5", 500 * time.Millisecond, true},
		{"99999", 99999 * time.Second, true},
		{"9999999999999999999999", 100 * 365 * 24 * time.Hour, true},
		{now.Add(2 * time.Second).Format(http.TimeFormat), 2 * time.Second, true},
		{now.Add(-time.Hour).Format(http.TimeFormat), 0, true},
		{"", 0, false}, {"-5", 0, false}, {"abc", 0, false}, {"1e9", 0, false}, {"NaN", 0, false}, {"inf", 0, false}, {"0x10", 0, false}, {".", 0, false}, {"1.2.3", 0, false},
	}
	for _, c := range cases {
		if d, ok := upstream.RetryAfter(c.value, now); ok != c.ok || ok && d != c.want {
			t.Errorf("%q: %s, %v; want %s, %v", c.value, d, ok, c.want, c.ok)
		}
	}
}

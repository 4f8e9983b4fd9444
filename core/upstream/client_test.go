package upstream_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/upstream"
	"github.com/tokligence/gateway/pdk/abi"
)

// TestClient_Concurrent: nobody gets another's answer.
func TestClient_Concurrent(t *testing.T) {
	v := newVendor(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		if len(b)%2 == 0 {
			w.(http.Flusher).Flush()
		}
		_, _ = w.Write(b)
	})
	c := newClient(t, upstream.Options{})
	var wg sync.WaitGroup
	for g := range 16 {
		wg.Go(func() {
			for i := range 20 {
				in := strings.Repeat(fmt.Sprint(g, i, ";"), g*100)
				r := post(v.URL+"/?b=1&a=2", in)
				r.Credential = secrets
				r.Auth = abi.Auth{Scheme: []abi.AuthScheme{abi.AuthBearer, abi.AuthSigV4}[i%2], Service: "bedrock", Region: "us-east-1"}
				ctx, cancel := context.WithCancel(t.Context())
				_, body, err := whole(ctx, c, r)
				if cancel(); body != in || err != nil {
					t.Errorf("%d %d: %v, %d bytes of %d", g, i, err, len(body), len(in))
				}
			}
		})
	}
	wg.Wait()
	if n := v.connections.Load(); n > 16 {
		t.Errorf("%d connections for 16 at a time", n)
	}
}

// TestClient_Broken: an answer that breaks off is never taken for a whole one.
func TestClient_Broken(t *testing.T) {
	const head = "HTTP/1.1 200 OK\r\n"
	cases := []struct {
		name, answer string
		reset        bool
		body         string
	}{
		{"length, closed", head + "Content-Length: 10\r\n\r\nhalf", false, "half"},
		{"length, reset", head + "Content-Length: 10\r\n\r\n", true, ""},
		{"chunked, within a chunk", head + "Transfer-Encoding: chunked\r\n\r\na\r\nhalf", false, "half"},
		{"chunked, before the last chunk", head + "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", false, "half"},
		{"chunked, after a chunk's data", head + "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf", false, "half"},
		{"chunked, within the end", head + "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\n", false, "half"},
		{"chunked, within a size", head + "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n1", false, "half"},
		{"gzip cut", head + "Content-Encoding: gzip\r\n\r\n" + zip("whole")[:15], false, "whole"},
		{"gzip, length cut", head + "Content-Encoding: gzip\r\nContent-Length: 100\r\n\r\n" + zip("whole"), false, "whole"},
	}
	for _, cs := range cases {
		t.Run(cs.name, func(t *testing.T) {
			url := rawVendor(t, func(n int, c *rawConn) {
				c.request()
				c.say(cs.answer)
				if cs.reset {
					c.reset()
				}
			})
			_, body, err := whole(t.Context(), newClient(t, upstream.Options{}), post(url, ""))
			wantError(t, err, core.CodeUpstreamUnavailable, "")
			if body != cs.body && !strings.HasPrefix(cs.body, body) || !errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
				t.Errorf("got %q and %v, want %q and an unexpected end", body, err, cs.body)
			}
		})
	}
}

func zip(s string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = io.WriteString(z, s)
	z.Close()
	return b.String()
}

// TestClient_EarlyAnswer: a vendor that refuses a large body before it has read
// it, and stops reading, is heard.
func TestClient_EarlyAnswer(t *testing.T) {
	const refusal = "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig"
	for _, stays := range []bool{true, false} {
		done := make(chan struct{})
		url := rawVendor(t, func(n int, c *rawConn) {
			_, _ = c.r.ReadString('\n')
			c.say(refusal)
			if stays {
				<-done
			}
		})
		resp, body, err := whole(t.Context(), newClient(t, upstream.Options{}), post(url, strings.Repeat("x", 32<<20)))
		close(done)
		if err != nil || resp.Status != 413 || body != "big" {
			t.Errorf("vendor stays %v: %q, %v", stays, body, err)
		}
	}
}

func TestReadAll(t *testing.T) {
	v := newVendor(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/length" {
			w.Header().Set("Content-Length", "5000")
		}
		fmt.Fprint(w, strings.Repeat("x", 5000))
	})
	c := newClient(t, upstream.Options{})
	for _, path := range []string{"/length", "/chunked"} {
		for _, limit := range []int64{4999, 5000, 1 << 20} {
			resp, err := c.Do(t.Context(), post(v.URL+path, ""))
			if err != nil {
				t.Fatal(err)
			}
			b, err := upstream.ReadAll(resp, limit, nil)
			if limit < 5000 && err != upstream.ErrTooLarge || limit >= 5000 && (err != nil || len(b) != 5000) {
				t.Errorf("%s, limit %d: %d bytes, %v", path, limit, len(b), err)
			}
			resp.Body.Close()
		}
	}
}

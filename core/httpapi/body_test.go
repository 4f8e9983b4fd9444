package httpapi_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestBodies: what a body may not be, in both dialects. The vendor is called for none of them (C82).
func TestBodies(t *testing.T) {
	r := newRig(t)
	zipped := func(s string) string {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		io.WriteString(z, s)
		z.Close()
		return b.String()
	}
	pad := func(n int) string { return hello[:len(hello)-1] + `,"pad":"` + strings.Repeat("x", n) + `"}` }
	r.each(func(t *testing.T, w way) {
		for _, c := range []struct {
			name, body string
			headers    []string
			status     int
		}{
			{"empty", "", nil, 400},
			{"broken", `{bad`, nil, 400},
			{"a form", "model=m&messages=hi", []string{"Content-Type", "application/x-www-form-urlencoded"}, 400},
			{"multipart", "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n--b--\r\n", []string{"Content-Type", "multipart/form-data; boundary=b"}, 400},
			{"wrong types", `{"model":5,"messages":"x"}`, nil, 400},
			{"deep", strings.Repeat("[", 100_000), nil, 400},
			{"over the limit", pad(maxBody), nil, 413},
			{"exactly one byte over", pad(maxBody - len(pad(0)) + 1), nil, 413},
			{"zip bomb", zipped(pad(200 << 20 / 64)), []string{"Content-Encoding", "gzip"}, 413},
			{"not gzip", hello, []string{"Content-Encoding", "gzip"}, 400},
			{"half gzip", zipped(hello)[:30], []string{"Content-Encoding", "gzip"}, 400},
			{"brotli", hello, []string{"Content-Encoding", "br"}, 415},
			{"twice gzip", zipped(hello), []string{"Content-Encoding", "gzip, gzip"}, 415},
		} {
			for _, path := range []string{"/v1/chat/completions", "/v1/messages", "/v1/embeddings"} {
				anthropic := path == "/v1/messages"
				kind := "invalid_request_error"
				if anthropic && c.status == 413 {
					kind = "request_too_large"
				}
				t.Run(c.name+path, func(t *testing.T) { w.post(t, path, c.body, c.headers...).isError(t, c.status, anthropic, kind) })
			}
		}
		if len(r.heard) > 0 {
			t.Error("the vendor was called")
		}
		// A length that is not told is counted all the same.
		chunked := func(body string) answer {
			return w.ask(t, "POST", "/v1/chat/completions", io.MultiReader(strings.NewReader(body[:10]), strings.NewReader(body[10:])), "X-Api-Key", secret)
		}
		chunked(pad(maxBody)).isError(t, 413, false, "invalid_request_error")
		for name, got := range map[string]answer{
			"chunked":          chunked(pad(1000)),
			"exactly full":     w.post(t, "/v1/chat/completions", pad(maxBody-len(pad(0)))),
			"any type":         w.post(t, "/v1/chat/completions", hello, "Content-Type", "text/plain"),
			"gzip":             w.post(t, "/v1/chat/completions", zipped(hello), "Content-Encoding", "GZIP"),
			"identity":         w.post(t, "/v1/chat/completions", hello, "Content-Encoding", "identity"),
			"query is no body": w.post(t, "/v1/chat/completions?model=other&stream=true", hello),
		} {
			if got.status != 200 || got.body != wholeAnswer {
				t.Errorf("%s: %d %.200s", name, got.status, got.body)
			}
			<-r.heard
		}
	})
}

// TestBodies_Slow: a body that stands still is answered with 408, one that comes
// slowly is not, and the connection of a quick one is used on.
func TestBodies_Slow(t *testing.T) {
	r := newRig(t)
	r.each(func(t *testing.T, w way) {
		body, write := io.Pipe()
		go fmt.Fprint(write, hello[:10])
		w.ask(t, "POST", "/v1/messages", body, "X-Api-Key", secret).isError(t, 408, true, "invalid_request_error")
		write.Close()

		body, write = io.Pipe()
		go func() {
			defer write.Close()
			for _, c := range []byte(hello[:8]) {
				write.Write([]byte{c})
				time.Sleep(50 * time.Millisecond)
			}
			io.WriteString(write, hello[8:])
		}()
		if got := w.ask(t, "POST", "/v1/chat/completions", body, "X-Api-Key", secret); got.status != 200 {
			t.Errorf("a slow body: %d %s", got.status, got.body)
		}
		// The answer comes later than a body might stand still.
		r.answer(func(rw http.ResponseWriter, _ *http.Request) {
			time.Sleep(400 * time.Millisecond)
			fmt.Fprint(rw, wholeAnswer)
		})
		defer r.answer(func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, wholeAnswer) })
		if got := w.post(t, "/v1/chat/completions", hello); got.status != 200 {
			t.Errorf("a slow vendor: %d %s", got.status, got.body)
		}
	})
}

// TestExpectContinue: who asks before sending a body hears no without sending it.
func TestExpectContinue(t *testing.T) {
	w := newRig(t).ways()[0]
	for _, c := range []struct{ head, want string }{
		{"Authorization: Bearer " + secret + "\r\nContent-Length: 99999999999\r\n", "HTTP/1.1 413 "},
		{"Content-Length: 10\r\n", "HTTP/1.1 401 "},
		{"Authorization: Bearer " + secret + "\r\nContent-Length: 10\r\n", "HTTP/1.1 100 "},
	} {
		_, in := w.dial(t, "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"+c.head+"\r\n")
		if line, err := in.ReadString('\n'); err != nil || !strings.HasPrefix(line, c.want) {
			t.Errorf("%q: %q, %v", c.head, line, err)
		}
	}
}

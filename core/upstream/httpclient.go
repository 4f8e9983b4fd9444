package upstream

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// maxSent bounds the body of a library's request.
const maxSent = 1 << 20

// HTTPClient lends c to a library that takes a client of net/http. Its requests
// are the gateway's own: an Authorization header is sent as it is. Private
// addresses are reached as far as the policy of c permits. timeout is that of
// http.Client. It follows no redirect and keeps no cookie.
func HTTPClient(c Client, timeout time.Duration) *http.Client {
	return &http.Client{Transport: transport{c}, Timeout: timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

type transport struct{ client Client }

// RoundTrip implements [http.RoundTripper].
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	out := &Request{Method: r.Method, URL: r.URL.String(), Authorization: r.Header.Get("Authorization")}
	if out.Method == "" {
		out.Method = http.MethodGet
	}
	if r.Body != nil {
		defer r.Body.Close()
		var err error
		if out.Body, err = io.ReadAll(io.LimitReader(r.Body, maxSent+1)); err != nil {
			return nil, fmt.Errorf("the request's body: %w", err)
		}
		if len(out.Body) > maxSent {
			return nil, fmt.Errorf("the request's body is longer than %d bytes", maxSent)
		}
	}
	for name, values := range r.Header {
		for _, v := range values {
			out.Headers = append(out.Headers, Header{strings.ToLower(name), v})
		}
	}
	got, err := t.client.Do(r.Context(), out)
	if err != nil {
		return nil, err
	}
	resp := &http.Response{StatusCode: got.Status, Status: fmt.Sprintf("%d %s", got.Status, http.StatusText(got.Status)),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{}, Body: got.Body, ContentLength: -1, Request: r}
	for _, h := range got.Headers {
		if h.Name != "content-length" && h.Name != "transfer-encoding" { // of the body as it came
			resp.Header.Add(h.Name, h.Value)
		}
	}
	return resp, nil
}

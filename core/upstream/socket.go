package upstream

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/tokligence/gateway/core/socket"
)

// Socket asks for a WebSocket by r, whose method and body mean nothing. It goes
// out as any request of c does: the same addresses, proxies and credentials. A
// vendor that answers otherwise than by one is no error: the answer is returned,
// whose Body must be closed. Errors are those of [Client.Do]. The connection
// ends with ctx.
func Socket(ctx context.Context, c Client, r *Request, maxMessage int64) (*socket.Conn, *Response, error) {
	u := &upgrade{client: c, request: r}
	conn, err := socket.Dial(ctx, &http.Client{Transport: u}, httpAddress(r.URL), maxMessage)
	switch {
	case err == nil:
		return conn, nil, nil
	case u.failed != nil:
		return nil, nil, u.failed
	case u.refused != nil:
		return nil, u.refused, nil
	}
	return nil, nil, malformed("its WebSocket handshake is not one")
}

// httpAddress is a WebSocket's address in the words of HTTP.
func httpAddress(address string) string {
	if rest, ok := strings.CutPrefix(address, "ws"); ok {
		return "http" + rest
	}
	return address
}

// upgrade is the one request of a handshake.
type upgrade struct {
	client  Client
	request *Request
	refused *Response // the vendor's answer, where it is another than 101
	failed  error
}

// RoundTrip implements [http.RoundTripper].
func (u *upgrade) RoundTrip(r *http.Request) (*http.Response, error) {
	out := *u.request
	out.Method, out.URL, out.Body, out.Upgrade = http.MethodGet, httpAddress(out.URL), nil, "websocket"
	for _, name := range [...]string{"Sec-WebSocket-Version", "Sec-WebSocket-Key"} {
		out.Headers = append(out.Headers[:len(out.Headers):len(out.Headers)], Header{strings.ToLower(name), r.Header.Get(name)})
	}
	got, err := u.client.Do(r.Context(), &out)
	if err != nil {
		u.failed = err
		return nil, err
	}
	resp := &http.Response{StatusCode: got.Status, Status: fmt.Sprint(got.Status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{}, Request: r}
	for _, h := range got.Headers {
		resp.Header.Add(h.Name, h.Value)
	}
	if resp.Body = got.Body; got.Status != http.StatusSwitchingProtocols {
		u.refused, resp.Body = got, http.NoBody
	}
	return resp, nil
}

// tunnel is the connection behind an answer that switched protocols. Reads and
// writes may run at the same time.
type tunnel struct{ k *conn }

func (t *tunnel) Read(p []byte) (int, error)     { return t.k.some(p) }
func (t *tunnel) Write(p []byte) (int, error)    { return t.k.nc.Write(p) }
func (t *tunnel) SetIdleTimeout(d time.Duration) { t.k.setWait(d) }

func (t *tunnel) Close() error {
	t.k.discard()
	return nil
}

package jwt

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

// outage tells why keys could not be fetched: the verifier's error is that of a
// bad signature as well.
type outage struct{ err error }

type outageKey struct{}

// watched notes outages of a key set in the context.
type watched struct{ oidc.KeySet }

// VerifySignature implements [oidc.KeySet].
func (w watched) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	payload, err := w.KeySet.VerifySignature(ctx, token)
	var failed *url.Error
	if errors.As(err, &failed) {
		if out, ok := ctx.Value(outageKey{}).(*outage); ok {
			out.err = failed
		}
	}
	return payload, err
}

const (
	pace        = 10 * time.Second // between two requests for the same document
	maxDocument = 1 << 20
)

// kept is the last answer to a request.
type kept struct {
	at     time.Time
	status int
	body   []byte
	err    error
}

// paced answers requests for what was fetched a moment ago with that.
type paced struct {
	next http.RoundTripper
	now  func() time.Time

	mu   sync.Mutex
	kept map[string]*kept
}

// RoundTrip implements [http.RoundTripper].
func (p *paced) RoundTrip(r *http.Request) (*http.Response, error) {
	p.mu.Lock()
	defer p.mu.Unlock() // the next one waits, and has it then
	k := p.kept[r.URL.String()]
	if now := p.now(); k == nil || now.Sub(k.at) >= pace {
		k = &kept{at: now}
		k.status, k.body, k.err = p.fetch(r)
		p.kept[r.URL.String()] = k
	}
	if k.err != nil {
		return nil, k.err
	}
	return &http.Response{StatusCode: k.status, Status: http.StatusText(k.status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader(k.body)), ContentLength: int64(len(k.body)), Request: r}, nil
}

func (p *paced) fetch(r *http.Request) (status int, body []byte, err error) {
	resp, err := p.next.RoundTrip(r)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(io.LimitReader(resp.Body, maxDocument))
	return resp.StatusCode, body, err
}

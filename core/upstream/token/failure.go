package token

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"net/http"

	"github.com/tokligence/gateway/core"
)

// maxRefusal bounds what is read of a token service's refusal.
const maxRefusal = 64 << 10

// witness remembers what a token service did last: the libraries put it into words
// of their own, with the answer's text in them.
type witness struct {
	next   http.RoundTripper
	err    error
	status int
	body   []byte // of a refusal
}

// RoundTrip implements [http.RoundTripper].
func (w *witness) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := w.next.RoundTrip(r)
	w.status, w.body, w.err = 0, nil, err
	if err != nil {
		return nil, err
	}
	if w.status = resp.StatusCode; w.status < 200 || w.status > 299 {
		w.body, err = io.ReadAll(io.LimitReader(resp.Body, maxRefusal))
		resp.Body.Close()
		resp.Body = io.NopCloser(bytes.NewReader(w.body))
	}
	return resp, err
}

// explain says why there is no token. What the service wrote is for the operator's
// log, without the credential's values; a client is told no more than a word of it.
func (w *witness) explain(ctx context.Context, err error, cred *core.Credential) error {
	inner := errors.New(core.MaskSecrets(cred.Redact(err.Error(), 4)))
	var e *core.Error
	switch {
	case errors.As(w.err, &e) && e.Code == core.CodeUpstreamTimeout, errors.Is(ctx.Err(), context.DeadlineExceeded):
		return core.Errorf(core.CodeUpstreamTimeout, core.SourceUpstream, "the provider's token service took too long").With(inner)
	case w.err != nil || w.status == 0:
		return unavailable("the provider's token service cannot be reached").With(inner)
	case w.status >= 500 || w.status == http.StatusTooManyRequests:
		return unavailable("the provider's token service answered with status %d", w.status).With(inner)
	case w.status >= 200 && w.status <= 299:
		return unavailable("the answer of the provider's token service is no token").With(inner)
	}
	if word := reason(w.body); word != "" && cred.Redact(word, 1) == word {
		return refused("the provider's token service refused the credential (%s)", word).With(inner)
	}
	return refused("the provider's token service refused the credential").With(inner)
}

// reason finds the one word that says why: "invalid_grant" of OAuth 2.0 (RFC 6749,
// section 5.2), "PERMISSION_DENIED" of Google's APIs, "AccessDenied" of AWS.
func reason(body []byte) string {
	var oauth struct{ Error json.RawMessage }
	var text string
	if json.Unmarshal(body, &oauth) == nil {
		var google struct{ Status string }
		if json.Unmarshal(oauth.Error, &text) != nil && json.Unmarshal(oauth.Error, &google) == nil {
			text = google.Status
		}
	} else {
		var aws struct {
			Code string `xml:"Error>Code"`
		}
		if xml.Unmarshal(body, &aws) == nil {
			text = aws.Code
		}
	}
	for _, c := range []byte(text) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '_' {
			return ""
		}
	}
	if len(text) > 64 {
		return ""
	}
	return text
}

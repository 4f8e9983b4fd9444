package httpapi

import (
	"cmp"
	"context"
	"net/http"
	"strings"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/exchange"
	"github.com/tokligence/gateway/core/realtime"
	"github.com/tokligence/gateway/core/socket"
	"github.com/tokligence/gateway/pdk/abi"
)

// What a browser says by subprotocols, since it cannot set headers. The one that a
// client offers beside them, and gets, is realtimeProtocol.
// https://platform.openai.com/docs/guides/realtime-websocket
const (
	realtimeProtocol = "realtime"
	keyProtocol      = "openai-insecure-api-key."
	betaProtocol     = "openai-beta."
)

// realtimePath is where sessions are opened, below each root.
// https://learn.microsoft.com/azure/ai-foundry/openai/how-to/realtime-audio-websockets
const realtimePath = "/realtime"

// realtime opens a session and serves it to its end.
func (s *server) realtime(w http.ResponseWriter, r *http.Request) {
	now, rep := s.Now(), &reply{w: w}
	a := asked{endpoint: abi.Realtime}
	if !s.gate.enter() {
		w.Header()["Connection"] = closing
		s.refuseAsked(rep, a, now, errStopping)
		return
	}
	defer s.gate.leave()
	if !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		w.Header()["Upgrade"] = []string{"websocket"}
		e := core.Invalid("", "%s is a WebSocket: ask for an upgrade to one", r.URL.Path)
		e.Status = http.StatusUpgradeRequired
		s.refuseAsked(rep, a, now, e)
		return
	}
	header := offered(r.Header)
	key := presented(header)
	who := func(ctx context.Context) (*core.Principal, error) {
		return s.Keys.Authenticate(ctx, key, s.origin(r), s.Now())
	}
	principal, err := who(r.Context())
	if err != nil {
		s.refuseAsked(rep, a, now, err)
		return
	}
	model, qerr := sessionModel(r)
	if qerr != nil {
		s.refuseAsked(rep, a, now, qerr)
		return
	}
	accept := func(h *exchange.Head) (realtime.Conn, error) {
		setHead(w.Header(), h)
		conn, err := socket.Accept(w, r, exchange.MaxMessage, realtimeProtocol)
		if err != nil {
			return nil, err
		}
		return conn, nil
	}
	s.Exchange.Realtime(r.Context(), principal, &exchange.Session{Model: model, Arrived: now, Header: header, Accept: accept, Again: who}, rep)
}

// offered are the headers with what a browser says by subprotocols in their place.
func offered(h http.Header) func(string) string {
	var key, beta string
	for _, line := range h.Values("Sec-WebSocket-Protocol") {
		for one := range strings.SplitSeq(line, ",") {
			one = strings.TrimSpace(one)
			if v, ok := strings.CutPrefix(one, keyProtocol); ok {
				key = v
			} else if v, ok := strings.CutPrefix(one, betaProtocol); ok {
				beta = strings.Replace(v, "-", "=", 1) // realtime-v1 is realtime=v1
			}
		}
	}
	return func(name string) string {
		v := h.Get(name)
		switch {
		case key != "" && strings.EqualFold(name, "Authorization"):
			return cmp.Or(v, "Bearer "+key)
		case beta != "" && strings.EqualFold(name, "OpenAI-Beta"):
			return cmp.Or(v, beta)
		}
		return v
	}
}

// sessionModel is the alias that a session is asked for. What else an address may
// have is refused: a call and a session without a model belong to an account.
func sessionModel(r *http.Request) (string, *core.Error) {
	query, byDeployment := r.URL.Query(), r.URL.Path == azure+realtimePath
	model := query.Get("model")
	if byDeployment {
		model = query.Get("deployment")
	}
	for name, values := range query {
		known := name == "model" && !byDeployment || byDeployment && (name == "deployment" || name == "api-version")
		if !known || len(values) != 1 {
			return "", core.Invalid(name, "the parameter %q of the address is not passed on here", name)
		}
	}
	if model == "" || len(model) > 256 {
		return "", core.Invalid("model", "the address must name a model: ?model=, of at most 256 bytes")
	}
	return model, nil
}

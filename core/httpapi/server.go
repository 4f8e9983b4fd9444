// Package httpapi is the client side of the gateway on net/http: the route
// table, who is calling, the body, and how an answer is written. All that an
// exchange is made of lies behind exchange.Request and exchange.Reply, which
// know nothing of net/http.
package httpapi

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/gorilla/mux"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/exchange"
	"github.com/tokligence/gateway/core/kept"
	"github.com/tokligence/gateway/pdk/abi"
)

// Authenticator resolves a presented virtual key; *keys.Service fulfils it.
type Authenticator interface {
	Authenticate(ctx context.Context, secret string, from func() netip.Addr, now time.Time) (*core.Principal, error)
}

// Exchanger serves requests; *exchange.Exchanger fulfils it.
type Exchanger interface {
	Do(ctx context.Context, p *core.Principal, req *exchange.Request, reply exchange.Reply)
	Realtime(ctx context.Context, p *core.Principal, req *exchange.Session, reply exchange.Reply)
	Snapshot() *exchange.Snapshot
}

// Options are what the client side needs.
type Options struct {
	Exchange Exchanger
	Keys     Authenticator
	Kept     *kept.Keeper // of responses; nil keeps none
	MaxBody  int64        // bytes of a request body, also after gzip is undone
	// TrustedProxies are those whose X-Forwarded-For is believed.
	TrustedProxies []netip.Prefix
	// BodyPatience is how long a request body may stand still; default 30 s.
	BodyPatience time.Duration
	Now          func() time.Time
	Log          *slog.Logger
	// Ready names what is not ready; empty when all is.
	Ready func(ctx context.Context) []string
	// Notes are what an operator should know though the gateway serves; nil for none.
	Notes func() []string
	// Metrics answers /metrics for admin keys; nil when it has a listener of its own.
	Metrics http.Handler
	// Admin answers below /api/v1.
	Admin http.Handler
	// Pages are what a browser is given, by path.
	Pages map[string]http.Handler
}

type server struct {
	Options
	gate gate
}

// New is the handler of everything that the gateway serves on its address.
func New(o Options) http.Handler { return newAPI(o).routes() }

func newAPI(o Options) *server {
	if o.BodyPatience == 0 {
		o.BodyPatience = 30 * time.Second
	}
	return &server{Options: o}
}

func (s *server) routes() http.Handler {
	// A path that has to be cleaned is not ours: a redirect would turn a POST into a GET.
	r := mux.NewRouter().SkipClean(true)
	get := func(path string, h http.HandlerFunc) {
		r.HandleFunc(path, s.only(http.MethodGet, http.MethodHead, h))
	}
	r.MatcherFunc(func(r *http.Request, _ *mux.RouteMatch) bool { _, ok := find(r.URL.Path); return ok }).
		HandlerFunc(s.only(http.MethodPost, http.MethodPost, s.exchange))
	for _, root := range roots {
		get(root+"/models", s.listModels)
		get(root+"/models/{id:.+}", s.getModel)
		s.responseRoutes(r, root+"/responses")
		r.HandleFunc(root+realtimePath, s.only(http.MethodGet, http.MethodGet, s.realtime))
	}
	get("/healthz", healthz)
	get("/readyz", s.readyz)
	if s.Metrics != nil {
		get("/metrics", s.metrics)
	}
	for path, page := range s.Pages {
		get(path, page.ServeHTTP)
	}
	if s.Admin != nil {
		r.PathPrefix("/api/v1").Handler(s.Admin)
	}
	r.NotFoundHandler = http.HandlerFunc(s.native)
	return r
}

// only lets one method through, and another that the server answers without more ado.
func (s *server) only(method, also string, h http.HandlerFunc) http.HandlerFunc {
	allow := []string{method}
	if also != method {
		allow = []string{method + ", " + also}
	}
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method == method || r.Method == also {
			h(w, r)
			return
		}
		s.notAllowed(w, r, allow)
	}
}

// notAllowed answers a method that a path does not take; allow has one string.
func (s *server) notAllowed(w http.ResponseWriter, r *http.Request, allow []string) {
	w.Header()["Allow"] = allow
	e := core.Errorf(core.CodeInvalidRequest, core.SourceClient, "%s does not take %s", r.URL.Path, r.Method)
	e.Status = http.StatusMethodNotAllowed
	s.refuse(&reply{w: w}, dialectOf(r), s.Now(), e)
}

// exchange serves one endpoint.
func (s *server) exchange(w http.ResponseWriter, r *http.Request) {
	if s.gate.closed.Load() {
		w.Header()["Connection"] = closing
	}
	body := func() ([]byte, func(), *core.Error) { return s.readBody(w, r) }
	rep := &reply{w: w}
	a, _ := find(r.URL.Path)
	s.serveExchange(r.Context(), a, r.Header.Get, s.origin(r), body, rep)
	rep.finish()
}

// authenticate tells who makes a request to net/http.
func (s *server) authenticate(r *http.Request) (*core.Principal, error) {
	return s.Keys.Authenticate(r.Context(), presented(r.Header.Get), s.origin(r), s.Now())
}

// origin tells where a request comes from, when it is asked.
func (s *server) origin(r *http.Request) func() netip.Addr {
	return func() netip.Addr {
		return core.ClientAddress(r.RemoteAddr, r.Header["X-Forwarded-For"], s.TrustedProxies)
	}
}

var closing = []string{"close"}

// refuse answers a request that never became an exchange.
func (s *server) refuse(rep exchange.Reply, endpoint abi.Endpoint, now time.Time, err error) {
	s.refuseAsked(rep, asked{endpoint: endpoint}, now, err)
}

// refuseAsked is refuse for a request that may speak a provider's own API.
func (s *server) refuseAsked(rep exchange.Reply, a asked, now time.Time, err error) {
	e := core.AsError(err)
	if e.Err != nil {
		s.Log.Warn("request refused", "code", e.Code, "error", e.Err)
	}
	head := &exchange.Head{ExchangeID: core.NewID(core.PrefixExchange, now)}
	if a.native != nil {
		s.Exchange.Snapshot().RefuseNative(rep, a.native, e, head)
		return
	}
	exchange.WriteError(rep, a.endpoint, e, head)
}

// keyHeaders are where vendors' clients put their key.
var keyHeaders = [...]string{"X-Api-Key", "Api-Key", "X-Goog-Api-Key"}

// presented is the virtual key of a request, "" when there is none. A bearer
// token counts before the other headers.
func presented(header func(string) string) string {
	scheme, token, _ := strings.Cut(strings.TrimSpace(header("Authorization")), " ")
	if token = strings.TrimSpace(token); token != "" && strings.EqualFold(scheme, "bearer") {
		return token
	}
	for _, name := range keyHeaders {
		if v := header(name); v != "" {
			return v
		}
	}
	return ""
}

// dialectOf is the dialect to answer in where no endpoint says it: Anthropic's
// clients are known by the header that they always send, or by their path.
func dialectOf(r *http.Request) abi.Endpoint {
	if r.Header.Get("Anthropic-Version") != "" || r.URL.Path == "/v1/messages" || strings.HasPrefix(r.URL.Path, "/v1/messages/") {
		return abi.Messages
	}
	return abi.Chat
}

func (s *server) notFound(w http.ResponseWriter, r *http.Request) {
	s.refuse(&reply{w: w}, dialectOf(r), s.Now(), core.Errorf(core.CodeNotFound, core.SourceClient, "there is nothing at %s %s", r.Method, r.URL.Path))
}

func healthz(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, 200, map[string]string{"status": "ok"})
}

// readyz names what keeps the gateway from serving.
func (s *server) readyz(w http.ResponseWriter, r *http.Request) {
	missing := s.Ready(r.Context())
	if s.gate.closed.Load() {
		missing = append(missing, "the gateway is stopping")
	}
	status, answer := http.StatusOK, map[string]any{"status": "ready"}
	if len(missing) > 0 {
		status, answer["status"], answer["problems"] = http.StatusServiceUnavailable, "not ready", missing
	}
	if s.Notes != nil {
		if notes := s.Notes(); len(notes) > 0 {
			answer["notes"] = notes
		}
	}
	writeJSON(w, status, answer)
}

func (s *server) metrics(w http.ResponseWriter, r *http.Request) {
	p, err := s.authenticate(r)
	if err == nil && !readsMetrics(p.Key) {
		err = core.Errorf(core.CodePermissionDenied, core.SourceClient, "metrics need an admin key")
	}
	if err != nil {
		s.refuse(&reply{w: w}, abi.Chat, s.Now(), err)
		return
	}
	s.Metrics.ServeHTTP(w, r)
}

// readsMetrics: they are of the whole installation.
func readsMetrics(k *core.VirtualKey) bool {
	return k.Role.Rank() >= core.RoleAdmin.Rank() || k.Role == core.RoleViewer && k.OrganizationID == ""
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the caller may have gone
}

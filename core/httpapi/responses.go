package httpapi

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/gorilla/mux"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/exchange"
	"github.com/tokligence/gateway/core/kept"
	"github.com/tokligence/gateway/pdk/abi"
)

// What is kept of responses. No provider is asked: the gateway has what its
// clients got. https://platform.openai.com/docs/api-reference/responses

func (s *server) responseRoutes(r *mux.Router, path string) {
	r.HandleFunc(path+"/input_tokens", s.only(http.MethodPost, http.MethodPost, s.countResponse))
	r.HandleFunc(path+"/{id}", s.ofResponse(map[string]responseHandler{
		http.MethodGet: getResponse, http.MethodHead: getResponse, http.MethodDelete: s.deleteResponse}))
	r.HandleFunc(path+"/{id}/input_items", s.ofResponse(map[string]responseHandler{http.MethodGet: listInputItems, http.MethodHead: listInputItems}))
	r.HandleFunc(path+"/{id}/cancel", s.ofResponse(map[string]responseHandler{http.MethodPost: cancelResponse}))
}

// countResponse answers how many tokens a request has.
func (s *server) countResponse(w http.ResponseWriter, r *http.Request) {
	rep, now := &reply{w: w}, s.Now()
	p, err := s.authenticate(r)
	if err != nil {
		s.refuse(rep, abi.Responses, now, err)
		return
	}
	text, done, berr := s.readBody(w, r)
	if berr != nil {
		s.refuse(rep, abi.Responses, now, berr)
		return
	}
	defer done()
	s.Exchange.Do(r.Context(), p, &exchange.Request{Endpoint: abi.Responses, Counts: true, Body: text, Arrived: now, Header: r.Header.Get}, rep)
}

// responseHandler answers a request about a response of p's.
type responseHandler func(r *http.Request, p *core.Principal, k *kept.Response) (any, error)

// ofResponse finds the response that the path names, for its owner.
func (s *server) ofResponse(handlers map[string]responseHandler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		handle := handlers[r.Method]
		if handle == nil {
			s.notAllowed(w, r, []string{strings.Join(slices.Sorted(maps.Keys(handlers)), ", ")})
			return
		}
		answer, err := s.aboutResponse(r, handle)
		if err != nil {
			s.refuse(&reply{w: w}, abi.Responses, s.Now(), err)
			return
		}
		writeJSON(w, http.StatusOK, answer)
	}
}

func (s *server) aboutResponse(r *http.Request, handle responseHandler) (any, error) {
	p, err := s.authenticate(r)
	if err != nil {
		return nil, err
	}
	if !p.Key.AllowsEndpoint(string(abi.Responses)) {
		return nil, core.Errorf(core.CodePermissionDenied, core.SourceClient, "this key may not use the endpoint %q", abi.Responses)
	}
	id := mux.Vars(r)["id"]
	if s.Kept == nil {
		return nil, core.Errorf(core.CodeNotFound, core.SourceClient, "there is no response %q: responses are not kept here", id)
	}
	k, err := s.Kept.Find(r.Context(), p, id)
	if err != nil {
		return nil, err
	}
	return handle(r, p, k)
}

// raw is JSON that is written as it is.
type raw []byte

func (r raw) MarshalJSON() ([]byte, error) { return r, nil }

func getResponse(r *http.Request, _ *core.Principal, k *kept.Response) (any, error) {
	if on, _ := strconv.ParseBool(r.URL.Query().Get("stream")); on {
		return nil, core.Invalid("stream", "stream is not supported: a response that is kept is whole")
	}
	return raw(k.Body), nil
}

func (s *server) deleteResponse(r *http.Request, p *core.Principal, k *kept.Response) (any, error) {
	if err := s.Kept.Delete(r.Context(), p, k.ID); err != nil {
		return nil, err
	}
	return map[string]any{"id": k.ID, "object": "response", "deleted": true}, nil
}

func cancelResponse(_ *http.Request, _ *core.Principal, k *kept.Response) (any, error) {
	return nil, core.Invalid("", "the response %q has ended: only one in the background could be cancelled", k.ID)
}

// inputPage is OpenAI's list of a response's input items.
type inputPage struct {
	Object  string  `json:"object"`
	Data    []raw   `json:"data"`
	FirstID *string `json:"first_id"`
	LastID  *string `json:"last_id"`
	HasMore bool    `json:"has_more"`
}

// The bounds of a page.
const usualPage, largestPage = 20, 100

// listInputItems gives a page of the response's own input: newest first unless
// order says asc, behind the item after.
func listInputItems(r *http.Request, _ *core.Principal, k *kept.Response) (any, error) {
	q := r.URL.Query()
	limit := usualPage
	if text := q.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > largestPage {
			return nil, core.Invalid("limit", "limit must be an integer from 1 to %d", largestPage)
		}
		limit = n
	}
	items := k.InputItems()
	switch q.Get("order") {
	case "", "desc":
		slices.Reverse(items)
	case "asc":
	default:
		return nil, core.Invalid("order", "order must be asc or desc")
	}
	if after := q.Get("after"); after != "" {
		i := slices.IndexFunc(items, func(item kept.Item) bool { return item.ID == after })
		if i < 0 {
			return nil, core.Invalid("after", "after is no item of this response")
		}
		items = items[i+1:]
	}
	page := inputPage{Object: "list", Data: []raw{}, HasMore: len(items) > limit}
	for i := range items[:min(limit, len(items))] {
		page.Data = append(page.Data, items[i].Raw)
		page.LastID = &items[i].ID
	}
	if len(page.Data) > 0 {
		page.FirstID = &items[0].ID
	}
	return page, nil
}

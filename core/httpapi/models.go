package httpapi

import (
	"net/http"
	"net/url"
	"sort"
	"strconv"

	"github.com/gorilla/mux"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/pdk/abi"
)

// openAIModel is OpenAI's model object.
// https://platform.openai.com/docs/api-reference/models/object
type openAIModel struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Created int64  `json:"created"`
	OwnedBy string `json:"owned_by"`
}

// anthropicModel is Anthropic's. https://docs.anthropic.com/en/api/models-list
type anthropicModel struct {
	Type        string `json:"type"`
	ID          string `json:"id"`
	DisplayName string `json:"display_name"`
	CreatedAt   string `json:"created_at"`
}

// modelsBegan stands for the creation time that an alias does not have.
const modelsBegan = 1735689600 // 2025-01-01T00:00:00Z

// allowed lists the aliases that the caller may use and that can be called at all, sorted.
func (s *server) allowed(w http.ResponseWriter, r *http.Request) (names []string, ok bool) {
	p, err := s.authenticate(r)
	if err != nil {
		s.refuse(&reply{w: w}, dialectOf(r), s.Now(), err)
		return nil, false
	}
	names = []string{}
	for name, route := range s.Exchange.Snapshot().Routes {
		if route.Configured() && p.Admitted(route.Owner) && p.AllowsModel(name) {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	return names, true
}

func asModel(dialect abi.Endpoint, name string) any {
	if dialect == abi.Messages {
		return anthropicModel{"model", name, name, "2025-01-01T00:00:00Z"}
	}
	return openAIModel{name, "model", modelsBegan, "tokligence"}
}

func (s *server) listModels(w http.ResponseWriter, r *http.Request) {
	names, ok := s.allowed(w, r)
	if !ok {
		return
	}
	dialect := dialectOf(r)
	data := make([]any, len(names))
	for i, name := range names {
		data[i] = asModel(dialect, name)
	}
	if dialect != abi.Messages {
		writeJSON(w, 200, map[string]any{"object": "list", "data": data})
		return
	}
	from, to, err := pageOf(names, r.URL.Query())
	if err != nil {
		s.refuse(&reply{w: w}, dialect, s.Now(), err)
		return
	}
	page := map[string]any{"data": data[from:to], "has_more": to < len(names), "first_id": nil, "last_id": nil}
	if r.URL.Query().Has("before_id") {
		page["has_more"] = from > 0
	}
	if from < to {
		page["first_id"], page["last_id"] = names[from], names[to-1]
	}
	writeJSON(w, 200, page)
}

// pageOf bounds a page of Anthropic's list: limit models behind after_id, or before
// before_id. https://docs.anthropic.com/en/api/models-list
func pageOf(names []string, query url.Values) (from, to int, err *core.Error) {
	limit := 20
	if text := query.Get("limit"); text != "" {
		n, nerr := strconv.Atoi(text)
		if nerr != nil || n < 1 || n > 1000 {
			return 0, 0, core.Invalid("limit", "limit must be a whole number from 1 to 1000")
		}
		limit = n
	}
	after, before := query.Get("after_id"), query.Get("before_id")
	switch {
	case after != "" && before != "":
		return 0, 0, core.Invalid("before_id", "after_id and before_id exclude each other")
	case before != "":
		to = sort.SearchStrings(names, before)
		return max(to-limit, 0), to, nil
	case after != "":
		from = sort.Search(len(names), func(i int) bool { return names[i] > after })
	}
	return from, min(from+limit, len(names)), nil
}

func (s *server) getModel(w http.ResponseWriter, r *http.Request) {
	names, ok := s.allowed(w, r)
	if !ok {
		return
	}
	dialect, id := dialectOf(r), mux.Vars(r)["id"]
	for _, name := range names {
		if name == id {
			writeJSON(w, 200, asModel(dialect, name))
			return
		}
	}
	e := core.Errorf(core.CodeNotFound, core.SourceClient, "the model %q does not exist", id)
	e.Param = "model"
	s.refuse(&reply{w: w}, dialect, s.Now(), e)
}

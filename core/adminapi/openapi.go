package adminapi

import (
	"cmp"
	"encoding/json"
	"net/http"
	"reflect"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"

	"github.com/gorilla/mux"

	"github.com/tokligence/gateway/core"
)

const apiDescription = `Automation of the gateway: JSON over HTTP for admin keys.

Lists are pages: follow next_cursor until it is null. Money is a decimal string of dollars, times are RFC 3339 in UTC,
failures are problem documents (RFC 9457) whose code is for programs. What a request has that is not described here,
be it a member or a parameter, is refused. ETags stand for what somebody set: what is spent or used does not change them. Later versions may add members to answers.`

// describe makes the OpenAPI document of the routes.
func (a *api) describe() []byte {
	s, operations, actions := newSchemas(), contract(), a.actions()
	s.of(reflect.TypeFor[problem](), false)
	paths := map[string]map[string]any{}
	for _, rt := range a.routes() {
		o, ok := operations[rt.method+" "+rt.path]
		if !ok {
			panic("adminapi: " + rt.method + " " + rt.path + " has no line in the contract")
		}
		path := publicPath(rt.path)
		if paths[path] == nil {
			paths[path] = map[string]any{}
		}
		paths[path][strings.ToLower(rt.method)] = s.operation(rt, o, actions)
	}
	raw, err := json.Marshal(map[string]any{
		"openapi":  "3.1.0",
		"info":     map[string]any{"title": "Tokligence Gateway admin API", "version": cmp.Or(a.Version, "dev"), "description": apiDescription},
		"servers":  []any{map[string]any{"url": Prefix}},
		"security": []any{map[string]any{"bearer": []any{}}, map[string]any{"header": []any{}}, map[string]any{"session": []any{}}},
		"paths":    paths,
		"components": map[string]any{
			"schemas":   s.defs,
			"responses": map[string]any{"Problem": content("What went wrong.", schema{"$ref": "#/components/schemas/Problem"}, "application/problem+json")},
			"securitySchemes": map[string]any{
				"bearer": map[string]any{"type": "http", "scheme": "bearer", "description": "An admin key."},
				"header": map[string]any{"type": "apiKey", "in": "header", "name": "X-Api-Key", "description": "An admin key."},
				"session": map[string]any{"type": "apiKey", "in": "cookie", "name": sessionCookie,
					"description": "A person's, from POST /sign-in. What changes something needs the header " + csrfHeader + " beside it."},
			},
		},
	})
	if err != nil {
		panic(err) // nothing of it cannot be written
	}
	return raw
}

var pathVariable = regexp.MustCompile(`\{(\w+)(:[^}]*)?\}`)

// publicPath is a route's path without the patterns of its variables.
func publicPath(path string) string { return pathVariable.ReplaceAllString(path, "{$1}") }

// operation is one method of one path.
func (s *schemas) operation(rt route, o operation, actions map[string]action) map[string]any {
	params := []any{}
	for _, v := range pathVariable.FindAllStringSubmatch(rt.path, -1) {
		params = append(params, map[string]any{"name": v[1], "in": "path", "required": true, "schema": schema{"type": "string"}, "description": words[v[1]]})
	}
	for _, name := range o.query {
		params = append(params, parameters[name].describe(name))
	}
	responses := s.responses(rt, o)
	refused := map[string]any{"$ref": "#/components/responses/Problem"}
	if _, ok := tagged(rt.method, rt.path, actions); ok {
		params = append(params, header("If-None-Match", "Entity tags of what the caller has: 304 when it is one of them."))
		responses["304"] = map[string]any{"description": "Nobody has set anything since."}
	}
	if conditional(rt, actions[rt.method+" "+rt.path]) {
		params = append(params, header("If-Match", "The ETag of what the caller has seen: 412 when somebody has set something since."))
		responses["412"] = refused
	}
	if o.once {
		params = append(params, header("Idempotency-Key", "1 to 255 visible ASCII characters: for a day, a second request with the same one is answered as the first was, with Idempotency-Replayed."))
		responses["422"] = refused
	}
	out := map[string]any{
		"operationId": operationID(rt), "summary": o.summary, "tags": []any{strings.Split(rt.path, "/")[1]},
		"parameters": params, "responses": responses,
	}
	if rt.need.open {
		out["security"] = []any{} // nobody is asked who he is
	}
	if o.body != nil {
		body := s.of(o.body, true)
		described := content("", body, "application/json")
		delete(described, "description")
		described["required"] = s.needed(o.body)
		out["requestBody"] = described
	}
	return out
}

func header(name, doc string) map[string]any {
	return map[string]any{"name": name, "in": "header", "schema": schema{"type": "string"}, "description": doc}
}

// needed reports whether some member of a request's body cannot be left out.
func (s *schemas) needed(t reflect.Type) bool {
	for _, m := range membersOf(t) {
		if m.required {
			return true
		}
	}
	return false
}

func (s *schemas) responses(rt route, o operation) map[string]any {
	answer := map[string]any{"description": http.StatusText(o.status)}
	switch {
	case o.answer != nil && o.media == nil:
		answer = content(http.StatusText(o.status), s.of(o.answer, false), "application/json")
	case o.media != nil:
		// One item a line: a schema would be one of the whole text.
		answer = content(http.StatusText(o.status), schema{"type": "string"}, o.media...)
	}
	if o.status == http.StatusSeeOther {
		answer = map[string]any{"description": "Go on there."}
	}
	all := map[string]any{strconv.Itoa(o.status): answer, "5XX": map[string]any{"$ref": "#/components/responses/Problem"}}
	if o.redirects {
		all[strconv.Itoa(http.StatusSeeOther)] = map[string]any{"description": "Go on there."}
	}
	for _, status := range o.failures(rt) {
		all[strconv.Itoa(status)] = map[string]any{"$ref": "#/components/responses/Problem"}
	}
	return all
}

// failures are the statuses from 400 to 499 that a route may answer.
func (o *operation) failures(rt route) []int {
	list := append([]int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden}, o.problems...)
	if strings.Contains(rt.path, "{") {
		list = append(list, http.StatusNotFound)
	}
	if rt.method != http.MethodGet {
		list = append(list, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	}
	return list
}

func content(description string, s schema, types ...string) map[string]any {
	media := map[string]any{}
	for _, t := range types {
		media[t] = map[string]any{"schema": s}
	}
	return map[string]any{"description": description, "content": media}
}

func (p parameter) describe(name string) map[string]any {
	s := schema{"type": "string"}
	switch {
	case p.options != nil:
		s["enum"] = p.options
		if p.def != "" {
			s["default"] = p.def
		}
	case p.kind == "integer":
		s = schema{"type": "integer", "minimum": 1, "maximum": maxLimit, "default": defaultLimit}
	case p.kind != "" && p.kind != "time":
		s["type"] = p.kind
	}
	return map[string]any{"name": name, "in": "query", "schema": s, "description": cmp.Or(p.doc, words[name])}
}

// operationID is the name of the handler's method, else it follows from the path.
func operationID(rt route) string {
	name := runtime.FuncForPC(reflect.ValueOf(rt.serve).Pointer()).Name()
	if method, ok := strings.CutSuffix(name[strings.LastIndexByte(name, '.')+1:], "-fm"); ok {
		return method
	}
	return strings.ToLower(rt.method) + strings.NewReplacer("/", "_", "{", "", "}", "").Replace(publicPath(rt.path))
}

// keep holds a request to the route's line of the contract before anybody looks at it.
func (a *api) keep(rt route, o operation, actions map[string]action) func(*call) error {
	serve, matches := a.guarded(rt, actions), conditional(rt, actions[rt.method+" "+rt.path])
	return func(c *call) error {
		c.op, c.list = &o, rt.path
		if err := c.checkPath(); err != nil {
			return err
		}
		if err := c.checkQuery(); err != nil {
			return err
		}
		if c.r.Header.Get("If-Match") != "" && rt.method != http.MethodGet && !matches {
			return core.Invalid("If-Match", "has no meaning here")
		}
		if o.body == nil && !o.raw && rt.method != http.MethodGet {
			if err := c.body(&none{}); err != nil {
				return err
			}
		}
		return serve(c)
	}
}

// checkPath finds nothing under a name that no database can hold.
func (c *call) checkPath() error {
	for _, v := range mux.Vars(c.r) {
		if !storable(v) {
			return core.Errorf(core.CodeNotFound, core.SourceClient, "there is nothing at this path")
		}
	}
	return nil
}

// openapi serves the document to anybody: it is the product's, not the installation's.
func openapi(describe func() []byte) http.HandlerFunc {
	document := sync.OnceValue(describe) // a start needs the time, and what it leaves behind, for other things
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-cache")
		_, _ = w.Write(document()) // the caller may have gone
	}
}

package adminapi

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// fault is a request that must be refused, with the member or parameter at fault if it is known.
type fault struct {
	what, method, path, body string
	header                   [2]string
	status                   int
	param                    string
	missing                  []any // members that are missing too, and may be named instead
}

// existing replaces the variables of a path by an object that exists: the first of
// the list before them, but not one that stands in the configuration file.
func (w *world) existing(path string) string {
	w.t.Helper()
	for {
		before, _, ok := strings.Cut(path, "/{")
		if !ok {
			return path
		}
		type one struct {
			ID, Name string
			Number   int64
		}
		var page struct{ Data []one }
		w.want(200, "GET", before+"?limit=1000", "", &page)
		page.Data = slices.DeleteFunc(page.Data, func(o one) bool { return strings.HasPrefix(o.ID, "file:") })
		if len(page.Data) == 0 {
			w.t.Fatalf("there is nothing at %s: give full something", before)
		}
		object := page.Data[0].ID
		if object == "" {
			object = page.Data[0].Name
		}
		if object == "" {
			object = fmt.Sprint(page.Data[0].Number)
		}
		path = before + "/" + object + path[strings.Index(path, "}")+1:]
	}
}

// deref is the schema that a reference, or the half of it that is not null, leads to.
func deref(d *document, s map[string]any) map[string]any {
	if ref, ok := s["$ref"].(string); ok {
		return deref(d, d.Components.Schemas[strings.TrimPrefix(ref, "#/components/schemas/")].(map[string]any))
	}
	if either, ok := s["anyOf"].([]any); ok {
		return deref(d, either[0].(map[string]any))
	}
	return s
}

// allowsNull reports whether a schema takes null.
func allowsNull(s map[string]any) bool {
	types, _ := s["type"].([]any)
	return s["anyOf"] != nil || slices.Contains(types, "null") || len(s) == 0
}

// wrongValues are JSON values of other types than the schema's.
func wrongValues(s map[string]any) []string {
	kind, _ := s["type"].(string)
	if types, ok := s["type"].([]any); ok {
		kind = types[0].(string)
	}
	all := map[string]string{"string": `"no"`, "integer": `1`, "boolean": `true`, "array": `["x"]`, "object": `{"x":1}`}
	switch kind {
	case "":
		return nil // takes anything
	case "integer":
		all["number"] = `1.5`
	case "number":
		delete(all, "integer")
	case "array":
		all["items"] = `[{"x":[]}]`
	}
	if s["enum"] != nil {
		all["enum"] = `"nonsense"`
	}
	delete(all, kind)
	return slices.Sorted(maps.Values(all))
}

// bodyFaults are all bodies of an operation that are wrong in one place.
func bodyFaults(d *document, op documented, method, path string) (faults []fault) {
	add := func(what, body, param string, status int) {
		faults = append(faults, fault{what: what, method: method, path: path, body: body, param: param, status: status})
	}
	add("no object", `[]`, "", 400)
	add("null", `null`, "", 400)
	add("text", `"x"`, "", 400)
	add("cut", `{`, "", 400)
	add("nothing like JSON", `name=x`, "", 400)
	add("something behind it", `{} {}`, "", 400)
	add("an unknown member", `{"xyzzy": 1}`, "xyzzy", 400)
	add("deep", `{"xyzzy":`+strings.Repeat("[", 20000), "", 400)
	add("too long", `{"xyzzy":"`+strings.Repeat("x", maxBody)+`"}`, "", 413)
	faults = append(faults, fault{"a form", method, path, `{}`, [2]string{"Content-Type", "application/x-www-form-urlencoded"}, 415, "", nil},
		fault{"other letters", method, path, `{}`, [2]string{"Content-Type", "application/json; charset=utf-16"}, 415, "", nil})
	if op.RequestBody == nil {
		return faults
	}
	if op.RequestBody.Required {
		add("nothing", ``, "", 400)
	}
	content := op.RequestBody.Content["application/json"].(map[string]any)
	object := deref(d, content["schema"].(map[string]any))
	members := memberFaults(d, object, method, path, "", "%s")
	for i := range members {
		members[i].missing, _ = object["required"].([]any)
	}
	return append(faults, members...)
}

// memberFaults are those of one object's members; around is the body with a place for it.
func memberFaults(d *document, object map[string]any, method, path, within, around string) (faults []fault) {
	for _, name := range slices.Sorted(maps.Keys(object["properties"].(map[string]any))) {
		member := object["properties"].(map[string]any)[name].(map[string]any)
		at := strings.Trim(within+"."+name, ".")
		add := func(value, param string) {
			body := fmt.Sprintf(around, fmt.Sprintf("{%q: %s}", name, value))
			faults = append(faults, fault{what: at + " is " + value, method: method, path: path, body: body, param: param, status: 400})
		}
		s := deref(d, member)
		for _, value := range wrongValues(s) {
			add(value, at)
		}
		if !allowsNull(member) {
			add("null", at)
		}
		if upper := strings.ToUpper(name); s["enum"] == nil {
			faults = append(faults, fault{what: at + " in capitals", method: method, path: path, status: 400,
				body: fmt.Sprintf(around, fmt.Sprintf("{%q: null}", upper))})
		}
		if s["type"] == "string" && s["enum"] == nil {
			add(`"a\u0000b"`, "")
		}
		if s["properties"] != nil {
			add(`{"xyzzy": 1}`, at+".xyzzy")
			faults = append(faults, memberFaults(d, s, method, path, at, fmt.Sprintf(around, fmt.Sprintf("{%q: %%s}", name)))...)
		}
	}
	return faults
}

// queryFaults are wrong parameters.
func queryFaults(op documented, method, path string) (faults []fault) {
	add := func(what, query, param string) {
		faults = append(faults, fault{what: what, method: method, path: path + "?" + query, body: "", status: 400, param: param})
	}
	add("an unknown parameter", "xyzzy=1", "xyzzy")
	add("no query", "a=%zz", "")
	for _, p := range op.Parameters {
		if p.In != "query" {
			continue
		}
		add("twice", p.Name+"=1&"+p.Name+"=1", p.Name)
		add("NUL", p.Name+"=a%00b", p.Name)
		add("no UTF-8", p.Name+"=%ff", p.Name)
		if kind := parameters[p.Name].kind; kind != "" || p.Schema["enum"] != nil {
			add("of the wrong kind", p.Name+"=nonsense", p.Name)
		}
		if p.Schema["type"] == "integer" {
			add("too small", p.Name+"=0", p.Name)
			add("too large", p.Name+"=99999999999999999999", p.Name)
		}
	}
	return faults
}

// TestBadInput goes through all routes with all that can be wrong: it is always
// a problem of the right status that names what is at fault, and changes nothing.
func TestBadInput(t *testing.T) {
	w, d := full(t), theDocument()
	before := map[string][]string{}
	for _, path := range w.pagedRoutes() {
		before[path] = w.walk(path, 1000, "")
	}
	n := 0
	for _, rt := range (&api{}).routes() {
		op := d.Paths[publicPath(rt.path)][strings.ToLower(rt.method)]
		path := w.existing(rt.path)
		faults := queryFaults(op, rt.method, path)
		if o := contract()[rt.method+" "+rt.path]; rt.method != "GET" && !o.raw {
			faults = append(faults, bodyFaults(d, op, rt.method, path)...)
		}
		if strings.Contains(rt.path, "{") {
			for _, odd := range []string{"%00", "%ff", "a%00b", "%20", "%27%3B--", "%2e%2e", "%F0%9F%92%A9", strings.Repeat("x", 5000), "*", "%25"} {
				faults = append(faults, fault{what: "an odd path", method: rt.method, path: pathVariable.ReplaceAllLiteralString(rt.path, odd), status: 404})
			}
		}
		for _, f := range faults {
			if contract()[rt.method+" "+rt.path].more && f.param == "xyzzy" {
				continue
			}
			n++
			w.refused(f)
		}
	}
	for _, path := range w.pagedRoutes() {
		if after := w.walk(path, 1000, ""); path != "/audit" && !slices.Equal(before[path], after) {
			t.Errorf("%s has changed from\n%q to\n%q", path, before[path], after)
		}
	}
	if n < 1000 {
		t.Errorf("only %d faults were tried", n)
	}
}

func (w *world) refused(f fault) {
	w.t.Helper()
	r := httptest.NewRequest(f.method, Prefix+f.path, strings.NewReader(f.body))
	r.Header.Set("X-Api-Key", adminSecret)
	if f.header[0] != "" {
		r.Header.Set(f.header[0], f.header[1])
	}
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, r)
	text := rec.Body.String()
	if rec.Code != f.status || rec.Header().Get("Content-Type") != "application/problem+json" {
		w.t.Errorf("%s: %s %.200s %.200s: status %d, want %d: %.300s", f.what, f.method, f.path, f.body, rec.Code, f.status, text)
	}
	named := f.param == "" || strings.Contains(text, fmt.Sprintf(`"param":"%s`, strings.Split(f.param, ".")[0]))
	for _, name := range f.missing {
		named = named || strings.Contains(text, fmt.Sprintf(`"param":%q`, name))
	}
	if !named {
		w.t.Errorf("%s: %s %.200s %.200s: %.300s does not name %s", f.what, f.method, f.path, f.body, text, f.param)
	}
}

// TestMethods: every path tells which methods it takes, to HEAD what GET would
// say, and to other origins nothing.
func TestMethods(t *testing.T) {
	w := full(t)
	methods := map[string][]string{"/openapi.json": {"GET"}}
	for _, rt := range (&api{}).routes() {
		methods[rt.path] = append(methods[rt.path], rt.method)
	}
	server := httptest.NewServer(w.handler) // which leaves out the body of an answer to HEAD
	defer server.Close()
	ask := func(method, path string) *http.Response {
		r, err := http.NewRequest(method, server.URL+Prefix+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Api-Key", adminSecret)
		answer, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		return answer
	}
	byID := func(path string) []string {
		folder := path[:strings.LastIndex(path, "/")+1]
		return append(methods[folder+"{id}"], methods[strings.TrimSuffix(folder, "/")]...) // a name may have slashes
	}
	for path, known := range methods {
		real := w.existing(path)
		for _, method := range []string{"HEAD", "OPTIONS", "PUT", "TRACE", "BREW", "POST", "PATCH", "DELETE"} {
			if method == "HEAD" && contract()["GET "+path].answer == nil || contract()["GET "+path].redirects {
				continue // needs a provider
			}
			if slices.Contains(known, method) || slices.Contains(byID(path), strings.Replace(method, "HEAD", "GET", 1)) {
				continue // or it is for the object whose id this could be
			}
			answer := ask(method, real)
			want := 405
			switch {
			case method == "OPTIONS":
				want = 204
			case method == "HEAD" && slices.Contains(known, "GET"):
				want = 200
			}
			if answer.StatusCode != want {
				t.Errorf("%s %s: status %d, want %d", method, real, answer.StatusCode, want)
			}
			allow := strings.Split(answer.Header.Get("Allow"), ", ")
			for _, m := range known {
				if want != 200 && (!slices.Contains(allow, m) || slices.Contains(allow, method) != (method == "OPTIONS")) {
					t.Errorf("%s %s: allows %q", method, real, allow)
				}
			}
			for name := range answer.Header {
				if strings.HasPrefix(name, "Access-Control-") {
					t.Errorf("%s %s: %s", method, real, name)
				}
			}
		}
	}
}

func TestContentTypes(t *testing.T) {
	w := newWorld(t)
	for i, said := range []string{"", "application/json", "application/json; charset=UTF-8", "application/merge-patch+json"} {
		r := httptest.NewRequest("POST", Prefix+"/orgs", strings.NewReader(fmt.Sprintf(`{"name": "o%d"}`, i)))
		r.Header.Set("X-Api-Key", adminSecret)
		if said != "" {
			r.Header.Set("Content-Type", said)
		}
		rec := httptest.NewRecorder()
		if w.handler.ServeHTTP(rec, r); rec.Code != 201 {
			t.Errorf("%q: status %d %s", said, rec.Code, rec.Body)
		}
	}
}

package adminapi

import (
	"bufio"
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// document is the description as it is served, for the tests to hold others to it.
type document struct {
	OpenAPI    string
	Paths      map[string]map[string]documented
	Components struct{ Schemas map[string]any }
	compiler   *jsonschema.Compiler
}

type documented struct {
	OperationID string
	Summary     string
	Parameters  []struct {
		Name, In, Description string
		Required              bool
		Schema                map[string]any
	}
	RequestBody *struct {
		Required bool
		Content  map[string]any
	}
	Responses map[string]struct {
		Ref     string `json:"$ref"`
		Content map[string]any
	}
}

const documentURL = "http://test/openapi.json"

// theDocument is made and read once.
var theDocument = sync.OnceValue(func() *document {
	text := (&api{}).describe()
	d := &document{compiler: jsonschema.NewCompiler()}
	if err := json.Unmarshal(text, d); err != nil {
		panic(err)
	}
	whole, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		panic(err)
	}
	d.compiler.AssertFormat()
	if err := d.compiler.AddResource(documentURL, whole); err != nil {
		panic(err)
	}
	return d
})

var compiling sync.Mutex

// valid checks a JSON value against the schema at the place, a path of keys in the document.
func (d *document) valid(text []byte, place ...string) error {
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	fragment := ""
	for _, key := range place {
		fragment += "/" + url.PathEscape(strings.NewReplacer("~", "~0", "/", "~1").Replace(key))
	}
	compiling.Lock()
	s, err := d.compiler.Compile(documentURL + "#" + fragment)
	compiling.Unlock()
	if err != nil {
		return err
	}
	return s.Validate(v)
}

// checked serves as New does and holds each answer, and each body that was
// accepted, to the description: whatever a test asks for, it tests the contract.
func checked(t testing.TB, d Deps) http.Handler {
	next, doc := New(d), theDocument()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		seen := &witness{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(seen, r)
		if err := doc.hold(r, body, seen); err != nil {
			t.Errorf("%s %s %.300s\nanswers %d %.600s\nagainst its description: %v", r.Method, r.URL, body, seen.status, seen.body.Bytes(), err)
		}
	})
}

// witness remembers an answer that it passes on.
type witness struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (w *witness) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *witness) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *witness) Write(b []byte) (int, error) {
	w.body.Write(b)
	return w.ResponseWriter.Write(b)
}

func (w *witness) Flush() { _ = http.NewResponseController(w.ResponseWriter).Flush() }

type disagreement string

func (d disagreement) Error() string { return string(d) }

// hold compares an exchange with the operation that it was.
func (d *document) hold(r *http.Request, body []byte, seen *witness) error {
	media, _, _ := strings.Cut(seen.Header().Get("Content-Type"), ";")
	if media == "application/problem+json" {
		if err := d.valid(seen.body.Bytes(), "components", "schemas", "Problem"); err != nil {
			return err
		}
	}
	path, op := d.find(r)
	if op == nil { // no route, or not its method, or the description itself
		if seen.status < 300 && r.URL.Path != Prefix+"/openapi.json" && r.Method != http.MethodOptions {
			return disagreement("there is no such operation")
		}
		return nil
	}
	method, status := strings.ToLower(r.Method), strconv.Itoa(seen.status)
	if r.Method == http.MethodHead {
		method = "get"
	}
	if seen.status >= 500 {
		status = "5XX"
	}
	answer, ok := op.Responses[status]
	switch {
	case !ok:
		return disagreement("it has no answer " + status)
	case answer.Ref != "":
		if media != "application/problem+json" {
			return disagreement("a failure is no problem document")
		}
		return nil
	case answer.Content == nil && seen.body.Len() > 0:
		return disagreement("there is a body")
	case answer.Content != nil && answer.Content[media] == nil:
		return disagreement("the type is " + media)
	case media == "application/json":
		if err := d.valid(seen.body.Bytes(), "paths", path, method, "responses", status, "content", media, "schema"); err != nil {
			return err
		}
	}
	if media == "application/jsonl" {
		name := contractSchemas[strings.ToUpper(method)+" "+path]
		for lines := bufio.NewScanner(bytes.NewReader(seen.body.Bytes())); lines.Scan(); {
			if err := d.valid(lines.Bytes(), "components", "schemas", name); err != nil {
				return err
			}
		}
	}
	return d.holdRequest(r, op, method, path, body)
}

// contractSchemas are the schemas of the lines of exports.
var contractSchemas = func() map[string]string {
	names := map[string]string{}
	for route, o := range contract() {
		if o.media != nil && o.answer != nil {
			method, path, _ := strings.Cut(route, " ")
			names[method+" "+publicPath(path)] = schemaName(o.answer)
		}
	}
	return names
}()

// holdRequest compares what was accepted.
func (d *document) holdRequest(r *http.Request, op *documented, method, path string, body []byte) error {
	for name := range r.URL.Query() {
		if !slices.Contains(op.names("query"), name) {
			return disagreement("it has no parameter " + name)
		}
	}
	body = bytes.TrimSpace(body)
	switch {
	case op.RequestBody == nil || op.RequestBody.Content["application/json"] == nil:
		return nil
	case len(body) == 0 && op.RequestBody.Required:
		return disagreement("a request without a body is accepted")
	case len(body) == 0:
		return nil
	}
	return d.valid(body, "paths", path, method, "requestBody", "content", "application/json", "schema")
}

func (op *documented) names(in string) (names []string) {
	for _, p := range op.Parameters {
		if p.In == in {
			names = append(names, p.Name)
		}
	}
	return names
}

var oneVariable = regexp.MustCompile(`\\\{\w+\\\}`)

// find is the operation of a request; a path without variables goes first.
func (d *document) find(r *http.Request) (string, *documented) {
	path := strings.TrimPrefix(r.URL.Path, Prefix)
	found := ""
	for candidate := range d.Paths {
		pattern := "^" + oneVariable.ReplaceAllString(regexp.QuoteMeta(candidate), ".+") + "$"
		if ok, _ := regexp.MatchString(pattern, path); ok && (found == "" || candidate == path || len(candidate) > len(found) && found != path) {
			found = candidate
		}
	}
	method := strings.ToLower(r.Method)
	if r.Method == http.MethodHead {
		method = "get"
	}
	if op, ok := d.Paths[found][method]; ok {
		return found, &op
	}
	return found, nil
}

// TestContract: every route is described and nothing else, each with words, and
// every reference leads somewhere.
func TestContract(t *testing.T) {
	d, routes, ids := theDocument(), map[string]bool{}, map[string]bool{}
	for _, rt := range (&api{}).routes() {
		routes[rt.method+" "+rt.path] = true
		op, ok := d.Paths[publicPath(rt.path)][strings.ToLower(rt.method)]
		if !ok || op.Summary == "" || ids[op.OperationID] {
			t.Errorf("%s %s is not described, or twice: %+v", rt.method, rt.path, op)
		}
		ids[op.OperationID] = true
		for _, p := range op.Parameters {
			if p.In == "query" && p.Description == "" {
				t.Errorf("%s %s: the parameter %s has no words", rt.method, rt.path, p.Name)
			}
		}
	}
	for route, o := range contract() {
		if !routes[route] {
			t.Errorf("there is no route %s", route)
		}
		for _, name := range o.query {
			if _, ok := parameters[name]; !ok {
				t.Errorf("%s has the parameter %s, which is none", route, name)
			}
		}
	}
	if n := len(ids); n != len(routes) || d.OpenAPI != "3.1.0" {
		t.Errorf("%d operations of %d routes", n, len(routes))
	}
	for _, ref := range regexp.MustCompile(`"#/components/schemas/(\w+)"`).FindAllStringSubmatch(string((&api{}).describe()), -1) {
		if d.Components.Schemas[ref[1]] == nil {
			t.Errorf("nothing is at %s", ref[0])
		}
	}
}

// TestContract_Served: anybody may read the description.
func TestContract_Served(t *testing.T) {
	w := newWorld(t)
	status, head, text := w.do("", "GET", "/openapi.json", "")
	var d document
	if err := json.Unmarshal([]byte(text), &d); err != nil || status != 200 || head.Get("Content-Type") != "application/json" || len(d.Paths) != len(theDocument().Paths) {
		t.Errorf("status %d, %v", status, err)
	}
}

// TestContract_Enums: what the description says are all values are all constants of the type.
func TestContract_Enums(t *testing.T) {
	constants := map[string]map[string]bool{} // values by "package.Type"
	for pkg, folder := range map[string]string{"core": "..", "adminapi": "."} {
		files, err := parser.ParseDir(token.NewFileSet(), folder, nil, 0) //nolint:staticcheck // no build tags here
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range files {
			ast.Inspect(p, func(n ast.Node) bool {
				v, ok := n.(*ast.ValueSpec)
				if !ok || len(v.Values) != 1 {
					return true
				}
				name, named := v.Type.(*ast.Ident)
				text, literal := v.Values[0].(*ast.BasicLit)
				if named && literal && text.Kind == token.STRING {
					value, _ := strconv.Unquote(text.Value)
					if constants[pkg+"."+name.Name] == nil {
						constants[pkg+"."+name.Name] = map[string]bool{}
					}
					constants[pkg+"."+name.Name][value] = true
				}
				return true
			})
		}
	}
	for typ, values := range enums {
		have := map[string]bool{}
		for _, v := range values {
			if text := reflect.ValueOf(v).String(); text != "" {
				have[text] = true
			}
		}
		want := constants[typ.String()]
		delete(want, "")
		if !reflect.DeepEqual(have, want) {
			t.Errorf("%s has %v, its constants are %v", typ, have, want)
		}
	}
}

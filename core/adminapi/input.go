package adminapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tokligence/gateway/core"
)

// maxBody is more than any request of this API needs.
const maxBody = 1 << 20

// body reads the request's JSON object into v. An empty body is an empty
// object. What v does not know is an error, and null where v says nothing of it
// (see [schemas]): a misspelt limit must not be lost.
func (c *call) body(v any) error {
	raw, err := c.readBody()
	if err != nil {
		return err
	}
	if err := strict("", raw, v); err != nil {
		return inside(err, raw, v)
	}
	if _, err := objectMembers(raw); err != nil {
		return err
	}
	if err := checkMembers(raw, reflect.TypeOf(v).Elem(), ""); err != nil {
		return err
	}
	return checkLabels(c.r, raw)
}

// inside tells where an unknown member is: decoding knows only its name.
func inside(err error, raw []byte, v any) error {
	if json.Valid(raw) {
		if e := checkMembers(raw, reflect.TypeOf(v).Elem(), ""); e != nil && strings.HasPrefix(core.AsError(err).Message, "unknown member") {
			return e
		}
	}
	return err
}

// checkMembers refuses what decoding takes and the description does not: null
// where nothing says what it means, and names in other letters. The JSON stands
// at the member at, and can be decoded.
func checkMembers(raw []byte, t reflect.Type, at string) error {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if other, ok := standing(t); ok {
		return checkMembers(raw, other, at)
	}
	if _, ok := formats[t]; ok || t.Kind() != reflect.Struct || isNull(raw) {
		return nil
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return core.Invalid(at, "must be a JSON object")
	}
	known := membersOf(t)
	for _, name := range slices.Sorted(maps.Keys(members)) {
		full := strings.Trim(at+"."+name, ".")
		i := slices.IndexFunc(known, func(m jsonMember) bool { return m.name == name })
		if i < 0 {
			return core.Invalid(full, "unknown member %q", full)
		}
		if isNull(members[name]) && !known[i].mayBeNull(true) {
			return core.Invalid(full, "must not be null")
		}
		if err := checkMembers(members[name], known[i].Type, full); err != nil {
			return err
		}
	}
	return nil
}

// readBody reads the body, once: permissions look at it before its handler does.
func (c *call) readBody() ([]byte, error) {
	if c.raw != nil {
		return c.raw, nil
	}
	raw, err := io.ReadAll(io.LimitReader(c.r.Body, maxBody+1))
	if err != nil {
		return nil, core.Invalid("", "the body could not be read").With(err)
	}
	if len(raw) > maxBody {
		return nil, core.Errorf(core.CodePayloadTooLarge, core.SourceClient, "the body is longer than %d bytes", maxBody)
	}
	if err := c.checkType(len(raw)); err != nil {
		return nil, err
	}
	if len(bytes.TrimSpace(raw)) == 0 {
		raw = []byte("{}")
	}
	if nul(raw) {
		return nil, core.Invalid("", "no text may have the character NUL")
	}
	c.raw = raw
	return raw, nil
}

// objectMembers are the members of a JSON object. One that is there twice is refused,
// in whatever case: of two, permissions might see the one and a handler the other.
func objectMembers(raw []byte) (map[string]json.RawMessage, error) {
	var members map[string]json.RawMessage
	if json.Unmarshal(raw, &members) != nil || members == nil {
		return nil, core.Invalid("", "must be a JSON object")
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	_, _ = d.Token() // the brace: it is an object
	seen := map[string]bool{}
	for d.More() {
		name, _ := d.Token()
		folded := strings.ToLower(strings.ToUpper(name.(string)))
		if seen[folded] {
			return nil, core.Invalid(name.(string), "is there twice")
		}
		seen[folded] = true
		var skip json.RawMessage
		_ = d.Decode(&skip) // it was valid a moment ago
	}
	return members, nil
}

// checkType refuses a body that is said to be something else than JSON: forms are
// what foreign pages can send. A body of which nothing is said is taken for JSON.
func (c *call) checkType(length int) error {
	said := c.r.Header.Get("Content-Type")
	if length == 0 || said == "" {
		return nil
	}
	media, params, err := mime.ParseMediaType(said)
	charset := strings.ToLower(params["charset"])
	if err == nil && (media == "application/json" || strings.HasSuffix(media, "+json")) && (charset == "" || charset == "utf-8") {
		return nil
	}
	e := core.Errorf(core.CodeInvalidRequest, core.SourceClient, "the body must be JSON: send it with Content-Type: application/json")
	e.Status = http.StatusUnsupportedMediaType
	return e
}

// storable reports whether a database can hold the text.
func storable(s string) bool { return utf8.ValidString(s) && !strings.Contains(s, "\x00") }

// strict decodes the one JSON value raw, which stands at the member within.
func strict(within string, raw []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	return decode(d, within, v)
}

// decode reads the one JSON value of d and tells what is wrong with it.
func decode(d *json.Decoder, within string, v any) error {
	err := d.Decode(v)
	if err == nil {
		if _, err = d.Token(); err == io.EOF {
			return nil
		}
		return core.Invalid(within, "something follows the JSON value")
	}
	at := func(field string) string { return strings.Trim(within+"."+field, ".") }
	var wrong *json.UnmarshalTypeError
	var ours *core.Error
	const unknown = "json: unknown field "
	switch {
	case errors.As(err, &ours):
		return ours
	case errors.As(err, &wrong):
		return core.Invalid(at(members(wrong.Field)), "must not be a %s", wrong.Value)
	case strings.HasPrefix(err.Error(), unknown):
		name, _ := strconv.Unquote(strings.TrimPrefix(err.Error(), unknown))
		return core.Invalid(at(name), "unknown member %q", at(name))
	case errors.Is(err, io.ErrUnexpectedEOF):
		return core.Invalid(within, "the JSON ends too early")
	}
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return core.Invalid(within, "not valid JSON at byte %d", syntax.Offset)
	}
	return core.Invalid(within, "not understood").With(err)
}

// members leaves out of a path what is no member but the name of an embedded
// struct, which alone has capital letters.
func members(path string) string {
	parts := strings.Split(path, ".")
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p != strings.ToLower(p) }), ".")
}

// money is a budget's amount: dollars as a decimal string.
type money core.Nano

func (m *money) UnmarshalJSON(raw []byte) error {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return core.Invalid("budget.amount", "must be a decimal string such as %q", "25.00")
	}
	n, err := core.ParseDollars(s)
	if err != nil {
		return core.Invalid("budget.amount", "%v", err)
	}
	*m = money(n)
	return nil
}

// instant is a key's expiry, a time in RFC 3339.
type instant time.Time

func (t *instant) UnmarshalJSON(raw []byte) error {
	var s string
	err := json.Unmarshal(raw, &s)
	parsed, perr := time.Parse(time.RFC3339, s)
	if err != nil || perr != nil {
		return core.Invalid("expires_at", "must be a time such as %q", "2027-01-31T00:00:00Z")
	}
	*t = instant(parsed.UTC())
	return nil
}

// idPatch is an id that null takes away; nil keeps what there is.
type idPatch struct{ id *string }

func (*idPatch) standsFor() reflect.Type { return reflect.TypeFor[string]() }

func (p *idPatch) UnmarshalJSON(raw []byte) error {
	p.id = new(string)
	return json.Unmarshal(raw, p.id) // null leaves it empty
}

// raw is a member whose T is read later; nil when it is absent. Null takes away
// what there is.
type raw[T any] []byte

func (r *raw[T]) UnmarshalJSON(text []byte) error {
	*r = slices.Clone(text)
	return nil
}

func (*raw[T]) standsFor() reflect.Type { return reflect.TypeFor[T]() }

// isNull reports a member that was given as null.
func isNull(raw []byte) bool { return string(bytes.TrimSpace(raw)) == "null" }

// nul reports whether a JSON text has a string with NUL in it, which no database
// that we use can hold.
func nul(raw []byte) bool {
	for i := 0; i < len(raw); i++ {
		if raw[i] == '\\' {
			if bytes.HasPrefix(raw[i:], []byte(`\u0000`)) {
				return true
			}
			i++ // what is escaped, be it a backslash
		}
	}
	return false
}

// query reads query parameters and remembers the first that is wrong.
type query struct {
	values url.Values
	op     *operation
	err    error
}

// query reads parameters that the operation has.
func (c *call) query() *query { return &query{values: c.params, op: c.op} }

// checkQuery refuses parameters that the operation does not have: a misspelt
// filter would answer more than was asked for.
func (c *call) checkQuery() (err error) {
	c.params, err = url.ParseQuery(c.r.URL.RawQuery)
	if err != nil {
		return core.Invalid("", "the query of the address is not well-formed").With(err)
	}
	for _, name := range slices.Sorted(maps.Keys(c.params)) {
		values := c.params[name]
		if !slices.Contains(c.op.query, name) && !c.op.more {
			return core.Invalid(name, "unknown parameter %q", name)
		}
		if len(values) > 1 {
			return core.Invalid(name, "is given more than once")
		}
		if !storable(values[0]) {
			return core.Invalid(name, "must be text in UTF-8 without NUL")
		}
		if name == "cursor" && values[0] != "" {
			if values[0], err = c.inward(values[0]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (q *query) fail(name, format string, args ...any) {
	if q.err == nil {
		q.err = core.Invalid(name, format, args...)
	}
}

func (q *query) text(name string) string {
	if !slices.Contains(q.op.query, name) {
		panic("adminapi: the contract has no parameter " + name + " here")
	}
	return q.values.Get(name)
}

// given is a filter; nil when absent or empty.
func (q *query) given(name string) *string {
	if s := q.text(name); s != "" {
		return &s
	}
	return nil
}

// page is the part of a list that limit and cursor name.
func (q *query) page() core.Page { return core.Page{Limit: q.limit(), Cursor: q.text("cursor")} }

// How many items a page has.
const (
	defaultLimit = 50
	maxLimit     = 1000
)

func (q *query) limit() int {
	s := q.text("limit")
	if s == "" {
		return defaultLimit
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > maxLimit {
		q.fail("limit", "must be a number from 1 to %d", maxLimit)
	}
	return n
}

// time reads RFC 3339 or a date, which is its first instant in UTC.
func (q *query) time(name string) time.Time {
	s := q.text(name)
	if s == "" {
		return time.Time{}
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC()
		}
	}
	q.fail(name, "must be a time such as %q or a date such as %q", "2026-11-25T12:00:00Z", "2026-11-25")
	return time.Time{}
}

// choice reads one of the parameter's options; absent it is their default.
func (q *query) choice(name string) string {
	s, p := q.text(name), parameters[name]
	if s == "" {
		return p.def
	}
	if !slices.Contains(p.options, s) {
		q.fail(name, "%q is not one of %s", s, strings.Join(p.options, ", "))
	}
	return s
}

// flag reads true or false; nil when absent.
func (q *query) flag(name string) *bool {
	s := q.text(name)
	if s == "" {
		return nil
	}
	b, err := strconv.ParseBool(s)
	if err != nil {
		q.fail(name, "must be true or false")
	}
	return &b
}

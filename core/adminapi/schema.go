package adminapi

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/tokligence/gateway/core"
)

// schema is a JSON Schema of 2020-12, which is what OpenAPI 3.1 takes.
type schema map[string]any

// schemas makes schemas of Go types by what encoding/json does with them. Named
// structs and enums stand once, in defs, and are referred to.
//
// Members have the tags
//
//	doc:"…"        what it is; else the words table tells
//	api:"required" in a request: it cannot be left out
//	api:"null"     in a request: null may be given; in an answer: it may be null although no pointer
//
// An answer always has its members without omitempty, and null stands for nil pointers.
type schemas struct {
	defs  map[string]any
	names map[named]string
}

// named is a type in a request or in an answer, which may differ.
type named struct {
	reflect.Type
	request bool
}

// stands is a type that reads the JSON of another one, and its null.
type stands interface{ standsFor() reflect.Type }

// formats are types that write themselves as one JSON value.
var formats = map[reflect.Type]schema{
	reflect.TypeFor[time.Time]():       {"type": "string", "format": "date-time"},
	reflect.TypeFor[instant]():         {"type": "string", "format": "date-time"},
	reflect.TypeFor[core.Nano]():       moneyFormat,
	reflect.TypeFor[money]():           moneyFormat,
	reflect.TypeFor[core.Span]():       {"type": "string", "examples": []any{"24h"}},
	reflect.TypeFor[netip.Prefix]():    {"type": "string", "examples": []any{"10.0.0.0/8"}},
	reflect.TypeFor[netip.Addr]():      {"type": "string"},
	reflect.TypeFor[time.Duration]():   {"type": "integer", "description": "Nanoseconds."},
	reflect.TypeFor[json.RawMessage](): {},
}

var moneyFormat = schema{"type": "string", "pattern": `^-?[0-9]*(\.[0-9]+)?$`, "description": "Dollars as a decimal string.", "examples": []any{"25.00"}}

// enums are the types with few values; a test holds that no constant is missing.
var enums = map[reflect.Type][]any{
	reflect.TypeFor[core.Code]():         codes(),
	reflect.TypeFor[core.Role]():         {core.RoleNone, core.RoleOwner, core.RoleAdmin, core.RoleOrgAdmin, core.RoleTeamAdmin, core.RoleMember, core.RoleViewer},
	reflect.TypeFor[core.KeyKind]():      {core.KindUser, core.KindServiceAccount, core.KindOrganization, core.KindInstallation},
	reflect.TypeFor[core.Period]():       {core.PeriodNone, core.PeriodHour, core.PeriodDay, core.PeriodWeek, core.PeriodMonth},
	reflect.TypeFor[core.BudgetPolicy](): {core.BudgetStrict, core.BudgetShrink},
	reflect.TypeFor[core.Outcome](): {core.OutcomeOK, core.OutcomeBlocked, core.OutcomeFailed, core.OutcomeClientClosed, core.OutcomeInterrupted,
		core.OutcomeCorrection},
	reflect.TypeFor[core.DeliveryState](): {core.DeliveryPending, core.DeliveryDelivered, core.DeliveryFailed},
	reflect.TypeFor[core.AuditOutcome]():  {core.AuditOK, core.AuditRefused, core.AuditFailed},
	reflect.TypeFor[bulkAction]():         {bulkBlock, bulkUnblock, bulkDelete},
	reflect.TypeFor[core.UsageSource]():   {core.UsageReported, core.UsageEstimated, core.UsageSource("")},
	reflect.TypeFor[core.Origin]():        {core.OriginFile, core.OriginAPI},
	reflect.TypeFor[core.Cause]():         {core.CauseStart, core.CauseReload, core.CauseAPI, core.CauseRollback, core.CauseCommand},
}

func codes() []any {
	var all []any
	for _, c := range slices.Sorted(slices.Values(core.Codes())) {
		all = append(all, c)
	}
	return all
}

func newSchemas() *schemas { return &schemas{defs: map[string]any{}, names: map[named]string{}} }

// of is the schema of a type's JSON.
func (s *schemas) of(t reflect.Type, request bool) schema {
	if f, ok := formats[t]; ok {
		return maps.Clone(f)
	}
	if other, ok := standing(t); ok {
		return nullable(s.of(other, request))
	}
	if o, ok := objectTypes[t]; ok {
		return s.ref(named{t, request}, func() schema { return s.configObject(o) })
	}
	if values, ok := enums[t]; ok {
		return s.ref(named{t, false}, func() schema { return schema{"type": "string", "enum": values} })
	}
	switch t.Kind() {
	case reflect.Pointer:
		return s.of(t.Elem(), request)
	case reflect.Struct:
		if t.Name() == "" {
			return s.object(t, request)
		}
		return s.ref(named{t, request}, func() schema { return s.object(t, request) })
	case reflect.Slice:
		return schema{"type": "array", "items": s.of(t.Elem(), request)}
	case reflect.Map:
		return schema{"type": "object", "additionalProperties": s.of(t.Elem(), request)}
	case reflect.String:
		return schema{"type": "string"}
	case reflect.Bool:
		return schema{"type": "boolean"}
	case reflect.Float32, reflect.Float64:
		return schema{"type": "number"}
	case reflect.Int, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint32, reflect.Uint64:
		return schema{"type": "integer"}
	case reflect.Interface:
		return schema{}
	}
	panic(fmt.Sprintf("adminapi: no schema for %s", t))
}

// standing is the type whose JSON t reads instead of its own.
func standing(t reflect.Type) (reflect.Type, bool) {
	if t.Kind() == reflect.Pointer {
		return nil, false
	}
	v, ok := reflect.New(t).Interface().(stands)
	if !ok {
		return nil, false
	}
	return v.standsFor(), true
}

// ref makes the schema of a named type, once, and refers to it. What differs as
// a request has a name of its own.
func (s *schemas) ref(t named, make func() schema) schema {
	if name, ok := s.names[t]; ok {
		return schema{"$ref": "#/components/schemas/" + name}
	}
	name := schemaName(t.Type)
	made := make()
	if have, ok := s.defs[name]; ok && !reflect.DeepEqual(have, made) {
		if _, other := s.names[named{t.Type, !t.request}]; !other {
			panic(fmt.Sprintf("adminapi: two types are called %s in the API: give %s another name in schemaNames", name, t.Type))
		}
		name += map[bool]string{true: "Input", false: "Output"}[t.request]
	}
	s.names[t], s.defs[name] = name, made
	return schema{"$ref": "#/components/schemas/" + name}
}

// schemaNames are those that do not follow from their type's.
var schemaNames = map[reflect.Type]string{
	reflect.TypeFor[core.User](): "Person", // without what stands beside it in lists
}

// schemaName is the type's name without what says that it is a view.
func schemaName(t reflect.Type) string {
	if name, ok := schemaNames[t]; ok {
		return name
	}
	name := t.Name()
	if strings.HasPrefix(name, "list[") {
		data, _ := t.FieldByName("Data")
		elem := data.Type.Elem()
		if elem.Kind() == reflect.Pointer {
			elem = elem.Elem()
		}
		return schemaName(elem) + "List"
	}
	name = strings.TrimSuffix(name, "View")
	return string(unicode.ToUpper(rune(name[0]))) + name[1:]
}

// object is the schema of a struct.
func (s *schemas) object(t reflect.Type, request bool) schema {
	properties, required := map[string]any{}, []any{}
	for _, m := range membersOf(t) {
		p := s.of(m.Type, request)
		if m.mayBeNull(request) {
			p = nullable(p)
		}
		if words := m.words(); words != "" {
			p["description"] = words
		}
		properties[m.name] = p
		if request && m.required || !request && !m.omits {
			required = append(required, m.name)
		}
	}
	o := schema{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		o["required"] = required
	}
	return o
}

// jsonMember is a member of a struct's JSON.
type jsonMember struct {
	reflect.StructField
	name           string
	omits          bool // when it is empty
	required, null bool // by its tag
}

// membersOf lists the members of a struct, those of embedded ones included.
func membersOf(t reflect.Type) []jsonMember {
	var all []jsonMember
	for f := range t.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && name == "" {
			inner := f.Type
			if inner.Kind() == reflect.Pointer {
				inner = inner.Elem()
			}
			for _, m := range membersOf(inner) {
				m.omits = m.omits || f.Tag.Get("api") == "absent" // a nil pointer
				if !slices.ContainsFunc(all, func(o jsonMember) bool { return o.name == m.name }) {
					all = append(all, m)
				}
			}
			continue
		}
		if name == "-" || !f.IsExported() {
			continue
		}
		if name == "" {
			name = f.Name
		}
		tags := strings.Split(f.Tag.Get("api"), ",")
		m := jsonMember{f, name, strings.Contains(options, "omit"), slices.Contains(tags, "required"), slices.Contains(tags, "null")}
		all = slices.DeleteFunc(all, func(o jsonMember) bool { return o.name == name }) // the outer one hides it
		all = append(all, m)
	}
	return all
}

func (m *jsonMember) mayBeNull(request bool) bool {
	if request {
		_, stands := standing(m.Type)
		return m.null || stands
	}
	return m.null || !m.omits && (m.Type.Kind() == reflect.Pointer || m.Type == reflect.TypeFor[json.RawMessage]())
}

// words describe a member; one name means one thing everywhere.
func (m *jsonMember) words() string {
	if doc := m.Tag.Get("doc"); doc != "" {
		return doc
	}
	return words[m.name]
}

// nullable also allows null.
func nullable(s schema) schema {
	kind, plain := s["type"].(string)
	_, enum := s["enum"]
	switch {
	case len(s) == 0: // anything
		return s
	case plain && !enum:
		s = maps.Clone(s)
		s["type"] = []any{kind, "null"}
		return s
	case s["anyOf"] != nil:
		return s
	}
	if _, already := s["type"].([]any); already {
		return s
	}
	return schema{"anyOf": []any{s, schema{"type": "null"}}}
}

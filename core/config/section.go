package config

import (
	"slices"
)

// Section describes a table, or an array of tables, of gateway.toml.
type Section struct {
	Name   string // "server", "deployment"
	Array  bool   // [[name]], one per object
	Doc    string
	Fields []Field
	// Open says what keys beside Fields mean; "" allows none.
	Open string
}

// section is a Section that can be read.
type section struct {
	Section
	take     func(l *loader, raw any, at place)
	defaults func(l *loader)
}

// single makes the section of a table that exists once, possibly spread over files.
func single[T any](name, doc string, of func(*Config) *T, fields []field[T]) section {
	s := section{Section: Section{Name: name, Doc: doc, Fields: described(fields)}}
	s.take = func(l *loader, raw any, at place) {
		table, ok := raw.(map[string]any)
		if !ok {
			value{l, at, raw}.wrongType("a table: write [" + name + "]")
			return
		}
		for _, key := range byLine(table, at) {
			v := value{l, at.child(key), table[key]}
			f := find(fields, key)
			if f == nil {
				v.fail("unknown key%s", didYouMean(key, s.fieldNames()))
				continue
			}
			if first, ok := l.set[v.at.shown]; ok {
				v.fail("already set at %s", first)
				continue
			}
			l.set[v.at.shown] = v.at
			l.cfg.written = append(l.cfg.written, written{section: name, at: at, tree: map[string]any{key: table[key]}})
			f.set(of(l.cfg), v)
		}
	}
	s.defaults = func(l *loader) {
		at := place{src: l.files[0], index: name, shown: name}
		for _, f := range fields {
			if _, ok := l.set[name+"."+f.Name]; !ok {
				f.setDefault(l, of(l.cfg), at)
			}
		}
	}
	return s
}

// array makes the section of [[name]]. The first field is the object's name.
// open, if not nil, takes keys that no field has; add gets the finished object.
func array[T any](name, doc string, fields []field[T], open func(*T, string, value), add func(l *loader, at place, t *T)) section {
	s := section{Section: Section{Name: name, Array: true, Doc: doc, Fields: described(fields)}}
	s.take = func(l *loader, raw any, at place) {
		list, ok := tables(raw)
		if !ok {
			value{l, at, raw}.wrongType("a list of tables: write [[" + name + "]]")
			return
		}
		for i, table := range list {
			here := at.element(i)
			id, _ := table[fields[0].Name].(string)
			if validName(id) {
				here.shown = name + "[" + id + "]"
			}
			t := new(T)
			readTable(l, fields, table, here, t, open)
			if validName(id) && l.addObject(here) {
				l.cfg.written = append(l.cfg.written, written{section: name, name: id, nameKey: fields[0].Name, at: here, tree: table})
				add(l, here, t)
			}
		}
	}
	return s
}

// tables reads a list of tables, written as [[name]] or inline.
func tables(raw any) ([]map[string]any, bool) {
	switch t := raw.(type) {
	case []map[string]any:
		return t, true
	case []any:
		out := make([]map[string]any, len(t))
		for i, e := range t {
			m, ok := e.(map[string]any)
			if !ok {
				return nil, false
			}
			out[i] = m
		}
		return out, true
	}
	return nil, false
}

// readTable fills t from the table, with defaults for what is absent.
func readTable[T any](l *loader, fields []field[T], table map[string]any, at place, t *T, open func(*T, string, value)) {
	for _, f := range fields {
		raw, given := table[f.Name]
		switch {
		case given:
			f.set(t, value{l, at.child(f.Name), raw})
		case f.Required:
			l.fail(at, "%s is missing", f.Name)
		default:
			f.setDefault(l, t, at)
		}
	}
	for _, key := range byLine(table, at) {
		v := value{l, at.child(key), table[key]}
		switch {
		case find(fields, key) != nil:
		case open != nil:
			open(t, key, v)
		default:
			v.fail("unknown key%s", didYouMean(key, namesOf(described(fields))))
		}
	}
}

func (f *field[T]) setDefault(l *loader, t *T, at place) {
	if f.Default != "" {
		f.set(t, value{l, at.child(f.Name), parseDefault(f.Default)})
	}
}

func find[T any](fields []field[T], name string) *field[T] {
	i := slices.IndexFunc(fields, func(f field[T]) bool { return f.Name == name })
	if i < 0 {
		return nil
	}
	return &fields[i]
}

func described[T any](fields []field[T]) []Field {
	out := make([]Field, len(fields))
	for i, f := range fields {
		out[i] = f.Field
	}
	return out
}

func (s *Section) fieldNames() []string { return namesOf(s.Fields) }

func namesOf(fields []Field) []string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.Name
	}
	return names
}

// validName reports whether s can name an object: visible ASCII without
// brackets or quotes, since names appear in paths, headers and logs.
func validName(s string) bool {
	if s == "" || len(s) > 128 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c > '~' || c == '[' || c == ']' || c == '"' || c == '\\' || c == ',' {
			return false
		}
	}
	return true
}

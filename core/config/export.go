package config

import (
	"bytes"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/BurntSushi/toml"
)

// Export writes the whole configuration as one file, to stand where the main one
// stands. A secret that was given as such is replaced by a reference to a
// variable, which the file names at its head; the file is valid once those are
// set.
func (c *Config) Export() (string, error) {
	var body bytes.Buffer
	var variables []string
	taken := map[string]bool{}
	var left []string
	for _, s := range sections {
		table, objects := map[string]any{}, []map[string]any{}
		for _, w := range c.written {
			if w.section != s.Name {
				continue
			}
			if w.at.src.owned() { // in a file it would be everybody's
				left = append(left, w.at.shown)
				continue
			}
			tree := c.veiled(w, func(path, _ string) string {
				name := variable(w, path)
				for taken[name] { // a-b and a_b
					name += "_"
				}
				taken[name] = true
				variables = append(variables, name+" for "+join(w.at.shown, path))
				return "env:" + name
			})
			c.relocate(w, tree)
			if s.Array {
				objects = append(objects, tree)
				continue
			}
			for key, v := range tree {
				table[key] = v
			}
		}
		var doc map[string]any
		switch {
		case len(table) > 0:
			doc = map[string]any{s.Name: table}
		case len(objects) > 0:
			doc = map[string]any{s.Name: objects}
		default:
			continue
		}
		e := toml.NewEncoder(&body)
		e.Indent = ""
		if err := e.Encode(doc); err != nil {
			return "", fmt.Errorf("export: %s: %w", s.Name, err)
		}
		body.WriteByte('\n')
	}
	head := "# The configuration that was in force, files and API together.\n"
	for _, v := range left {
		head += "# Left out, since a team or an organization owns it: " + v + "\n"
	}
	for _, v := range variables {
		head += "# Secret left out, to be set in the environment: " + v + "\n"
	}
	return head + "\n" + strings.TrimSuffix(body.String(), "\n"), nil
}

var notInVariables = regexp.MustCompile(`[^A-Z0-9]+`)

// variable is the name of the variable that takes a secret's place.
func variable(w written, path string) string {
	at := w.section
	if w.name != "" {
		at += "_" + w.name
	}
	return "TOKLIGENCE_" + strings.Trim(notInVariables.ReplaceAllString(strings.ToUpper(at+"_"+path), "_"), "_")
}

// pathKeys are the keys, by section, that hold the path of a file beside theirs.
var pathKeys = map[string][]string{"server": {"tls_cert", "tls_key"}, "plugin": {"source"}}

// relocate has the relative paths of a file in conf.d begin where the main file
// stands.
func (c *Config) relocate(w written, tree map[string]any) {
	from, err := filepath.Rel(filepath.Dir(c.Path), w.at.src.dir)
	if err != nil || from == "." || w.at.src.dir == "" {
		return
	}
	moved := func(path string) string {
		if path == "" || filepath.IsAbs(path) {
			return path
		}
		return filepath.Join(from, path)
	}
	for _, key := range pathKeys[w.section] {
		if s, ok := tree[key].(string); ok && !strings.HasPrefix(s, builtinPrefix) {
			if _, isRef, _ := parseReference(s); !isRef {
				tree[key] = moved(s)
			}
		}
	}
	for key, v := range tree {
		tree[key] = moveReferences(v, moved)
	}
}

func moveReferences(v any, moved func(string) string) any {
	switch v := v.(type) {
	case string:
		if r, ok, _ := parseReference(v); ok && r.kind == "file" {
			return "file:" + moved(r.name)
		}
	case map[string]any:
		for key, e := range v {
			v[key] = moveReferences(e, moved)
		}
	case []any:
		for i, e := range v {
			v[i] = moveReferences(e, moved)
		}
	}
	return v
}

package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/tokligence/gateway/core"
)

// FromAPI stands for the file of what was made by API, in problems.
const FromAPI = "api"

// addMade takes in one object that was made by API: its keys are read as those
// of a table in the main file.
func (l *loader) addMade(o *core.ConfigObject) {
	src := &source{name: FromAPI, dir: l.files[0].dir, lines: map[string]int{}, made: o}
	if last := l.files[len(l.files)-1]; last.name != FromAPI {
		l.files = append(l.files, src)
	}
	at := place{src: src, index: string(o.Kind), shown: string(o.Kind)}
	i := slices.IndexFunc(sections, func(s section) bool { return s.Name == string(o.Kind) && s.Array })
	tree, err := readTree(o.Settings)
	switch {
	case i < 0:
		l.fail(at, "there is no such kind of object")
		return
	case err != nil:
		l.fail(place{src, at.index + "[0]", at.shown + "[" + o.Name + "]"}, "%v", err)
		return
	}
	tree["name"] = o.Name
	note(src.lines, at.index+"[0]", tree)
	sections[i].take(l, []map[string]any{tree}, at)
}

// note marks every key of a tree as given.
func note(lines map[string]int, path string, raw any) {
	lines[path] = 0
	switch raw := raw.(type) {
	case map[string]any:
		for key, e := range raw {
			note(lines, join(path, key), e)
		}
	case []any:
		for i, e := range raw {
			note(lines, path+"["+strconv.Itoa(i)+"]", e)
		}
	}
}

// readTree reads a JSON object into the types that TOML has.
func readTree(raw []byte) (map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var tree map[string]any
	if err := d.Decode(&tree); err != nil || tree == nil {
		return nil, errors.New("is not a JSON object")
	}
	for key, e := range tree {
		tree[key] = asTOML(e)
	}
	return tree, nil
}

// asTOML makes integers of numbers without a fraction.
func asTOML(raw any) any {
	switch raw := raw.(type) {
	case json.Number:
		if !strings.ContainsAny(raw.String(), ".eE") {
			if n, err := raw.Int64(); err == nil {
				return n
			}
		}
		f, _ := raw.Float64() // beyond its range it is an infinity, which the fields refuse
		return f
	case map[string]any:
		for key, e := range raw {
			raw[key] = asTOML(e)
		}
	case []any:
		for i, e := range raw {
			raw[i] = asTOML(e)
		}
	}
	return raw
}

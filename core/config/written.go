package config

import (
	"encoding/json"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tokligence/gateway/core"
)

// written is one object, or one key of a single table, as somebody wrote it. It
// may hold secrets.
type written struct {
	section, name string // name is "" in a single table
	nameKey       string // which key of tree is the name
	at            place
	tree          map[string]any
}

// Objects lists the objects of a kind in the order of the files, those made by
// API last. Their settings are as written, but for secrets: those are masked.
func (c *Config) Objects(kind core.ObjectKind) []core.ConfigObject {
	var list []core.ConfigObject
	for _, w := range c.written {
		if w.section == string(kind) {
			list = append(list, c.object(w))
		}
	}
	return list
}

func (c *Config) object(w written) core.ConfigObject {
	o := core.ConfigObject{Kind: core.ObjectKind(w.section), Name: w.name, Origin: core.OriginFile, Place: w.at.String()}
	if w.at.src.made != nil {
		o = *w.at.src.made
	}
	tree := c.shown(w)
	delete(tree, w.nameKey)
	o.Settings, _ = json.Marshal(tree) // of what JSON or TOML held
	return o
}

// Content is the whole configuration as it was written, by path, with secrets
// masked: a JSON object that two revisions are compared by.
func (c *Config) Content() json.RawMessage {
	flat := map[string]any{}
	var order []string
	for _, w := range c.written {
		path := w.section
		if w.name != "" {
			path = w.at.shown
			flat[path] = core.OriginFile
			if w.at.src.made != nil {
				flat[path] = core.OriginAPI
			}
			if owner := w.at.src.owner(); owner.OrganizationID != "" {
				flat[path+".organization_id"] = owner.OrganizationID
			}
			if owner := w.at.src.owner(); owner.TeamID != "" {
				flat[path+".team_id"] = owner.TeamID
			}
		}
		if w.section == string(core.ObjectGuardrail) {
			order = append(order, w.name)
		}
		tree := c.shown(w)
		delete(tree, w.nameKey)
		flatten(flat, path, tree)
	}
	if len(order) > 1 {
		flat[string(core.ObjectGuardrail)] = order // they run in this order
	}
	raw, _ := json.Marshal(flat) // of what JSON or TOML held
	return raw
}

func flatten(flat map[string]any, path string, tree map[string]any) {
	for key, e := range tree {
		if table, ok := e.(map[string]any); ok && len(table) > 0 {
			flatten(flat, join(path, key), table)
		} else {
			flat[join(path, key)] = e
		}
	}
}

// shown is a copy of what was written in which every secret is masked.
func (c *Config) shown(w written) map[string]any {
	return c.veiled(w, func(_, secret string) string { return veil(secret) })
}

// veiled is a copy in which hide replaces every secret; it is told the path.
func (c *Config) veiled(w written, hide func(path, secret string) string) map[string]any {
	out := make(map[string]any, len(w.tree))
	for _, key := range sortedKeys(w.tree) {
		out[key] = c.veil(w, key, secretKey(w, key), w.tree[key], hide)
	}
	return out
}

func (c *Config) veil(w written, path string, secret bool, raw any, hide func(path, secret string) string) any {
	switch raw := raw.(type) {
	case nil:
		if secret { // it could not be opened
			return hide(path, "")
		}
	case string:
		_, isReference, _ := parseReference(raw)
		switch {
		case isReference, raw == "":
			return raw
		case secret, c.holdsSecret(raw):
			return hide(path, raw)
		}
		return raw
	case map[string]any:
		out := make(map[string]any, len(raw))
		for _, key := range sortedKeys(raw) {
			out[key] = c.veil(w, join(path, key), secret || secretWord.MatchString(key), raw[key], hide)
		}
		return out
	case []map[string]any:
		out := make([]any, len(raw))
		for i, e := range raw {
			out[i] = c.veil(w, path+"["+strconv.Itoa(i)+"]", secret, e, hide)
		}
		return out
	case []any:
		out := make([]any, len(raw))
		for i, e := range raw {
			out[i] = c.veil(w, path+"["+strconv.Itoa(i)+"]", secret, e, hide)
		}
		return out
	case time.Time:
		return raw.Format(time.RFC3339Nano)
	}
	return raw
}

// secretWord is what members are called that hold secrets, in tables that
// plugins define.
var secretWord = regexp.MustCompile(`(?i)(secret|passw(or)?d|passphrase|token|api[-_]?key|access[-_]?key|private[-_]?key|authorization|cookie)$`)

// secretKey tells whether a key of the section's own is a secret by its place.
func secretKey(w written, key string) bool {
	return w.section == string(core.ObjectCredential) && key != "name" && key != "provider"
}

// holdsSecret recognises secrets that stand where none belongs: a password in a
// URL, or the value of a credential.
func (c *Config) holdsSecret(s string) bool {
	if strings.Contains(s, "://") {
		u, err := url.Parse(s)
		if err != nil {
			return true // who knows
		}
		if _, given := u.User.Password(); given {
			return true
		}
		for key := range u.Query() {
			if secretWord.MatchString(key) {
				return true
			}
		}
	}
	const shortest = 8 // a shorter one is found in ordinary words
	for _, cr := range c.credentials {
		for _, v := range cr.Fields {
			if len(v) >= shortest && strings.Contains(s, v) {
				return true
			}
		}
	}
	return false
}

// veil shows the last four characters of a secret at most, and only of one that
// is long enough for that to tell little.
func veil(secret string) string {
	const long = 16
	if len(secret) < long {
		return Veil
	}
	return Veil + secret[len(secret)-4:]
}

// Veil begins what is shown in place of a secret.
const Veil = "***"

// sortedKeys lists the keys of a table by name.
func sortedKeys(table map[string]any) []string { return slices.Sorted(maps.Keys(table)) }

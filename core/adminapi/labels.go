package adminapi

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"

	"github.com/tokligence/gateway/core"
)

// shownMembers are shown to many: a key or token in one of them was
// pasted into the wrong place.
var shownMembers = map[string]bool{"name": true, "description": true, "tags": true, "models": true, "model": true, "aliases": true, "deployments": true,
	"fallbacks": true, "context_window_fallbacks": true, "content_policy_fallbacks": true, "guardrails": true, "groups": true, "provider": true,
	"credential": true, "strategy": true, "email": true, "metadata": true}

// hide takes out of a text what looks like a secret, and those that the request
// itself has shown: its key and its session.
func hide(r *http.Request, text string) string {
	return core.MaskSecrets(text, presented(r), cookieOf(r, sessionCookie))
}

// checkLabels refuses a body with something like a secret in a label.
func checkLabels(r *http.Request, raw []byte) error {
	var v any
	if json.Unmarshal(raw, &v) != nil {
		return nil // others say what is wrong
	}
	return checkLabel(r, v, "", false)
}

func checkLabel(r *http.Request, v any, at string, label bool) error {
	switch v := v.(type) {
	case string:
		if label && hide(r, v) != v {
			return core.Invalid(at, "looks like a key or token, and is shown to many")
		}
	case []any:
		for i, e := range v {
			if err := checkLabel(r, e, at+"["+strconv.Itoa(i)+"]", label); err != nil {
				return err
			}
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			full := name
			if at != "" {
				full = at + "." + name
			}
			if err := checkLabel(r, v[name], full, label || shownMembers[name]); err != nil {
				return err
			}
		}
	}
	return nil
}

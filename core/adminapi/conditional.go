package adminapi

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"

	"github.com/tokligence/gateway/core"
)

// An entity tag stands for what somebody set: it is made of the state that the
// audit log keeps, in which nothing is spent or used meanwhile. So a PATCH made
// from what was read fails if, and only if, somebody has set something since.
func tagOf(state json.RawMessage) string {
	sum := sha256.Sum256(state)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:15]) + `"`
}

// tagged finds the action whose objects a GET route shows one of, which gives
// them their entity tags; false for other routes.
func tagged(method, path string, actions map[string]action) (action, bool) {
	if method != http.MethodGet {
		return action{}, false
	}
	for _, m := range []string{http.MethodPatch, http.MethodPut, http.MethodDelete} {
		if act := actions[m+" "+path]; act.find != nil && !act.still {
			return act, true
		}
	}
	return action{}, false
}

// conditional reports whether a route changes one object, and so takes If-Match.
func conditional(rt route, act action) bool {
	return rt.method != http.MethodGet && strings.Contains(rt.path, "{") && act.find != nil && !act.still
}

// unchanged gives the answer its entity tag. It answers, and reports so, when the
// caller has that state already. The state is read before the answer: should it
// change in between, the tag is too old for a PATCH and not too new.
func (a *api) unchanged(act action, c *call) (bool, error) {
	var ignored core.AuditRecord
	state, err := a.look(act, c, &ignored, c.id())
	if err != nil || state == nil {
		return false, err
	}
	tag := tagOf(state)
	c.w.Header().Set("ETag", tag)
	tags, all, err := c.tags("If-None-Match")
	if err != nil || !all && !tags[tag] && !tags["W/"+tag] {
		return false, err
	}
	c.w.WriteHeader(http.StatusNotModified)
	return true, nil
}

// expected refuses a change of an object that is not as the caller has seen it.
func (c *call) expected(state json.RawMessage) error {
	tags, all, err := c.tags("If-Match")
	if err != nil || all || tags == nil || state == nil || tags[tagOf(state)] { // what does not exist is not found
		return err
	}
	e := core.Errorf(core.CodeConflict, core.SourceClient, "it has been changed since: read it again, and see whether the change is still right")
	e.Status = http.StatusPreconditionFailed
	return e
}

var entityTags = regexp.MustCompile(`^\s*(W/)?"[^"\x00-\x20]*"\s*(,\s*(W/)?"[^"\x00-\x20]*"\s*)*$`)
var entityTag = regexp.MustCompile(`(W/)?"[^"]*"`)

// tags reads a header of entity tags; nil without it, all for "*".
func (c *call) tags(header string) (tags map[string]bool, all bool, err error) {
	for _, line := range c.r.Header.Values(header) {
		switch {
		case line == "*":
			all = true
		case !entityTags.MatchString(line):
			return nil, false, core.Invalid(header, "must be * or entity tags in quotes, as ETag gives them")
		}
		if tags == nil {
			tags = map[string]bool{}
		}
		for _, tag := range entityTag.FindAllString(line, -1) {
			tags[tag] = true
		}
	}
	return tags, all, nil
}

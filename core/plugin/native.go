package plugin

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/pdk/abi"
)

// checkNative looks at a plan for a provider's own API: every route names a model,
// and leads to nowhere but the deployment's host.
func checkNative(p *abi.PlanReply, base string) error {
	if len(p.Native.Routes) == 0 {
		return errors.New("it has no routes")
	}
	if b := p.Native.ErrorBody; len(b) > 0 {
		if err := object("error_body", b); err != nil {
			return err
		}
	}
	seen := map[string]bool{}
	for i := range p.Native.Routes {
		route := &p.Native.Routes[i]
		name := route.Method + " " + route.Path
		if seen[name] {
			return fmt.Errorf("it has the route %q twice", name)
		}
		seen[name] = true
		if err := checkRoute(route, base); err != nil {
			return fmt.Errorf("the route %q: %w", name, err)
		}
	}
	return errors.Join(checkAuth(&p.Auth), checkHeaders(p.Headers))
}

func checkRoute(n *abi.NativeRoute, base string) error {
	if n.Method != "" && !core.IsToken(n.Method) {
		return fmt.Errorf("%q is not a method", n.Method)
	}
	if err := checkPattern(n.Path); err != nil {
		return err
	}
	inPath := strings.Contains(n.Path, modelMark)
	if n.Endpoint != "" {
		if n.Endpoint == abi.Native || !slices.Contains(abi.Endpoints[:], n.Endpoint) {
			return fmt.Errorf("%q is no endpoint", n.Endpoint)
		}
		return nil
	}
	switch {
	case inPath == (n.Model != ""):
		return errors.New("the model's name stands either in the path or in a member of the body")
	case strings.ContainsAny(n.Model, ".[]"):
		return errors.New("the model's name stands at the top of the body")
	case n.Wrapped != "" && !n.Stream && n.StreamIf == "":
		return errors.New("only the events of a stream are wrapped")
	case n.Request.Mode == abi.Transform || n.Request.Form:
		return errors.New("its bodies are not passed through")
	}
	for _, key := range slices.Concat(n.Caps, n.Choices, n.Services) {
		if _, err := abi.ParsePath(key); err != nil || strings.Contains(key, "[") {
			return fmt.Errorf("%q is not a member", key)
		}
	}
	return errors.Join(checkPlanURL(n.URL, base), checkFraming(n.Framing), checkForward(n.Request.ForwardHeaders), checkEdits(n.Request.Edits))
}

// modelMark stands in a route's path where the model's name does.
const modelMark = "{model}"

// checkPattern wants an absolute path of plain segments, with the mark once at most.
func checkPattern(path string) error {
	text := strings.Replace(path, modelMark, "x", 1)
	segments := strings.Split(strings.TrimPrefix(text, "/"), "/")
	ok := strings.HasPrefix(path, "/") && !strings.ContainsAny(text, "{}?#%\\ ") && core.IsFieldValue(text)
	for _, s := range segments {
		ok = ok && s != "" && s != "." && s != ".."
	}
	if !ok {
		return fmt.Errorf("%q is not the path of a route", path)
	}
	return nil
}

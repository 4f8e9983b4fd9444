package main

import (
	"cmp"
	"slices"
	"strings"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// plan is the profile for one deployment and endpoint, as the host wants it.
func (c *codec) plan(r *abi.PlanRequest) (*abi.PlanReply, error) {
	profile := c.of(&r.Deployment)
	o, err := readOptions(r.Deployment.Options, profile)
	if err != nil {
		return nil, err
	}
	base := cmp.Or(r.Deployment.BaseURL, strings.TrimRight(scan.GetString(profile, "base_url"), "/"))
	if base == "" {
		return nil, refuse("base_url", "is required: this provider has no address of its own")
	}
	if r.Endpoint == abi.Native {
		return &abi.PlanReply{Supported: true, Native: native(profile)}, nil
	}
	e := scan.Get(profile, "endpoints", string(r.Endpoint))
	if scan.Kind(e) != '{' || !served(scan.Get(profile, "serves"), r.Endpoint) || !offered(e, r.Endpoint, &o) {
		return &abi.PlanReply{Reason: "it has no " + string(r.Endpoint) + " endpoint"}, nil
	}
	p := &abi.PlanReply{
		Supported: true,
		Method:    scan.GetString(e, "method"),
		Headers:   o.headers(profile),
		Auth:      auth(scan.Get(profile, "auth"), r.Deployment.CredentialFields),
		Request:   requestPlan(r.Endpoint, e, &o),
		Response:  abi.ResponsePlan{Mode: abi.Passthrough, Edits: readEdits(scan.Get(e, "answer_edits"))},
		Stream:    abi.StreamPlan{Mode: abi.Passthrough, Framing: abi.FramingSSE, Edits: readEdits(scan.Get(e, "event_edits"))},
		Usage:     readUsage(scan.Get(e, "usage")),
		Errors:    abi.ErrorPaths{Patterns: errorPatterns(c.rules)},
	}
	p.Stream.Partless, _ = scan.Bool(scan.Get(e, "partless"))
	if r.Endpoint == abi.Chat || r.Endpoint == abi.Responses {
		p.Request.Efforts = effortsOf(profile, r.Deployment.Model)
	}
	if r.Endpoint == abi.Chat {
		planReasoning(p, scan.Get(profile, "reasoning"), o.history)
	}
	if words := scan.Get(e, "translate"); words != nil {
		if planTranslated(p, r.Endpoint, words); r.Endpoint == abi.Chat {
			planOver(p, profile, &o)
		}
	} else if r.Endpoint == abi.Speech && o.voices != nil {
		return nil, refuse("options.voices", "means nothing here: this provider has the voices that clients name")
	}
	p.URL, err = o.address(base, scan.GetString(e, "path"), scan.Get(profile, "query"), r.Deployment.Model)
	return p, err
}

// offered reports whether the vendor has the endpoint e: as the deployment says,
// else the profile.
func offered(e []byte, endpoint abi.Endpoint, o *options) bool {
	if endpoint == abi.Responses && o.responses != nil {
		return *o.responses
	}
	if endpoint == abi.Realtime && o.realtime != nil {
		return *o.realtime
	}
	yes, said := scan.Bool(scan.Get(e, "offered"))
	return yes || !said
}

// served reports whether a profile that lists its endpoints has this one.
func served(list []byte, e abi.Endpoint) bool {
	return list == nil || slices.Contains(texts(list), string(e))
}

// capNames are OpenAI's for the output cap of chat.
var capNames = [...]string{"max_tokens", "max_completion_tokens"}

// requestPlan is what the endpoint e says of requests, and the deployment's options.
func requestPlan(endpoint abi.Endpoint, e []byte, o *options) abi.RequestPlan {
	p := abi.RequestPlan{
		Mode:           abi.Passthrough,
		Unsupported:    texts(scan.Get(e, "unsupported")),
		OutputCap:      scan.GetString(e, "output_cap"),
		ToolCap:        scan.GetString(e, "tool_cap"),
		Steps:          scan.GetString(e, "steps"),
		WebSearch:      scan.GetString(e, "web_search"),
		ForwardHeaders: texts(scan.Get(e, "forward_headers")),
		Extensions:     texts(scan.Get(e, "extensions")),
	}
	p.Searches, _ = scan.GetInt(e, "searches")
	p.Boundless, _ = scan.Bool(scan.Get(e, "boundless"))
	p.FilesApart, _ = scan.Bool(scan.Get(e, "files_apart"))
	p.Form, _ = scan.Bool(scan.Get(e, "form"))
	p.Strict, _ = scan.Bool(scan.Get(e, "strict"))
	p.Alternate, _ = scan.Bool(scan.Get(e, "alternate"))
	p.IncludeUsage, _ = scan.Bool(scan.Get(e, "include_usage"))
	if o.includeUsage != nil {
		p.IncludeUsage = *o.includeUsage && (endpoint == abi.Chat || endpoint == abi.Completions)
	}
	only, _ := scan.Bool(scan.Get(e, "output_cap_only"))
	if o.outputCap != "" && p.OutputCap != "" && p.OutputCap != "max_output_tokens" { // that is no name of chat's
		p.OutputCap, only = o.outputCap, true
	}
	if only {
		for _, name := range capNames {
			if name != p.OutputCap {
				p.Edits = append(p.Edits, abi.Edit{Op: abi.EditRename, Key: name, To: p.OutputCap})
			}
		}
	}
	p.Edits = append(p.Edits, readEdits(scan.Get(e, "request_edits"))...)
	if v := scan.Get(e, "output_default"); v != nil {
		p.Edits = append(p.Edits, abi.Edit{Op: abi.EditDefault, Key: p.OutputCap, Value: v})
	}
	return p
}

// auth is the first way for which the credential has the field. A server of
// one's own may need no credential.
func auth(ways []byte, fields []string) (a abi.Auth) {
	if len(fields) == 0 {
		return abi.Auth{Scheme: abi.AuthNone}
	}
	read := func(way []byte) abi.Auth {
		a := abi.Auth{Scheme: abi.AuthScheme(scan.GetString(way, "scheme"))}
		for name, to := range map[string]*string{"name": &a.Name, "value": &a.Value, "service": &a.Service, "region": &a.Region, "scope": &a.Scope} {
			*to = scan.GetString(way, name)
		}
		return a
	}
	scan.Elements(ways, func(i int, way []byte) bool {
		field := scan.GetString(way, "field")
		fits := field == "" || slices.Contains(fields, field)
		if fits || i == 0 {
			a = read(way)
		}
		return !fits
	})
	return a
}

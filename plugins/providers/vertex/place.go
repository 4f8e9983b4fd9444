package main

import (
	"strings"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// kind is how a model is called.
type kind byte

const (
	ofGoogle    kind = iota // and Google's other models
	ofAnthropic             // Anthropic's API
	ofMistral               // Mistral's API
	ofOthers                // OpenAI's chat completions, for all other publishers
)

// model is what Vertex AI calls it by.
type model struct {
	name      string // the last part: "gemini-2.5-pro"
	publisher string // "google", "anthropic", "meta"
	kind      kind
	full      bool // the deployment gives a whole resource name: "projects/…/endpoints/7"
}

// modelOf reads a model's name: alone ("claude-sonnet-4-5@20250929"), with its
// publisher ("publishers/google/models/gemini-2.5-pro", "meta/llama-4-scout-17b-16e-instruct-maas"),
// or a resource of its own ("projects/…", "endpoints/…" of a tuned model, which is Gemini's).
func modelOf(s string) (m model) {
	m.name, m.publisher = s, "google"
	first, rest, two := strings.Cut(s, "/")
	switch {
	case first == "publishers":
		m.publisher, m.name, _ = strings.Cut(rest, "/models/")
	case first == "projects", first == "endpoints", first == "models", first == "tunedModels":
	case two:
		m.publisher, m.name = first, rest
	case strings.HasPrefix(s, "claude-"):
		m.publisher = "anthropic"
	case strings.HasPrefix(s, "mistral-"), strings.HasPrefix(s, "codestral-"), strings.HasPrefix(s, "codestral@"):
		m.publisher = "mistralai"
	}
	switch {
	case m.publisher == "anthropic":
		m.kind = ofAnthropic
	case m.publisher == "mistralai":
		m.kind = ofMistral
	case m.publisher != "google", strings.HasSuffix(m.name, "-maas"):
		m.kind = ofOthers
	}
	m.full = first == "projects"
	return m
}

// options are [deployment.options]. What is not named here is the codec's.
type options struct{ project, location string }

func readOptions(raw []byte) (o options, f *llm.Fault) {
	o.location = "global"
	for name, to := range map[string]*string{"project": &o.project, "location": &o.location} {
		v := scan.Get(raw, name)
		if v == nil {
			continue
		}
		if *to, _ = scan.String(v); !isName(*to) {
			return o, llm.Refuse("options."+name, "must be a name of lower-case letters, digits and hyphens")
		}
	}
	return o, nil
}

// isName also takes the colon and the dot of projects that belong to a domain.
func isName(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != ':' && c != '.' {
			return false
		}
	}
	return s != ""
}

// host is where a location is served: everywhere, in a group of regions, in one.
// https://cloud.google.com/vertex-ai/generative-ai/docs/learn/locations
func (o options) host() string {
	switch o.location {
	case "global":
		return "https://aiplatform.googleapis.com"
	case "us", "eu":
		return "https://aiplatform." + o.location + ".rep.googleapis.com"
	}
	return "https://" + o.location + "-aiplatform.googleapis.com"
}

// within makes the deployment what a codec expects: its base URL ends where the
// codec's own paths begin, and it has the codec's options alone.
func (o options) within(d abi.Deployment, m model) abi.Deployment {
	if d.BaseURL == "" {
		d.BaseURL = o.host() + "/v1"
	}
	if o.project != "" && !m.full {
		d.BaseURL += "/projects/" + o.project + "/locations/" + o.location
	}
	if m.kind != ofOthers && m.publisher != "" && !m.full && !strings.HasPrefix(d.Model, "endpoints/") {
		d.BaseURL += "/publishers/" + llm.Escape(m.publisher, "@")
		d.Model = m.name
	}
	d.Options = scan.Apply(nil, d.Options, []scan.Edit{{Key: "project"}, {Key: "location"}})
	return d
}

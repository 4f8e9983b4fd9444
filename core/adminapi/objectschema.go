package adminapi

import (
	"net/http"
	"reflect"
	"strings"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/config"
)

// Types of configuration objects for the contract: their members are the keys
// that the configuration has, which describes them.
type (
	credentialInput newObject
	credentialPatch struct{}
	credentialView  struct{}
	deploymentInput newObject
	deploymentPatch struct{}
	deploymentView  struct{}
	modelInput      newObject
	modelPatch      struct{}
	modelView       struct{}
	guardrailInput  newObject
	guardrailPatch  struct{}
	guardrailView   struct{}
)

// newObject is what a new object must have at least.
type newObject struct {
	Name string `json:"name" api:"required"`
}

// objectType is what such a type stands for.
type objectType struct {
	kind core.ObjectKind
	form objectForm
}

type objectForm int

const (
	toCreate objectForm = iota
	toChange
	toShow
)

var objectTypes = map[reflect.Type]objectType{
	reflect.TypeFor[credentialInput](): {core.ObjectCredential, toCreate},
	reflect.TypeFor[credentialPatch](): {core.ObjectCredential, toChange},
	reflect.TypeFor[credentialView]():  {core.ObjectCredential, toShow},
	reflect.TypeFor[deploymentInput](): {core.ObjectDeployment, toCreate},
	reflect.TypeFor[deploymentPatch](): {core.ObjectDeployment, toChange},
	reflect.TypeFor[deploymentView]():  {core.ObjectDeployment, toShow},
	reflect.TypeFor[modelInput]():      {core.ObjectModel, toCreate},
	reflect.TypeFor[modelPatch]():      {core.ObjectModel, toChange},
	reflect.TypeFor[modelView]():       {core.ObjectModel, toShow},
	reflect.TypeFor[guardrailInput]():  {core.ObjectGuardrail, toCreate},
	reflect.TypeFor[guardrailPatch]():  {core.ObjectGuardrail, toChange},
	reflect.TypeFor[guardrailView]():   {core.ObjectGuardrail, toShow},
}

// configContract is the part of [contract] about the configuration.
func configContract() map[string]operation {
	all := map[string]operation{
		"GET /config":                   gets[configView]("Tell which configuration is in force, and why a newer one is not"),
		"GET /config/revisions":         lists[revisionView]("List revisions of the configuration, newest first"),
		"GET /config/revisions/{id}":    gets[revisionView]("Get a revision with all that it held"),
		"GET /config/diff":              {summary: "Compare two revisions, the last two unless told otherwise", query: []string{"from", "to"}, status: http.StatusOK, answer: typeOf[diffView](), problems: []int{http.StatusNotFound}},
		"POST /config/rollback":         acts[rollbackInput, rollbackView]("Restore what was made by API as it was in a revision"),
		"GET /config/export":            {summary: "Export the configuration in force as one gateway.toml, with references in the place of secrets", status: http.StatusOK, media: []string{"application/toml"}},
		"GET /credentials":              lists[credentialView]("List credentials by name, with their secrets masked", "origin"),
		"POST /credentials":             creates[credentialInput, credentialView]("Create a credential, whose secrets are sealed and never shown"),
		"GET /credentials/{name:.+}":    gets[credentialView]("Get a credential, with its secrets masked"),
		"PATCH /credentials/{name:.+}":  changes[credentialPatch, credentialView]("Change a credential that was made by API"),
		"DELETE /credentials/{name:.+}": deletes("Delete a credential that was made by API and that no deployment names"),
		"GET /deployments":              lists[deploymentView]("List deployments by name", "origin"),
		"POST /deployments":             creates[deploymentInput, deploymentView]("Create a deployment"),
		"GET /deployments/{name:.+}":    gets[deploymentView]("Get a deployment"),
		"PATCH /deployments/{name:.+}":  changes[deploymentPatch, deploymentView]("Change a deployment that was made by API"),
		"DELETE /deployments/{name:.+}": deletes("Delete a deployment that was made by API and that no model names"),
		"POST /models":                  creates[modelInput, modelView]("Create a model alias"),
		"GET /models/{name:.+}":         gets[modelView]("Get a model alias with its route"),
		"PATCH /models/{name:.+}":       changes[modelPatch, modelView]("Change a model alias that was made by API"),
		"DELETE /models/{name:.+}":      deletes("Delete a model alias that was made by API and that no other falls back to"),
		"GET /guardrails":               lists[guardrailView]("List guardrail attachments by name", "origin"),
		"POST /guardrails":              creates[guardrailInput, guardrailView]("Attach a guardrail"),
		"GET /guardrails/{name:.+}":     gets[guardrailView]("Get a guardrail attachment"),
		"PATCH /guardrails/{name:.+}":   changes[guardrailPatch, guardrailView]("Change a guardrail attachment that was made by API"),
		"DELETE /guardrails/{name:.+}":  deletes("Delete a guardrail attachment that was made by API and that no model names"),
	}
	return all
}

// configObject is the schema of a kind's keys, as the configuration describes them.
func (s *schemas) configObject(o objectType) schema {
	properties, required := map[string]any{}, []any{}
	out := schema{"type": "object", "properties": properties, "additionalProperties": false}
	if o.kind == core.ObjectCredential {
		secret := schema{"type": "string", "description": "A secret field: its value, env:NAME or file:PATH."}
		if o.form == toChange {
			secret = nullable(secret)
		}
		out["additionalProperties"] = secret
	}
	for _, section := range config.Sections() {
		if section.Name != string(o.kind) {
			continue
		}
		for _, f := range section.Fields {
			if f.Name == "name" && o.form == toChange {
				continue
			}
			properties[f.Name] = s.field(f, o.form)
			if f.Required && o.form == toCreate {
				required = append(required, f.Name)
			}
		}
	}
	if o.form == toCreate && ownable(o.kind) {
		for _, name := range owners {
			properties[name] = schema{"type": "string", "description": words[name]}
		}
	}
	if o.form == toShow {
		for _, m := range membersOf(reflect.TypeFor[objectHead]()) {
			p := s.of(m.Type, false)
			p["description"] = m.words()
			properties[m.name] = p
		}
		required = append(required, "name", "origin")
	}
	if len(required) > 0 {
		out["required"] = required
	}
	return out
}

// field is the schema of one key. Null takes a key away that can be changed.
func (s *schemas) field(f config.Field, form objectForm) schema {
	out := schema{"type": "string"}
	doc := f.Doc
	switch f.Type {
	case "list of strings":
		out = schema{"type": "array", "items": schema{"type": "string"}}
	case "list of tables":
		out = schema{"type": "array", "items": schema{"type": "object"}}
	case "number", "integer", "boolean":
		out["type"] = f.Type
	case "table":
		out = schema{"type": "object"}
		if f.Name == "price" {
			out["properties"], out["additionalProperties"] = s.prices(), false
		}
	case "string":
	default: // a duration, a size, one of a few
		doc += " (" + f.Type + ")"
	}
	if form == toChange {
		out = nullable(out)
	}
	out["description"] = strings.ToUpper(doc[:1]) + doc[1:] + "."
	return out
}

func (s *schemas) prices() map[string]any {
	properties := map[string]any{}
	for _, f := range config.PriceFields() {
		properties[f.Name] = s.field(f, toCreate)
	}
	return properties
}

package plugin

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/tokligence/gateway/pdk/abi"
)

// checkConfig holds a configuration against the manifest's schema. Without a
// schema a plugin takes none.
func checkConfig(id string, schema, config []byte) error {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(config))
	if err != nil {
		return &ConfigError{Plugin: id, Problems: []abi.Problem{{Message: "not JSON: " + err.Error()}}}
	}
	if len(schema) == 0 {
		if o, ok := value.(map[string]any); !ok || len(o) > 0 {
			return &ConfigError{Plugin: id, Problems: []abi.Problem{{Message: "the plugin takes no configuration"}}}
		}
		return nil
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema))
	if err != nil {
		return fmt.Errorf("plugin %s: its configuration schema is not JSON: %w", id, err)
	}
	c := jsonschema.NewCompiler()
	c.UseLoader(noDocuments{})
	if err := c.AddResource("config.json", doc); err != nil {
		return fmt.Errorf("plugin %s: its configuration schema: %w", id, err)
	}
	compiled, err := c.Compile("config.json")
	if err != nil {
		return fmt.Errorf("plugin %s: its configuration schema: %w", id, err)
	}
	var invalid *jsonschema.ValidationError
	if err := compiled.Validate(value); errors.As(err, &invalid) {
		return &ConfigError{Plugin: id, Problems: problems(invalid, nil)}
	} else if err != nil {
		return fmt.Errorf("plugin %s: %w", id, err)
	}
	return nil
}

var english = message.NewPrinter(language.English)

// problems are the leaves of a validation error, each with its place.
func problems(e *jsonschema.ValidationError, list []abi.Problem) []abi.Problem {
	if len(e.Causes) == 0 {
		return append(list, abi.Problem{Path: place(e.InstanceLocation), Message: explain(e.ErrorKind)})
	}
	for _, cause := range e.Causes {
		list = problems(cause, list)
	}
	return list
}

// explain says what is wrong without quoting the value, which may be a secret.
func explain(k jsonschema.ErrorKind) string {
	switch k := k.(type) {
	case *kind.Pattern:
		return "does not match the pattern " + strconv.Quote(k.Want)
	case *kind.Format:
		return "is not a valid " + k.Want
	}
	return k.LocalizedString(english)
}

// noDocuments keeps a plugin's schema from reading files through $ref.
type noDocuments struct{}

func (noDocuments) Load(string) (any, error) {
	return nil, errors.New("a schema must stand on its own, without references to other documents")
}

// place writes a location as a key path: rules[2].pattern.
func place(location []string) string {
	path := ""
	for _, step := range location {
		if _, err := strconv.Atoi(step); err == nil {
			path += "[" + step + "]"
			continue
		}
		if path != "" {
			path += "."
		}
		path += step
	}
	return path
}

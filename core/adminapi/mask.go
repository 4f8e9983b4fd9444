package adminapi

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/tokligence/gateway/core"
)

// masked stands for a secret.
const masked = "***"

// secrets are members that no record may hold. States leave them out; this is
// the second door.
var secrets = []string{"secret", "hash", "password", "password_hash", "api_key", "token", "authorization"}

// mask replaces the values of all secrets in a JSON value.
func mask(raw []byte) (json.RawMessage, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	return json.Marshal(maskValue(v))
}

func maskValue(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			if slices.Contains(secrets, strings.ToLower(name)) {
				v[name] = masked
			} else {
				v[name] = maskValue(member)
			}
		}
	case string:
		return core.MaskSecrets(v)
	case []any:
		for i := range v {
			v[i] = maskValue(v[i])
		}
	}
	return v
}

package revision

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/config"
)

func sealedAt(o *core.ConfigObject) core.SealedAt {
	return core.SealedAt{Kind: string(o.Kind), ID: o.ID}
}

// secretsOf opens what is sealed in an object.
func (r *Revisions) secretsOf(o *core.ConfigObject) (map[string]string, error) {
	secrets := map[string]string{}
	if o.Sealed == "" {
		return secrets, nil
	}
	raw, err := r.Sealer.Open(sealedAt(o), o.Sealed)
	if err != nil {
		return nil, err
	}
	return secrets, json.Unmarshal(raw, &secrets)
}

// opened are the objects with their secrets, as they are put in force. What
// cannot be opened stays locked: its deployments are not configured.
func (r *Revisions) opened(objects []core.ConfigObject) ([]core.ConfigObject, error) {
	objects = slices.Clone(objects)
	for i := range objects {
		o := &objects[i]
		secrets, err := r.secretsOf(o)
		if err != nil {
			o.Locked = err.Error()
			continue
		}
		members := map[string]json.RawMessage{}
		for key, secret := range secrets {
			if members[key], err = json.Marshal(secret); err != nil {
				return nil, err
			}
		}
		if o.Settings, err = merged(o.Settings, members, nil); err != nil {
			return nil, err
		}
	}
	return objects, nil
}

// changeCredential is changeSettings for a credential: values are sealed, and
// null stands for them in the settings. A reference is no secret.
func (r *Revisions) changeCredential(o *core.ConfigObject, set map[string]json.RawMessage, gone []string) (changed bool, err error) {
	before, err := r.secretsOf(o)
	if err != nil && !covers(set, gone, o.Settings) {
		return false, core.Errorf(core.CodeConflict, core.SourceClient, "the secrets of credential %q cannot be read: give all of them again", o.Name).With(err)
	}
	secrets := maps.Clone(before)
	if secrets == nil {
		secrets = map[string]string{}
	}
	for _, key := range gone {
		delete(secrets, key)
	}
	for _, key := range slices.Sorted(maps.Keys(set)) {
		var value string
		delete(secrets, key)
		if key == "provider" || json.Unmarshal(set[key], &value) != nil {
			continue // which the configuration refuses
		}
		switch {
		case config.IsReference(value):
		case strings.TrimSpace(value) == "":
			return false, core.Invalid(key, "must not be empty")
		case strings.HasPrefix(value, config.Veil):
			return false, core.Invalid(key, "is what is shown in place of the secret")
		default:
			secrets[key], set[key] = value, json.RawMessage("null")
		}
	}
	changed, err = changeSettings(o, set, gone)
	if err != nil || before != nil && maps.Equal(before, secrets) {
		return changed, err
	}
	o.Sealed = ""
	if len(secrets) == 0 {
		return true, nil
	}
	raw, err := json.Marshal(secrets)
	if err != nil {
		return false, err
	}
	o.Sealed, err = r.Sealer.Seal(sealedAt(o), raw)
	return true, err
}

// covers reports whether a change has every secret of the settings.
func covers(set map[string]json.RawMessage, gone []string, settings json.RawMessage) bool {
	var members map[string]json.RawMessage
	if json.Unmarshal(settings, &members) != nil {
		return false
	}
	for key, raw := range members {
		if string(raw) == "null" && set[key] == nil && !slices.Contains(gone, key) {
			return false
		}
	}
	return true
}

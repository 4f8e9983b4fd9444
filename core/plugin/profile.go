package plugin

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// Profile is a built-in plugin that has no code of its own: it is the code of
// another, configured for one vendor. However many profiles of the same code are
// in use, that code is compiled once.
type Profile struct {
	// Module names the built-in plugin whose code it is.
	Module string `json:"module"`
	// Config is what that code is configured with, an object; the configuration in
	// gateway.toml is laid over it (RFC 7396).
	Config json.RawMessage `json:"config"`

	// The rest stands in the manifest in the place of what the code says of itself.
	ID          string                `json:"id"` // the usual one; see abi.Manifest.AnyID
	Name        string                `json:"name"`
	Description string                `json:"description"`
	Homepage    string                `json:"homepage"`
	Stability   string                `json:"stability,omitempty"`
	Credential  []abi.CredentialField `json:"credential,omitempty"` // nil leaves the code's
}

// manifest is m as the profile's; p may be nil.
func (p *Profile) manifest(m *abi.Manifest) *abi.Manifest {
	if p == nil {
		return m
	}
	own := *m
	own.ID, own.Name, own.Description, own.Homepage = p.ID, p.Name, p.Description, p.Homepage
	if p.Stability != "" {
		own.Stability = p.Stability
	}
	if p.Credential != nil {
		own.Credential = p.Credential
	}
	return &own
}

// resolve turns a declaration of a profile into one of its code, with the whole
// configuration. The profile is nil where the source is a file or code itself.
func (l *Loader) resolve(d Declaration) (Declaration, *Profile, error) {
	if len(d.Config) == 0 {
		d.Config = json.RawMessage("{}")
	}
	name, ok := strings.CutPrefix(d.Source, builtin)
	if !ok {
		return d, nil, nil
	}
	text := l.Builtins.Profile(name)
	if text == nil {
		return d, nil, nil
	}
	p := &Profile{}
	if err := json.Unmarshal(text, p); err != nil {
		return d, nil, fmt.Errorf("the profile %s: %w", name, err)
	}
	d.Source = builtin + p.Module
	if scan.Valid(d.Config) == nil && scan.Kind(d.Config) == '{' { // else the check of it says what is wrong
		d.Config = scan.Merge(nil, p.Config, d.Config)
	}
	return d, p, nil
}

package plugin

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/tokligence/gateway/pdk/abi"
)

var semver = regexp.MustCompile(`^\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]+)?$`)

func checkManifest(m *abi.Manifest, d Declaration, code Code) error {
	kind, _, _ := strings.Cut(d.ID, ".")
	switch {
	case m.ID != d.ID && !m.AnyID:
		return fmt.Errorf("the file calls itself %q", m.ID)
	case m.ABI != abi.Version:
		return fmt.Errorf("it speaks ABI %d, this gateway speaks %d", m.ABI, abi.Version)
	case string(m.Kind) != kind || abi.Required(m.Kind) == nil:
		return fmt.Errorf("its kind %q does not fit its id", m.Kind)
	case !semver.MatchString(m.Version):
		return fmt.Errorf("its version %q is not a semantic version", m.Version)
	}
	for _, f := range abi.Required(m.Kind) {
		if !code.Has(f) || m.Functions != nil && !slices.Contains(m.Functions, f) {
			return fmt.Errorf("it has no function %s, which a %s must have", f, m.Kind)
		}
	}
	return checkCapabilities(m, d.AllowHosts)
}

// checkCapabilities holds what the manifest asks for to what its kind can have
// and what is granted.
func checkCapabilities(m *abi.Manifest, granted []string) error {
	c := &m.Capabilities
	asks := len(c.Hosts) > 0 || c.Stream || c.Rewrite || c.Hold != 0
	switch {
	case asks && m.Kind != abi.KindGuardrail:
		return fmt.Errorf("it asks for capabilities that only guardrails have, and is a %s", m.Kind)
	case c.Hold < 0 || c.Hold > 0 && !c.Stream:
		return fmt.Errorf("it asks to hold %d characters of streams: hold is positive, and needs stream", c.Hold)
	}
	for _, host := range c.Hosts {
		if !slices.Contains(granted, host) {
			return fmt.Errorf("it asks for the host %q, which allow_hosts does not grant", host)
		}
	}
	return nil
}

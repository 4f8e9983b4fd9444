package plugin_test

import (
	"net/url"
	"testing"

	"github.com/tokligence/gateway/core/plugin"
)

func TestHostIn(t *testing.T) {
	hosts := []string{"api.example.com", "10.0.0.1:8080", "other.example.com:443"}
	for raw, want := range map[string]bool{
		"https://api.example.com/x":         true,
		"https://API.Example.com:443":       true,
		"https://api.example.com:8443":      false,
		"https://api.example.com.evil.test": false,
		"https://evil.test/api.example.com": false,
		"https://x.api.example.com":         false,
		"https://10.0.0.1:8080/":            true,
		"https://10.0.0.1/":                 false,
		"https://other.example.com":         true,
		"https://":                          false,
	} {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		if got := plugin.HostIn(hosts, u); got != want {
			t.Errorf("%s: %v", raw, got)
		}
	}
}

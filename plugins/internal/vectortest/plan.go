package vectortest

import (
	"errors"
	"testing"

	"github.com/tokligence/gateway/pdk/abi"
	pdk "github.com/tokligence/gateway/pdk/go"
)

// Plan is what a provider must say of an endpoint of a deployment.
type Plan struct {
	Endpoint             abi.Endpoint
	Stream               bool
	Model, Base, Options string
	Credential           string // a field's name; "" for none

	URL               string // "" is not supported
	Auth              abi.AuthScheme
	Request, Response abi.Mode
	Refused           string // the member at fault; "" for none
}

// Plans asks for every plan.
func Plans(t *testing.T, newProvider func() *pdk.Provider, plans []Plan) {
	t.Helper()
	for _, c := range plans {
		d := abi.Deployment{Name: "d", Model: c.Model, BaseURL: c.Base, Options: abi.Raw(c.Options)}
		if c.Credential != "" {
			d.CredentialFields = []string{c.Credential}
		}
		p, err := newProvider().Plan(&abi.PlanRequest{Endpoint: c.Endpoint, Stream: c.Stream, Deployment: d})
		var refused *abi.Error
		switch errors.As(err, &refused); {
		case err != nil && refused == nil:
			t.Errorf("%+v: %v", c, err)
		case refused != nil || c.Refused != "":
			if refused == nil || refused.Param != c.Refused || refused.Code != abi.InvalidRequest {
				t.Errorf("%+v: refused with %v", c, err)
			}
		case !p.Supported || c.URL == "":
			if p.Supported || c.URL != "" || p.Reason == "" {
				t.Errorf("%+v: %+v", c, p)
			}
		case p.URL != c.URL || p.Auth.Scheme != c.Auth || p.Request.Mode != c.Request || p.Response.Mode != c.Response:
			t.Errorf("%+v: %+v", c, p)
		}
	}
}

package adminapi

import (
	"net/http"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/keys"
)

// temporaryInput is a temporary key that a key asks for with its own secret.
type temporaryInput struct {
	Name   string       `json:"name"`
	TTL    core.Span    `json:"ttl"`
	Models *[]string    `json:"models"`
	Limits core.Limits  `json:"limits"`
	Tags   []string     `json:"tags"`
	Budget *budgetInput `json:"budget"`
}

// mintKey makes a temporary key for the key that asks, as far as its policy allows.
// Of a person there is no key to make it for.
func (a *api) mintKey(c *call) error {
	if c.caller.user != nil {
		return core.Errorf(core.CodePermissionDenied, core.SourceClient, "temporary keys are made by keys")
	}
	var in temporaryInput
	if err := c.body(&in); err != nil {
		return err
	}
	t := keys.Temporary{ID: c.newID(core.PrefixKey), Name: in.Name, TTL: time.Duration(in.TTL), Limits: in.Limits, Tags: in.Tags}
	if in.Models != nil {
		t.Models = *in.Models
	}
	if in.Budget != nil {
		b, err := in.Budget.onto(nil)
		if err != nil {
			return err
		}
		t.Budget = b
	}
	k, secret, err := a.Keys.Mint(c.ctx(), c.who, t)
	if err != nil {
		return err
	}
	return a.writeKey(c, http.StatusCreated, k, secret)
}

// againMint answers with a temporary key whose first answer nobody got: its secret
// can only be made anew.
func (a *api) againMint(c *call) error {
	secret, err := a.Keys.Rotate(c.ctx(), c.made, 0)
	if err != nil {
		return err
	}
	k, err := a.Keys.Get(c.ctx(), c.made)
	if err != nil {
		return err
	}
	return a.writeKey(c, http.StatusCreated, k, secret)
}

// ownRotation reports whether a key asks to be rotated itself, which it may when
// there is a schedule for it.
func (c *call) ownRotation(n need, id string) bool {
	return n.itself && c.caller.is(id) && c.who.Key.RotateEvery != 0
}

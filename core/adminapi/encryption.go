package adminapi

import (
	"net/http"

	"github.com/tokligence/gateway/core/seal"
)

// encryption says which key seals and which keys are still needed to open.
type encryption struct {
	Key  string     `json:"key"`           // id of the current one; "" without one
	Why  string     `json:"why,omitempty"` // there is none
	Uses []seal.Use `json:"uses"`
}

// resealed is what sealing anew came to, and what depends on which key afterwards.
type resealed struct {
	Key string `json:"key"` // id of the current one
	seal.Outcome
	Uses []seal.Use `json:"uses"`
}

func (a *api) encryption(c *call) error {
	uses, err := a.Sealer.Survey(c.ctx(), a.Store)
	if err != nil {
		return err
	}
	return writeJSON(c.w, http.StatusOK, encryption{Key: a.Sealer.Current(), Why: a.Sealer.Why(), Uses: uses})
}

func (a *api) reseal(c *call) error {
	o, err := a.Sealer.ResealAll(c.ctx(), a.Store)
	if err != nil {
		return err
	}
	uses, err := a.Sealer.Survey(c.ctx(), a.Store)
	if err != nil {
		return err
	}
	return writeJSON(c.w, http.StatusOK, resealed{a.Sealer.Current(), *o, uses})
}

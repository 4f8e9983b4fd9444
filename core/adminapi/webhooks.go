package adminapi

import (
	"net/http"
	"time"

	"github.com/tokligence/gateway/core"
)

// webhookView is a webhook as the API shows it. Secret is there once, when it was made.
type webhookView struct {
	*core.Webhook
	Secret string `json:"secret,omitempty" doc:"What its requests are signed with. It is shown once and cannot be read again."`
}

func (a *api) listWebhooks(c *call) error {
	q := c.query()
	f := core.WebhookFilter{Reach: c.caller.reach(webhooks), OrganizationID: q.given("organization_id"), Enabled: q.flag("enabled"), Page: q.page()}
	if q.err != nil {
		return q.err
	}
	found, next, err := a.Store.ListWebhooks(c.ctx(), f)
	if err != nil {
		return err
	}
	return writeList(c, found, next)
}

type webhookInput struct {
	URL            string           `json:"url" api:"required" doc:"Where events are posted to."`
	OrganizationID string           `json:"organization_id" api:"null" doc:"Whose events it gets; those of all unless given."`
	Description    string           `json:"description"`
	Types          []core.EventType `json:"types"`
	Enabled        *bool            `json:"enabled" doc:"True unless given."`
}

func (a *api) createWebhook(c *call) error {
	var in webhookInput
	if err := c.body(&in); err != nil {
		return err
	}
	w := &core.Webhook{ID: c.newID(core.PrefixWebhook), OrganizationID: in.OrganizationID, Description: in.Description, Types: in.Types, Enabled: in.Enabled == nil || *in.Enabled}
	if w.Types == nil {
		w.Types = []core.EventType{}
	}
	secret, err := a.Hooks.CreateWebhook(c.ctx(), w, in.URL)
	if err != nil {
		return err
	}
	return writeJSON(c.w, http.StatusCreated, webhookView{w, secret})
}

// againWebhook answers with a webhook whose first answer nobody got: its secret can
// only be made anew.
func (a *api) againWebhook(c *call) error {
	w, err := a.webhook(c)
	if err != nil {
		return err
	}
	w, secret, err := a.Hooks.Rotate(c.ctx(), w, 0)
	if err != nil {
		return err
	}
	return writeJSON(c.w, http.StatusCreated, webhookView{w, secret})
}

// webhook finds the one of the path; a deleted one is not found.
func (a *api) webhook(c *call) (*core.Webhook, error) {
	w, err := a.Store.FindWebhookByID(c.ctx(), c.path("id"))
	if err == nil && w.DeletedAt != nil {
		err = core.Errorf(core.CodeNotFound, core.SourceClient, "there is no webhook %s", w.ID)
	}
	return w, err
}

func (a *api) getWebhook(c *call) error {
	w, err := a.webhook(c)
	if err != nil {
		return err
	}
	return writeJSON(c.w, http.StatusOK, webhookView{Webhook: w})
}

type webhookPatch struct {
	URL         *string           `json:"url" doc:"The whole address, not as it is shown."`
	Description *string           `json:"description"`
	Types       *[]core.EventType `json:"types"`
	Enabled     *bool             `json:"enabled"`
}

func (a *api) updateWebhook(c *call) error {
	w, err := a.webhook(c)
	if err != nil {
		return err
	}
	var in webhookPatch
	if err := c.body(&in); err != nil {
		return err
	}
	w, err = a.Hooks.UpdateWebhook(c.ctx(), w, in.URL, core.WebhookUpdate{Description: in.Description, Types: in.Types, Enabled: in.Enabled})
	if err != nil {
		return err
	}
	return writeJSON(c.w, http.StatusOK, webhookView{Webhook: w})
}

func (a *api) deleteWebhook(c *call) error {
	return c.deleted(a.Store.DeleteWebhook(c.ctx(), c.path("id"), c.now))
}

// rotateWebhook gives it a new secret; the one before it signs beside it for the grace.
func (a *api) rotateWebhook(c *call) error {
	w, err := a.webhook(c)
	if err != nil {
		return err
	}
	in := rotateInput{}
	if err := c.body(&in); err != nil {
		return err
	}
	var grace time.Duration
	if in.Grace != "" {
		if grace, err = time.ParseDuration(in.Grace); err != nil {
			return core.Invalid("grace", "must be a duration such as %q", "24h")
		}
	}
	w, secret, err := a.Hooks.Rotate(c.ctx(), w, grace)
	if err != nil {
		return err
	}
	return writeJSON(c.w, http.StatusOK, webhookView{w, secret})
}

// testWebhook tells what came of a request that it makes at once.
func (a *api) testWebhook(c *call) error {
	w, err := a.webhook(c)
	if err != nil {
		return err
	}
	return writeJSON(c.w, http.StatusOK, a.Hooks.Test(c.ctx(), w))
}

func (a *api) listDeliveries(c *call) error {
	q := c.query()
	f := core.DeliveryFilter{State: core.DeliveryState(q.choice("state")), Page: q.page()}
	if q.err != nil {
		return q.err
	}
	w, err := a.webhook(c)
	if err != nil {
		return err
	}
	f.WebhookID = w.ID
	found, next, err := a.Store.ListDeliveries(c.ctx(), f)
	if err != nil {
		return err
	}
	return writeList(c, found, next)
}

var deliveryStates = []string{string(core.DeliveryPending), string(core.DeliveryDelivered), string(core.DeliveryFailed)}

func (a *api) auditWebhook(name string) action {
	return action{name: name, find: func(c *call, id string) (*subject, error) {
		w, err := a.Store.FindWebhookByID(c.ctx(), id)
		if err != nil {
			return nil, unlessMissing(err)
		}
		s := &subject{Named: core.Named{ID: w.ID, Name: w.URL}}
		if w.DeletedAt == nil {
			shown := *w
			shown.FailingSince = nil // nobody's change
			s.state = &shown
		}
		return s, nil
	}}
}

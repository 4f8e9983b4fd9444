package adminapi

import (
	"context"
	"net/http"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/events"
)

// Hooks is what the API needs of webhooks; *events.Service fulfils it.
type Hooks interface {
	CreateWebhook(ctx context.Context, w *core.Webhook, address string) (secret string, err error)
	UpdateWebhook(ctx context.Context, w *core.Webhook, address *string, u core.WebhookUpdate) (*core.Webhook, error)
	Rotate(ctx context.Context, w *core.Webhook, grace time.Duration) (*core.Webhook, string, error)
	Test(ctx context.Context, w *core.Webhook) *events.WebhookTest
	Replay(ctx context.Context, e *core.Event, webhookID string, may func(*core.Webhook) bool) ([]*core.Delivery, error)
}

func (a *api) listEvents(c *call) error {
	q := c.query()
	f := core.EventFilter{Reach: c.caller.reach(eventLog), Type: core.EventType(q.text("type")), OrganizationID: q.text("organization_id"), From: q.time("from"), To: q.time("to"), Page: q.page()}
	if q.err != nil {
		return q.err
	}
	found, next, err := a.Store.ListEvents(c.ctx(), f)
	if err != nil {
		return err
	}
	return writeList(c, found, next)
}

func (a *api) getEvent(c *call) error {
	e, err := a.Store.FindEventByID(c.ctx(), c.path("id"))
	if err != nil {
		return err
	}
	return writeJSON(c.w, http.StatusOK, e)
}

type replayInput struct {
	WebhookID string `json:"webhook_id" api:"null" doc:"Where to; every webhook that wants the event unless given."`
}

// replayEvent answers with the deliveries that were begun: none to a webhook that
// is none for the caller.
func (a *api) replayEvent(c *call) error {
	e, err := a.Store.FindEventByID(c.ctx(), c.path("id"))
	if err != nil {
		return err
	}
	var in replayInput
	if err := c.body(&in); err != nil {
		return err
	}
	made, err := a.Hooks.Replay(c.ctx(), e, in.WebhookID, func(w *core.Webhook) bool {
		_, ok := c.caller.may(read, webhooks, core.Place{OrganizationID: w.OrganizationID})
		return ok
	})
	if err != nil {
		return err
	}
	return writeList(c, made, "")
}

func (a *api) auditEvent(c *call, id string) (*subject, error) {
	e, err := a.Store.FindEventByID(c.ctx(), id)
	if err != nil {
		return nil, unlessMissing(err)
	}
	return &subject{Named: core.Named{ID: e.ID, Name: string(e.Type)}}, nil
}

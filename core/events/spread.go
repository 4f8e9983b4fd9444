package events

import (
	"context"
	"time"

	"github.com/tokligence/gateway/core"
)

// spread makes the deliveries of new events.
func (s *Service) spread(ctx context.Context) error {
	const batch = 200
	for {
		events, err := s.Store.ListNewEvents(ctx, batch)
		if err != nil || len(events) == 0 {
			return err
		}
		hooks, err := s.webhooks(ctx)
		if err != nil {
			return err
		}
		list := make([]core.Spread, len(events))
		for i, e := range events {
			list[i].EventID = e.ID
			for _, w := range hooks {
				if w.Wants(e) && !e.At.Before(w.CreatedAt) {
					list[i].Deliveries = append(list[i].Deliveries, delivery(e, w.ID, s.Now()))
				}
			}
			mails, err := s.mails(ctx, e)
			if err != nil {
				return err
			}
			list[i].Deliveries = append(list[i].Deliveries, mails...)
		}
		if err := s.Store.SpreadEvents(ctx, list); err != nil {
			return err
		}
		if len(events) < batch {
			return nil
		}
	}
}

// webhooks are all that are enabled.
func (s *Service) webhooks(ctx context.Context) (all []*core.Webhook, err error) {
	on := true
	f := core.WebhookFilter{Enabled: &on, Page: core.Page{Limit: 1000}}
	for first := true; first || f.Cursor != ""; first = false {
		found, next, err := s.Store.ListWebhooks(ctx, f)
		if err != nil {
			return nil, err
		}
		all, f.Cursor = append(all, found...), next
	}
	return all, nil
}

// delivery makes one that is due now.
func delivery(e *core.Event, webhook string, now time.Time) *core.Delivery {
	return &core.Delivery{ID: core.NewID(core.PrefixDelivery, now), EventID: e.ID, WebhookID: webhook, Type: string(e.Type),
		State: core.DeliveryPending, CreatedAt: now.UTC(), NextAt: now.UTC()}
}

// Replay delivers an event once more, under its own id: to the webhook, or to
// all that want it when webhookID is "". What may refuses does not exist.
func (s *Service) Replay(ctx context.Context, e *core.Event, webhookID string, may func(*core.Webhook) bool) ([]*core.Delivery, error) {
	var to []*core.Webhook
	if webhookID == "" {
		all, err := s.webhooks(ctx)
		if err != nil {
			return nil, err
		}
		for _, w := range all {
			if w.Wants(e) && may(w) {
				to = append(to, w)
			}
		}
	} else {
		w, err := s.Store.FindWebhookByID(ctx, webhookID)
		switch {
		case core.AsError(err) != nil && core.AsError(err).Code == core.CodeNotFound, err == nil && (w.DeletedAt != nil || !may(w)),
			err == nil && w.OrganizationID != "" && w.OrganizationID != e.OrganizationID:
			return nil, core.Invalid("webhook_id", "no webhook %q gets this event", webhookID)
		case err != nil:
			return nil, err
		case !w.Enabled:
			return nil, core.Errorf(core.CodeConflict, core.SourceClient, "webhook %s is disabled", w.ID)
		}
		to = []*core.Webhook{w}
	}
	var list []*core.Delivery
	for _, w := range to {
		list = append(list, delivery(e, w.ID, s.Now()))
	}
	if err := s.Store.AddDeliveries(ctx, list); err != nil {
		return nil, err
	}
	s.Wake()
	return list, nil
}

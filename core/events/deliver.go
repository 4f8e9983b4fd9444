package events

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/upstream"
	"github.com/tokligence/gateway/pdk/abi"
)

// delays are the pauses after the attempts, those that the specification of
// Standard Webhooks recommends, for about a day and a half. Each is drawn out by up to a fifth.
var delays = []time.Duration{5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour}

const (
	longestPause = 24 * time.Hour     // whatever Retry-After says
	failsFor     = 3 * 24 * time.Hour // after which a webhook is disabled
)

// begin starts attempts at what is due, as many as there is room for.
func (s *Service) begin(ctx context.Context) error {
	for {
		free, except := s.room()
		if free == 0 {
			return nil
		}
		due, err := s.Store.ListDueDeliveries(ctx, s.Now(), except, free)
		if err != nil {
			return err
		}
		for _, d := range due {
			if !s.enter(d.WebhookID) {
				continue
			}
			now := s.Now()
			claimed, err := s.Store.ClaimDelivery(ctx, d, now, now.Add(lease))
			if err != nil || !claimed {
				s.leave(d.WebhookID)
				if err != nil {
					return err
				}
				continue
			}
			s.attempts.Add(1)
			go func() {
				defer s.attempts.Done()
				s.attempt(s.stopping, d)
				s.leave(d.WebhookID)
				s.Wake()
			}()
		}
		if len(due) < free {
			return nil
		}
	}
}

// room is how many attempts may begin, and which webhooks have enough of them.
func (s *Service) room() (free int, except []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, n := range s.running {
		if n >= maxPerWebhook {
			except = append(except, id)
		}
	}
	return maxAttempts - s.total, except
}

func (s *Service) enter(webhook string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running[webhook] >= maxPerWebhook || s.total >= maxAttempts {
		return false
	}
	s.running[webhook]++
	s.total++
	return true
}

func (s *Service) leave(webhook string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total--
	if s.running[webhook]--; s.running[webhook] == 0 {
		delete(s.running, webhook)
	}
}

// outcome is what came of an attempt.
type outcome struct {
	status     int
	err        string        // "": it was taken
	final      bool          // no other attempt is of use
	ours       bool          // it says nothing of the receiver
	gone       bool          // the webhook wants no more
	retryAfter time.Duration // at least
}

func refusedFor(reason string) outcome { return outcome{err: reason, final: true} }

// attempt makes the attempt that d was claimed for and stores what came of it.
func (s *Service) attempt(ctx context.Context, d *core.Delivery) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var o outcome
	if d.WebhookID == "" {
		o = s.mailOut(ctx, d)
	} else {
		o = s.post(ctx, d)
	}
	if errors.Is(context.Cause(ctx), context.Canceled) && o.err != "" {
		return // the gateway stops; the attempt is made again
	}
	// Whatever becomes of the caller, what was done is kept.
	if err := s.finish(context.WithoutCancel(ctx), d, o); err != nil {
		s.Log.Error("what came of a delivery could not be stored; it is made again", "delivery", d.ID, "error", err)
	}
}

// finish stores the outcome of an attempt and what follows from it.
func (s *Service) finish(ctx context.Context, d *core.Delivery, o outcome) error {
	now := s.Now()
	d.LastStatus, d.LastError, d.NextAt = o.status, o.err, time.Time{}
	switch {
	case o.err == "":
		d.State = core.DeliveryDelivered
	case o.final || o.gone || d.Attempts > len(delays):
		d.State = core.DeliveryFailed
	default:
		pause := delays[d.Attempts-1]
		pause += time.Duration(s.Jitter() * float64(pause) / 5)
		d.NextAt = now.Add(min(max(pause, o.retryAfter), longestPause)).UTC()
	}
	if err := s.Store.FinishDelivery(ctx, d); err != nil {
		return err
	}
	switch d.State {
	case core.DeliveryDelivered:
		s.delivered.Add(1)
	case core.DeliveryFailed:
		s.failed.Add(1)
		s.Log.Warn("a delivery failed", "delivery", d.ID, "type", d.Type, "webhook", d.WebhookID, "attempts", d.Attempts, "status", d.LastStatus)
	}
	if d.WebhookID == "" || o.final || o.ours {
		return nil
	}
	return s.note(ctx, d.WebhookID, o, now)
}

// note keeps account of whether the webhook works, and disables one that is
// gone or has failed for days.
func (s *Service) note(ctx context.Context, id string, o outcome, now time.Time) error {
	if o.gone {
		return s.disable(ctx, id, "it answered 410 Gone", now)
	}
	if err := s.Store.NoteWebhook(ctx, id, o.err == "", now); err != nil || o.err == "" {
		return err
	}
	w, err := s.Store.FindWebhookByID(ctx, id)
	if err != nil || w.FailingSince == nil || now.Sub(*w.FailingSince) < failsFor {
		return err
	}
	return s.disable(ctx, id, "every attempt failed since "+w.FailingSince.Format(time.RFC3339), now)
}

func (s *Service) disable(ctx context.Context, id, reason string, now time.Time) error {
	s.Log.Warn("a webhook is disabled", "webhook", id, "reason", reason)
	return s.Store.DisableWebhook(ctx, id, reason, now)
}

// post sends an event to a webhook.
func (s *Service) post(ctx context.Context, d *core.Delivery) outcome {
	w, err := s.Store.FindWebhookByID(ctx, d.WebhookID)
	switch {
	case err != nil:
		return s.ownFault(d, err)
	case w.DeletedAt != nil:
		return refusedFor("the webhook was deleted")
	case !w.Enabled:
		return refusedFor("the webhook is disabled")
	}
	e, err := s.Store.FindEventByID(ctx, d.EventID)
	if core.AsError(err) != nil && core.AsError(err).Code == core.CodeNotFound {
		return refusedFor("the event is not kept any more")
	}
	if err != nil {
		return s.ownFault(d, err)
	}
	return s.send(ctx, w, e)
}

// ownFault is an outcome that is not the receiver's doing; the log says more.
func (s *Service) ownFault(d *core.Delivery, err error) outcome {
	s.Log.Error("a delivery could not be made", "delivery", d.ID, "error", err)
	return outcome{ours: true, err: "the gateway could not make it; its log says why"}
}

// message is the body that a webhook gets.
type message struct {
	Type      core.EventType  `json:"type"`
	Timestamp time.Time       `json:"timestamp"`
	Data      json.RawMessage `json:"data"`
}

// send makes one request to the webhook.
func (s *Service) send(ctx context.Context, w *core.Webhook, e *core.Event) outcome {
	secrets, err := s.open(w)
	if err != nil {
		s.Log.Error("the secrets of a webhook cannot be read", "webhook", w.ID, "error", err)
		return outcome{ours: true, err: "the gateway could not read the webhook's secrets; its log says why"}
	}
	body, err := json.Marshal(message{e.Type, e.At.UTC(), e.Data})
	if err != nil {
		return refusedFor("the event is damaged")
	}
	now := s.Now()
	signed, err := secrets.headers(e.ID, now, body)
	if err != nil {
		return refusedFor("the webhook's secret is damaged")
	}
	resp, err := s.Client.Do(ctx, &upstream.Request{Method: http.MethodPost, URL: secrets.URL, Body: body, Auth: abi.Auth{Scheme: abi.AuthNone},
		HeadTimeout: timeout,
		Headers:     append(signed, upstream.Header{Name: "content-type", Value: "application/json"}, upstream.Header{Name: "user-agent", Value: "tokligence-gateway"})})
	if err != nil {
		return outcome{err: unreachable(err)}
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 4<<10)) // what it says is of no interest; the connection may be used again
	o := outcome{status: resp.Status, gone: resp.Status == http.StatusGone}
	if resp.Status < 200 || resp.Status > 299 {
		o.err = fmt.Sprintf("it answered with status %d", resp.Status)
		o.retryAfter, _ = upstream.RetryAfter(resp.Get("retry-after"), now)
	}
	return o
}

// unreachable says why there was no answer. Only what the client itself says is
// repeated: other texts may hold the address.
func unreachable(err error) string {
	var e *core.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("no answer within %v", timeout)
	case errors.As(err, &e):
		return ofWebhook(e.Message)
	}
	return "no answer"
}

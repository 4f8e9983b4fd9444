package core

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Webhook is an address to which events are posted, signed by the scheme of
// Standard Webhooks. What may be secret of it is in Sealed alone.
type Webhook struct {
	ID string `json:"id"`
	// OrganizationID restricts it to the events of one organization; "" is all.
	OrganizationID string `json:"organization_id,omitempty"`
	// URL is the address as [ShowURL] shows it.
	URL         string `json:"url"`
	Description string `json:"description"`
	// Types are the types of events that it gets. An empty list is none; "*"
	// alone is all, also those that later versions add.
	Types   []EventType `json:"types"`
	Enabled bool        `json:"enabled"`
	// DisabledReason says why the gateway disabled it; "" where a person did.
	DisabledReason string `json:"disabled_reason,omitempty"`
	// FailingSince is when the first of a row of attempts failed.
	FailingSince *time.Time `json:"failing_since,omitempty"`
	CreatedAt    time.Time  `json:"created_at"`
	UpdatedAt    time.Time  `json:"updated_at"`
	DeletedAt    *time.Time `json:"deleted_at,omitempty"`
	// Sealed are its secrets, see [Sealer]: the whole address and the keys that it signs with.
	Sealed string `json:"-"`
}

// AllEvents stands for every type in a webhook's list.
const AllEvents EventType = "*"

// Wants reports whether the webhook gets the event, as things stand.
func (w *Webhook) Wants(e *Event) bool {
	return w.Enabled && w.DeletedAt == nil && (w.OrganizationID == "" || w.OrganizationID == e.OrganizationID) &&
		(slices.Contains(w.Types, e.Type) || slices.Contains(w.Types, AllEvents))
}

// CheckEventTypes refuses types that do not exist, and twice the same. The error
// is CodeInvalidRequest at "types".
func CheckEventTypes(types []EventType) error {
	for i, t := range types {
		switch {
		case t == AllEvents && len(types) > 1:
			return Invalid("types", `"*" stands alone: it is all types`)
		case t != AllEvents && !slices.Contains(eventTypes, t):
			return Invalid("types", "%q is not a type of events", string(t))
		case slices.Contains(types[:i], t):
			return Invalid("types", "%q is in the list twice", string(t))
		}
	}
	return nil
}

// CheckShown refuses an address that [ShowURL] has made: its secrets are lost.
// The error is CodeInvalidRequest at "url".
func CheckShown(address string) error {
	if strings.Contains(address, shownSecret) {
		return Invalid("url", "is the address as it is shown, without its secrets: give the whole one")
	}
	return nil
}

const shownSecret = "***"

// ShowURL is an address without the values of its query, and without the end of
// each long part of its path: that is where services such as chat rooms have the
// secret of an incoming webhook.
func ShowURL(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return shownSecret
	}
	parts := strings.Split(u.EscapedPath(), "/")
	for i, p := range parts {
		if len(p) >= 16 {
			parts[i] = p[:4] + shownSecret
		}
	}
	shown := u.Scheme + "://" + u.Host + strings.Join(parts, "/")
	if u.RawQuery == "" {
		return shown
	}
	var names []string
	for _, pair := range strings.Split(u.RawQuery, "&") {
		if name, _, valued := strings.Cut(pair, "="); valued {
			names = append(names, name+"="+shownSecret)
		} else {
			names = append(names, shownSecret) // a value without a name, for all that we know
		}
	}
	return shown + "?" + strings.Join(names, "&")
}

// WebhookFilter narrows ListWebhooks; nil fields do not filter.
type WebhookFilter struct {
	OrganizationID *string
	Enabled        *bool
	Reach          *Reach // nil: everything; by the organizations of it alone
	Page
}

// WebhookUpdate changes the fields that are not nil. Enabling forgets why it was
// disabled and since when it failed. Sealed and URL change together.
type WebhookUpdate struct {
	URL, Sealed, Description *string
	Types                    *[]EventType
	Enabled                  *bool
}

// WebhookStore keeps webhooks, by the rules of the stores of owners.
type WebhookStore interface {
	CreateWebhook(ctx context.Context, w *Webhook) error
	FindWebhookByID(ctx context.Context, id string) (*Webhook, error)
	ListWebhooks(ctx context.Context, f WebhookFilter) (list []*Webhook, next string, err error)
	UpdateWebhook(ctx context.Context, id string, u WebhookUpdate, now time.Time) (*Webhook, error)
	DeleteWebhook(ctx context.Context, id string, now time.Time) error
	// NoteWebhook records that an attempt worked, or that one failed since when
	// none worked. It is no error if the webhook is gone.
	NoteWebhook(ctx context.Context, id string, worked bool, now time.Time) error
	// DisableWebhook disables one that is enabled, for the reason, and stores the
	// event of it.
	DisableWebhook(ctx context.Context, id, reason string, now time.Time) error
}

// DeliveryState is what became of a delivery.
type DeliveryState string

// The states. Pending is what will be tried, for the first time or again.
const (
	DeliveryPending   DeliveryState = "pending"
	DeliveryDelivered DeliveryState = "delivered"
	DeliveryFailed    DeliveryState = "failed"
)

// Delivery is one event on its way to one webhook, or one mail on its way to
// the mail server.
type Delivery struct {
	ID        string        `json:"id"` // dlv_…
	EventID   string        `json:"event_id,omitempty"`
	WebhookID string        `json:"webhook_id,omitempty"` // "" is a mail
	Type      string        `json:"type"`                 // the event's, or what the mail is for
	State     DeliveryState `json:"state"`
	Attempts  int           `json:"attempts"`
	CreatedAt time.Time     `json:"created_at"`
	// NextAt is when a pending one is tried again. While an attempt is under way
	// it is when the attempt is given up: whoever made it has died then.
	NextAt     time.Time  `json:"next_at,omitzero"`
	LastAt     *time.Time `json:"last_at"`               // null before the first attempt
	LastStatus int        `json:"last_status,omitempty"` // of HTTP or SMTP; 0 when there was no answer
	LastError  string     `json:"last_error,omitempty"`
	// Sealed is a pending mail, see [Sealer].
	Sealed string `json:"-"`
}

// DeliveryFilter narrows ListDeliveries; zero fields do not filter.
type DeliveryFilter struct {
	WebhookID string
	EventID   string
	State     DeliveryState
	Page
}

// DeliveryStats are sums over all deliveries that are kept.
type DeliveryStats struct {
	Pending int
	Oldest  time.Time // when the oldest pending one was made; zero: none is
}

// DeliveryStore keeps deliveries.
type DeliveryStore interface {
	AddDeliveries(ctx context.Context, list []*Delivery) error
	// ListDeliveries returns newest first; next is "" on the last page.
	ListDeliveries(ctx context.Context, f DeliveryFilter) (list []*Delivery, next string, err error)
	// ListDueDeliveries returns pending ones whose NextAt has come, the longest due
	// first, but for those of the webhooks except ("" is mails).
	ListDueDeliveries(ctx context.Context, now time.Time, except []string, limit int) ([]*Delivery, error)
	// ClaimDelivery counts an attempt of a due delivery that the caller alone is to
	// make until then; false when another one has it. It changes d accordingly.
	ClaimDelivery(ctx context.Context, d *Delivery, now, until time.Time) (bool, error)
	// FinishDelivery stores what came of the attempt that d was claimed for: state,
	// NextAt, LastStatus and LastError; nothing when it was given up meanwhile. One
	// that is not pending any more loses Sealed.
	FinishDelivery(ctx context.Context, d *Delivery) error
	CountDeliveries(ctx context.Context) (DeliveryStats, error)
}

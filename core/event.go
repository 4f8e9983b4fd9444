package core

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// EventType names what happened: the noun before the dot, then the verb.
type EventType string

// The types of events.
const (
	EventKeyCreated          EventType = "key.created"
	EventKeyRotated          EventType = "key.rotated"
	EventKeyBlocked          EventType = "key.blocked"
	EventKeyUnblocked        EventType = "key.unblocked"
	EventKeyDeleted          EventType = "key.deleted"
	EventKeyRotationDue      EventType = "key.rotation_due"
	EventKeyExpiring         EventType = "key.expiring" // 7 days and 1 day before
	EventKeyExpired          EventType = "key.expired"
	EventBudgetThreshold     EventType = "budget.threshold" // so many percent are spent
	EventBudgetExceeded      EventType = "budget.exceeded"  // a request was refused: what is left did not hold it
	EventDeploymentCooling   EventType = "deployment.cooling"
	EventDeploymentRecovered EventType = "deployment.recovered"
	EventPluginFailed        EventType = "plugin.failed" // it failed so often that it is left alone for a while
	EventPriceMissing        EventType = "price.missing" // an exchange could not be priced, or not wholly
	EventConfigApplied       EventType = "config.applied"
	EventConfigFailed        EventType = "config.failed"
	EventUserCreated         EventType = "user.created"
	EventUserDeleted         EventType = "user.deleted"
	EventInviteCreated       EventType = "invite.created"
	EventWebhookDisabled     EventType = "webhook.disabled" // by the gateway: it failed for days, or said that it is gone
	EventWebhookTest         EventType = "webhook.test"     // sent when asked for; never stored
)

var eventTypes = []EventType{
	EventKeyCreated, EventKeyRotated, EventKeyBlocked, EventKeyUnblocked, EventKeyDeleted, EventKeyRotationDue, EventKeyExpiring, EventKeyExpired,
	EventBudgetThreshold, EventBudgetExceeded, EventDeploymentCooling, EventDeploymentRecovered, EventPluginFailed, EventPriceMissing,
	EventConfigApplied, EventConfigFailed, EventUserCreated, EventUserDeleted, EventInviteCreated, EventWebhookDisabled,
}

// EventTypes lists the types that are stored.
func EventTypes() []EventType { return slices.Clone(eventTypes) }

// Event is something that happened and that others may want to know. It is
// immutable and holds no secret.
type Event struct {
	ID   string    `json:"id"` // evt_…; sorts by time
	Type EventType `json:"type"`
	At   time.Time `json:"at"`
	// Whom it concerns, where it concerns somebody: what a webhook of an
	// organization gets, and who sees it, follows from these.
	OrganizationID string `json:"organization_id,omitempty"`
	TeamID         string `json:"team_id,omitempty"`
	UserID         string `json:"user_id,omitempty"`
	KeyID          string `json:"key_id,omitempty"`
	// Data is a JSON object: of one type always with the same members.
	Data json.RawMessage `json:"data"`
	// Once is a text that no two stored events share: a second one is not stored.
	// "" is none.
	Once string `json:"-"`
}

// NewEvent makes an event of the data, which must be of a type that marshals.
func NewEvent(t EventType, at time.Time, data any) *Event {
	raw, err := json.Marshal(data)
	if err != nil {
		panic(err) // data are structs of texts, numbers and times
	}
	return &Event{ID: NewID(PrefixEvent, at), Type: t, At: at.UTC(), Data: raw}
}

// OncePer makes the event one that is stored once for all equal parts.
func (e *Event) OncePer(parts ...string) *Event {
	e.Once = string(e.Type) + "/" + strings.Join(parts, "/")
	return e
}

// The data of events.
type (
	// KeyEventData is that of key.*.
	KeyEventData struct {
		ID             string     `json:"id"`
		Name           string     `json:"name"`
		Prefix         string     `json:"prefix"`
		LastFour       string     `json:"last_four"`
		OrganizationID string     `json:"organization_id,omitempty"`
		TeamID         string     `json:"team_id,omitempty"`
		UserID         string     `json:"user_id,omitempty"`
		ExpiresAt      *time.Time `json:"expires_at"`
		// GraceUntil is when the earlier secrets of a rotated key end.
		GraceUntil *time.Time `json:"grace_until,omitempty"`
		// Days are how many days before its end a key.expiring is told.
		Days int `json:"days,omitempty"`
	}
	// BudgetEventData is that of budget.*. Percent is the threshold that was
	// reached, and not there in budget.exceeded.
	BudgetEventData struct {
		BudgetID  string     `json:"budget_id"`
		Scope     Scope      `json:"scope"`
		SubjectID string     `json:"subject_id"`
		Subject   string     `json:"subject,omitempty"` // its name
		Amount    Nano       `json:"amount"`
		Spent     Nano       `json:"spent"`
		Reserved  Nano       `json:"reserved"`
		Percent   int        `json:"percent,omitempty"`
		Period    Period     `json:"period"`
		ResetsAt  *time.Time `json:"resets_at"` // null: never
	}
	// DeploymentEventData is that of deployment.*.
	DeploymentEventData struct {
		Deployment   string     `json:"deployment"`
		CoolingUntil *time.Time `json:"cooling_until,omitempty"`
		Error        string     `json:"error,omitempty"` // the code of the last failure
	}
	// PluginEventData is that of plugin.failed.
	PluginEventData struct {
		Plugin string `json:"plugin"`
		Error  string `json:"error,omitempty"` // the kind of the last fault
	}
	// PriceEventData is that of price.missing.
	PriceEventData struct {
		Deployment string `json:"deployment"`
		Provider   string `json:"provider"`
		Model      string `json:"model"`
	}
	// ConfigEventData is that of config.*.
	ConfigEventData struct {
		Revision int64 `json:"revision,omitempty"`
		Problems int   `json:"problems,omitempty"` // how many; the log and the check name them
	}
	// UserEventData is that of user.*.
	UserEventData struct {
		ID    string `json:"id"`
		Name  string `json:"name"`
		Email string `json:"email"`
	}
	// InviteEventData is that of invite.created. The link is told to the invited alone.
	InviteEventData struct {
		ID             string    `json:"id"`
		Email          string    `json:"email"`
		Role           Role      `json:"role"`
		OrganizationID string    `json:"organization_id,omitempty"`
		TeamID         string    `json:"team_id,omitempty"`
		ExpiresAt      time.Time `json:"expires_at"`
	}
	// WebhookEventData is that of webhook.*.
	WebhookEventData struct {
		ID     string `json:"id"`
		URL    string `json:"url"` // without what may be secret in it
		Reason string `json:"reason,omitempty"`
	}
)

// KeyEvent makes an event of a key.
func KeyEvent(t EventType, k *VirtualKey, at time.Time, more ...func(*KeyEventData)) *Event {
	d := KeyEventData{ID: k.ID, Name: k.Name, Prefix: k.Prefix, LastFour: k.LastFour, OrganizationID: k.OrganizationID, TeamID: k.TeamID, UserID: k.UserID, ExpiresAt: k.ExpiresAt}
	for _, f := range more {
		f(&d)
	}
	e := NewEvent(t, at, d)
	e.OrganizationID, e.TeamID, e.UserID, e.KeyID = k.OrganizationID, k.TeamID, k.UserID, k.ID
	return e
}

// BudgetNotice is what the ledger tells of a budget in the window [Start, End),
// both zero for all time: that so many percent are spent, or, with Percent 0,
// that a request was refused.
type BudgetNotice struct {
	Budget          *Budget
	Percent         int
	Spent, Reserved Nano
	Start, End, At  time.Time
}

// EventFilter narrows ListEvents; zero fields do not filter. Times are [From, To).
type EventFilter struct {
	From, To       time.Time
	Type           EventType
	OrganizationID string
	Reach          *Reach // nil: everything
	Page
}

// Spread is an event and the deliveries that it leads to.
type Spread struct {
	EventID    string
	Deliveries []*Delivery
}

// EventStore keeps events. The methods of other stores that change what an
// event tells of store the event in the transaction of the change, so that
// there is never one without the other.
type EventStore interface {
	// AddEvents stores events, but for those whose Once is stored already, and
	// tells how many it stored.
	AddEvents(ctx context.Context, events []*Event) (added int, err error)
	FindEventByID(ctx context.Context, id string) (*Event, error)
	// ListEvents returns newest first; next is "" on the last page.
	ListEvents(ctx context.Context, f EventFilter) (events []*Event, next string, err error)
	// ListNewEvents returns those whose deliveries were not made yet, oldest first.
	ListNewEvents(ctx context.Context, limit int) ([]*Event, error)
	// SpreadEvents stores the deliveries of events in one transaction. An event
	// that was spread already, by another node, is left out with its deliveries.
	SpreadEvents(ctx context.Context, list []Spread) error
	// DeleteOldEvents deletes at most limit events, and as many deliveries, from
	// before the time, and tells how many rows. What is pending stays.
	DeleteOldEvents(ctx context.Context, before time.Time, limit int) (int, error)
	// ListEndingKeys returns the living keys that are not blocked and expire in
	// (after, until], in the order of their ids from behind cursor.
	ListEndingKeys(ctx context.Context, after, until time.Time, cursor string, limit int) ([]*VirtualKey, error)
	// ListDueKeys is the same for those whose rotation is due in (after, until].
	ListDueKeys(ctx context.Context, after, until time.Time, cursor string, limit int) ([]*VirtualKey, error)
}

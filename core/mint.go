package core

import (
	"encoding/json"
	"reflect"
	"time"
)

// Span is a duration that JSON holds as a text such as "36h".
type Span time.Duration

// MarshalJSON writes the text.
func (s Span) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(s).String()) }

// UnmarshalJSON reads the text; null changes nothing. Of an error the decoder says
// at which member it is.
func (s *Span) UnmarshalJSON(raw []byte) error {
	if string(raw) == "null" {
		return nil
	}
	wrong := &json.UnmarshalTypeError{Value: `value that is no duration such as "24h"`, Type: reflect.TypeFor[Span]()}
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return wrong
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return wrong
	}
	*s = Span(d)
	return nil
}

// MintPolicy lets a key make temporary keys, which it does with its own secret.
// They belong to whom it belongs to, may do what it may at most, spend from its
// budgets, and stop when it stops.
type MintPolicy struct {
	MaxTTL    Span     `json:"max_ttl"`              // the longest that one lives
	MaxKeys   int64    `json:"max_keys"`             // that live at the same time
	MaxBudget *Nano    `json:"max_budget,omitempty"` // of each; nil needs none
	Models    []string `json:"models" api:"null"`    // that they may use; nil: as the key that makes them
}

// maxMinted bounds the temporary keys of one key.
const maxMinted = 10_000

// Check is CodeInvalidRequest at the member.
func (p *MintPolicy) Check() error {
	switch {
	case p.MaxTTL < Span(time.Second) || p.MaxTTL > Span(90*24*time.Hour):
		return Invalid("may_mint.max_ttl", "must be from 1s to 2160h")
	case p.MaxKeys < 1 || p.MaxKeys > maxMinted:
		return Invalid("may_mint.max_keys", "must be from 1 to %d", maxMinted)
	case p.MaxBudget != nil && *p.MaxBudget < 0:
		return Invalid("may_mint.max_budget", "must not be negative")
	}
	if err := CheckModels(p.Models); err != nil {
		e := *AsError(err)
		e.Param = "may_mint." + e.Param
		return &e
	}
	return nil
}

// shortestRotation is the least time between two rotations that can be asked for.
const shortestRotation = time.Hour

// CheckRotation refuses a schedule that makes no sense. The error is
// CodeInvalidRequest at the member.
func CheckRotation(every, grace Span) error {
	switch {
	case every != 0 && every < Span(shortestRotation):
		return Invalid("rotate_every", "must be 1h at least, or 0s for no schedule")
	case every > Span(10*365*24*time.Hour) || grace > Span(365*24*time.Hour):
		return Invalid("rotate_every", "and rotation_grace must not be longer than ten years and one")
	}
	return nil
}

// RotationDue is when the key should have a new secret; nil when nothing asks for it.
func (k *VirtualKey) RotationDue() *time.Time {
	if k.RotateEvery == 0 {
		return nil
	}
	at := k.RotatedAt.Add(time.Duration(k.RotateEvery))
	return &at
}

// Overdue reports whether the newest secret has ended for want of a rotation.
func (k *VirtualKey) Overdue(now time.Time) bool {
	return k.RotateEvery != 0 && !now.Before(k.RotatedAt.Add(time.Duration(k.RotateEvery)+time.Duration(k.RotationGrace)))
}

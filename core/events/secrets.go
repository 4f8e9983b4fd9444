package events

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/reach"
	"github.com/tokligence/gateway/core/upstream"
)

// SecretPrefix begins the secrets that webhooks are signed with.
const SecretPrefix = "whsec_"

// secrets are what of a webhook nobody may read, as JSON in Webhook.Sealed.
type secrets struct {
	URL string `json:"url"`
	Key string `json:"key"` // whsec_ and base64
	// Old signs beside Key until OldUntil: the receiver has time to change.
	Old      string    `json:"old,omitempty"`
	OldUntil time.Time `json:"old_until,omitzero"`
}

// sealedKind is the kind of object in [core.SealedAt].
const sealedKind = "webhook"

func (s *Service) seal(id string, v *secrets) (string, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return "", err
	}
	return s.Sealer.Seal(core.SealedAt{Kind: sealedKind, ID: id}, raw)
}

func (s *Service) open(w *core.Webhook) (*secrets, error) {
	raw, err := s.Sealer.Open(core.SealedAt{Kind: sealedKind, ID: w.ID}, w.Sealed)
	if err != nil {
		return nil, err
	}
	var v secrets
	if err := json.Unmarshal(raw, &v); err != nil {
		return nil, errors.New("the secrets of the webhook are damaged") // not err, which quotes
	}
	return &v, nil
}

// newSecret is 32 random bytes: the specification wants 24 to 64.
func newSecret() string {
	var raw [32]byte
	_, _ = rand.Read(raw[:]) // never fails: it ends the program instead
	return SecretPrefix + base64.StdEncoding.EncodeToString(raw[:])
}

// headers are those of Standard Webhooks 1.0.0: the id of the event, the time
// of the attempt, and a signature for each key in force.
func (v *secrets) headers(id string, now time.Time, body []byte) ([]upstream.Header, error) {
	at := strconv.FormatInt(now.Unix(), 10)
	keys := []string{v.Key}
	if v.Old != "" && now.Before(v.OldUntil) {
		keys = append(keys, v.Old)
	}
	var signatures []string
	for _, key := range keys {
		raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(key, SecretPrefix))
		if err != nil {
			return nil, errors.New("a secret is no base64")
		}
		mac := hmac.New(sha256.New, raw)
		fmt.Fprintf(mac, "%s.%s.%s", id, at, body)
		signatures = append(signatures, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	return []upstream.Header{{Name: "webhook-id", Value: id}, {Name: "webhook-timestamp", Value: at}, {Name: "webhook-signature", Value: strings.Join(signatures, " ")}}, nil
}

// CreateWebhook stores a webhook with the address and a new secret, which it
// returns: it cannot be read again. It fills in id, times and what is shown of
// the address.
func (s *Service) CreateWebhook(ctx context.Context, w *core.Webhook, address string) (secret string, err error) {
	if err := s.check(address); err != nil {
		return "", err
	}
	if err := core.CheckEventTypes(w.Types); err != nil {
		return "", err
	}
	now := s.Now().UTC()
	if w.ID == "" {
		w.ID = core.NewID(core.PrefixWebhook, now)
	}
	w.URL, w.CreatedAt, w.UpdatedAt = core.ShowURL(address), now, now
	v := secrets{URL: address, Key: newSecret()}
	if w.Sealed, err = s.seal(w.ID, &v); err != nil {
		return "", err
	}
	return v.Key, s.Store.CreateWebhook(ctx, w)
}

// check refuses addresses that nothing could be posted to, as far as that shows
// before they are connected to. Errors do not quote them.
func (s *Service) check(address string) error {
	if address == "" || len(address) > 2048 {
		return core.Invalid("url", "must be an address such as %q", "https://example.com/hook")
	}
	if err := core.CheckShown(address); err != nil {
		return err
	}
	if err := reach.CheckURL(address, s.Reach, false); err != nil {
		return core.Invalid("url", "%s", ofWebhook(err.Error()))
	}
	return nil
}

// ofWebhook says of a webhook what others say of deployments.
func ofWebhook(text string) string {
	return strings.NewReplacer("the provider", "the receiver", ", or allow_private of a deployment, can", " can", ": use a credential", "").Replace(text)
}

// UpdateWebhook changes what is given; address nil keeps it.
func (s *Service) UpdateWebhook(ctx context.Context, w *core.Webhook, address *string, u core.WebhookUpdate) (*core.Webhook, error) {
	if u.Types != nil {
		if err := core.CheckEventTypes(*u.Types); err != nil {
			return nil, err
		}
	}
	if address != nil {
		if err := s.check(*address); err != nil {
			return nil, err
		}
		v, err := s.open(w)
		if err != nil {
			return nil, err
		}
		v.URL = *address
		if err := s.reseal(w, v, &u); err != nil {
			return nil, err
		}
	}
	return s.Store.UpdateWebhook(ctx, w.ID, u, s.Now())
}

// reseal puts the secrets, and what is shown of them, into an update.
func (s *Service) reseal(w *core.Webhook, v *secrets, u *core.WebhookUpdate) error {
	sealed, err := s.seal(w.ID, v)
	shown := core.ShowURL(v.URL)
	u.URL, u.Sealed = &shown, &sealed
	return err
}

// Rotate gives a webhook a new secret, which it returns; the one before it signs
// too for the grace, which may be 0.
func (s *Service) Rotate(ctx context.Context, w *core.Webhook, grace time.Duration) (*core.Webhook, string, error) {
	if grace < 0 || grace > 30*24*time.Hour {
		return nil, "", core.Invalid("grace", "must be between 0 and 720h")
	}
	v, err := s.open(w)
	if err != nil {
		return nil, "", err
	}
	v.Old, v.OldUntil, v.Key = "", time.Time{}, newSecret()
	if grace > 0 {
		old, err := s.open(w)
		if err != nil {
			return nil, "", err
		}
		v.Old, v.OldUntil = old.Key, s.Now().Add(grace).UTC()
	}
	var u core.WebhookUpdate
	if err := s.reseal(w, v, &u); err != nil {
		return nil, "", err
	}
	w, err = s.Store.UpdateWebhook(ctx, w.ID, u, s.Now())
	return w, v.Key, err
}

// WebhookTest is what came of a test.
type WebhookTest struct {
	OK     bool   `json:"ok"`
	Status int    `json:"status"` // 0: there was no answer
	Error  string `json:"error,omitempty"`
}

// Test posts an event of type webhook.test at once, also to a disabled webhook,
// and keeps nothing of it.
func (s *Service) Test(ctx context.Context, w *core.Webhook) *WebhookTest {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	e := core.NewEvent(core.EventWebhookTest, s.Now(), core.WebhookEventData{ID: w.ID, URL: w.URL})
	o := s.send(ctx, w, e)
	return &WebhookTest{OK: o.err == "", Status: o.status, Error: o.err}
}

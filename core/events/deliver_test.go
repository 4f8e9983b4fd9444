package events

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/seal"
)

// verify recomputes a signature by the words of the specification.
func verify(t *testing.T, secret string, m received) bool {
	t.Helper()
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil || len(key) < 24 || len(key) > 64 || !strings.HasPrefix(secret, "whsec_") {
		t.Fatalf("secret %q: %v", secret, err)
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(m.id + "." + m.head.Get("Webhook-Timestamp") + "." + string(m.body)))
	want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	for _, have := range strings.Split(m.head.Get("Webhook-Signature"), " ") {
		if have == want {
			return true
		}
	}
	return false
}

func TestService_Delivers(t *testing.T) {
	r, to := newRig(t, nil), newReceiver(t)
	w, secret := r.hook(to.URL+"/hook?token=MARK6", core.AllEvents)
	r.hook(to.URL + "/nothing")
	r.hook(to.URL+"/other", core.EventKeyCreated)
	e := r.event()
	r.add(e)
	r.pass(time.Second)
	r.step()
	got := to.all()
	if len(got) != 1 {
		t.Fatalf("got %d requests", len(got))
	}
	m := got[0]
	if !verify(t, secret, m) || m.id != e.ID || m.head.Get("Webhook-Timestamp") != fmt.Sprint(r.clock().Unix()) || m.head.Get("Content-Type") != "application/json" {
		t.Errorf("got %+v", m.head)
	}
	want := `{"type":"price.missing","timestamp":"2026-11-25T12:30:00Z","data":{"deployment":"d","provider":"p","model":"m"}}`
	if string(m.body) != want {
		t.Errorf("got  %s\nwant %s", m.body, want)
	}
	if d := r.deliveries(); len(d) != 1 || d[0].State != core.DeliveryDelivered || d[0].Attempts != 1 || d[0].LastStatus != 204 || d[0].WebhookID != w.ID {
		t.Errorf("got %+v", d[0])
	}
	r.step()
	if n := len(to.all()); n != 1 {
		t.Errorf("it was delivered %d times", n)
	}
	if w := r.find(w.ID); strings.Contains(fmt.Sprintf("%+v", w), "MARK6") || strings.Contains(w.Sealed, strings.TrimPrefix(secret, "whsec_")) {
		t.Errorf("a secret is shown: %+v", w)
	}
	replayed, err := r.Replay(t.Context(), e, "", anyHook)
	if err != nil || len(replayed) != 1 {
		t.Fatal(replayed, err)
	}
	r.step()
	if got := to.all(); len(got) != 2 || got[1].id != e.ID {
		t.Errorf("got %+v", got)
	}
}

// TestService_Retries: an attempt that fails is made again, later and later, with
// the same id and a signature of its time, for about a day and a half.
func TestService_Retries(t *testing.T) {
	r, to := newRig(t, nil), newReceiver(t)
	w, secret := r.hook(to.URL, core.AllEvents)
	for _, status := range []int{500, 302, 404, 199 + 201} {
		to.answers(status, "Location", to.URL+"/elsewhere")
	}
	e := r.event()
	r.add(e)
	r.step()
	for i, want := range delays {
		d := r.deliveries()[0]
		if d.State != core.DeliveryPending || d.Attempts != i+1 || !d.NextAt.Equal(r.clock().Add(want)) {
			t.Fatalf("after attempt %d: %+v", i+1, d)
		}
		r.pass(want - 1)
		r.step()
		if n := len(to.all()); n != i+1 {
			t.Fatalf("attempt %d was made early", n)
		}
		r.pass(1)
		r.step()
	}
	d := r.deliveries()[0]
	got := to.all()
	if d.State != core.DeliveryFailed || d.Attempts != len(delays)+1 || len(got) != len(delays)+1 || d.LastError != "it answered with status 400" {
		t.Errorf("got %+v after %d requests", d, len(got))
	}
	for _, m := range got {
		if m.id != e.ID || !verify(t, secret, m) {
			t.Errorf("got %+v", m.head)
		}
	}
	if w := r.find(w.ID); !w.Enabled || w.FailingSince == nil || !w.FailingSince.Equal(start) {
		t.Errorf("got %+v", w)
	}
	to.answers(200)
	if _, err := r.Replay(t.Context(), e, w.ID, anyHook); err != nil {
		t.Fatal(err)
	}
	r.step()
	if w := r.find(w.ID); w.FailingSince != nil {
		t.Error("one that works is said to fail")
	}
}

func TestService_Answers(t *testing.T) {
	for name, c := range map[string]struct {
		status   int
		head     []string
		state    core.DeliveryState
		after    time.Duration
		disabled bool
	}{
		"200":                  {status: 200, state: core.DeliveryDelivered},
		"299":                  {status: 299, state: core.DeliveryDelivered},
		"redirect":             {status: 307, head: []string{"Location", "/x"}, state: core.DeliveryPending, after: 5 * time.Second},
		"gone":                 {status: 410, state: core.DeliveryFailed, disabled: true},
		"429 with seconds":     {status: 429, head: []string{"Retry-After", "120"}, state: core.DeliveryPending, after: 2 * time.Minute},
		"503 with a date":      {status: 503, head: []string{"Retry-After", start.Add(time.Hour).Format(http.TimeFormat)}, state: core.DeliveryPending, after: time.Hour},
		"soon is not sooner":   {status: 503, head: []string{"Retry-After", "1"}, state: core.DeliveryPending, after: 5 * time.Second},
		"never is not never":   {status: 503, head: []string{"Retry-After", "99999999999"}, state: core.DeliveryPending, after: longestPause},
		"nonsense is no pause": {status: 503, head: []string{"Retry-After", "soon"}, state: core.DeliveryPending, after: 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			r, to := newRig(t, nil), newReceiver(t)
			w, _ := r.hook(to.URL, core.AllEvents)
			to.answers(c.status, c.head...)
			r.add(r.event())
			r.step()
			d := r.deliveries()[0]
			if d.State != c.state || d.LastStatus != c.status || c.state == core.DeliveryPending && !d.NextAt.Equal(start.Add(c.after)) || len(to.all()) != 1 {
				t.Errorf("got %+v after %d requests", d, len(to.all()))
			}
			if got := r.find(w.ID); got.Enabled == c.disabled || c.disabled && got.DisabledReason == "" {
				t.Errorf("got %+v", got)
			}
			if told := strings.Contains(r.events(), "webhook.disabled"); told != c.disabled {
				t.Errorf("told: %v", told)
			}
		})
	}
}

// TestService_FailsForDays: whoever has not answered for days is left alone.
func TestService_FailsForDays(t *testing.T) {
	r, to := newRig(t, nil), newReceiver(t)
	w, _ := r.hook(to.URL, core.AllEvents)
	to.answers(500)
	for range 4 {
		if !r.find(w.ID).Enabled {
			t.Fatal("it is disabled too early")
		}
		r.add(r.event())
		r.step()
		r.pass(day)
	}
	if got := r.find(w.ID); got.Enabled || !strings.Contains(got.DisabledReason, "since 2026-11-25") {
		t.Errorf("got %+v", got)
	}
	r.step()
	for _, d := range r.deliveries() {
		if d.State == core.DeliveryPending && !d.NextAt.After(r.clock()) {
			t.Errorf("a disabled webhook is tried: %+v", d)
		}
	}
	if !strings.Contains(r.events(), "webhook.disabled") {
		t.Error("nobody was told")
	}
}

// TestService_Crash: an attempt whose process died is made again, with the same id.
func TestService_Crash(t *testing.T) {
	r, to := newRig(t, nil), newReceiver(t)
	r.hook(to.URL, core.AllEvents)
	e := r.event()
	r.add(e)
	if err := r.spread(t.Context()); err != nil {
		t.Fatal(err)
	}
	d := r.deliveries()[0]
	if ok, err := r.store.ClaimDelivery(t.Context(), d, r.clock(), r.clock().Add(lease)); !ok || err != nil {
		t.Fatal(ok, err)
	}
	r.step()
	if n := len(to.all()); n != 0 {
		t.Fatalf("%d attempts beside the one under way", n)
	}
	r.pass(lease)
	r.step()
	if got := to.all(); len(got) != 1 || got[0].id != e.ID {
		t.Errorf("got %+v", got)
	}
}

// TestService_SlowWebhook: one that does not answer holds up no other, and Close
// makes an end of it that counts as no failure.
func TestService_SlowWebhook(t *testing.T) {
	r, to, slow := newRig(t, nil), newReceiver(t), newReceiver(t)
	hang := make(chan struct{})
	slow.answer = func(http.ResponseWriter) { <-hang }
	defer close(hang)
	r.hook(slow.URL, core.AllEvents)
	r.hook(to.URL, core.AllEvents)
	for range 40 {
		r.add(r.event())
	}
	deadline := time.Now().Add(20 * time.Second)
	for len(to.all()) < 40 && time.Now().Before(deadline) {
		if err := r.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond) // for the receiver, which is another program
	}
	if n := len(to.all()); n != 40 {
		t.Fatalf("%d of 40 were delivered", n)
	}
	if n := len(slow.all()); n > maxPerWebhook {
		t.Errorf("%d attempts at a time", n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Close(ctx); err != nil {
		t.Fatal(err)
	}
	for _, d := range r.deliveries() {
		if d.State == core.DeliveryFailed || d.LastError != "" {
			t.Errorf("got %+v", d)
		}
	}
}

// TestService_Private: nothing leads into one's own network, neither as it is
// written nor by what a name resolves to, unless the operator allows it.
func TestService_Private(t *testing.T) {
	to := newReceiver(t)
	r := newRig(t, func(o *Options) { o.Reach = nil })
	_, port, _ := strings.Cut(strings.TrimPrefix(to.URL, "http://"), ":")
	for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0x7f000001", "169.254.169.254", "10.1.2.3"} {
		w := &core.Webhook{Types: []core.EventType{core.AllEvents}, Enabled: true}
		_, err := r.CreateWebhook(t.Context(), w, "http://"+host+":"+port+"/?t=MARK6")
		if e := core.AsError(err); e == nil || e.Param != "url" || strings.Contains(e.Message, "MARK6") || strings.Contains(e.Message, "deployment") {
			t.Errorf("%s: %v", host, err)
		}
	}
	sealed, err := r.seal("whk_1", &secrets{URL: to.URL, Key: newSecret()}) // as from before the policy was changed
	if err != nil {
		t.Fatal(err)
	}
	res := r.Test(t.Context(), &core.Webhook{ID: "whk_1", Sealed: sealed})
	if res.OK || res.Status != 0 || !strings.HasPrefix(res.Error, "the address is private: allow_private_hosts of [security] can permit it") {
		t.Errorf("%+v", res)
	}
	if n := len(to.all()); n != 0 {
		t.Errorf("%d requests arrived", n)
	}
}

func TestService_Rotate(t *testing.T) {
	r, to := newRig(t, nil), newReceiver(t)
	w, first := r.hook(to.URL, core.AllEvents)
	w, second, err := r.Rotate(t.Context(), w, time.Hour)
	if err != nil || second == first {
		t.Fatal(err)
	}
	send := func() received {
		t.Helper()
		if res := r.Test(t.Context(), r.find(w.ID)); !res.OK {
			t.Fatalf("%+v", res)
		}
		all := to.all()
		return all[len(all)-1]
	}
	if m := send(); !verify(t, first, m) || !verify(t, second, m) {
		t.Error("both secrets must sign during the grace")
	}
	r.pass(time.Hour)
	if m := send(); verify(t, first, m) || !verify(t, second, m) {
		t.Error("the old secret signs for ever")
	}
	w, third, err := r.Rotate(t.Context(), r.find(w.ID), 0)
	if err != nil {
		t.Fatal(err)
	}
	if m := send(); verify(t, second, m) || !verify(t, third, m) {
		t.Error("without grace the old secret must not sign")
	}
	address := to.URL + "/?key=MARK6"
	if w, err = r.UpdateWebhook(t.Context(), w, &address, core.WebhookUpdate{}); err != nil || w.URL != to.URL+"/?key=***" {
		t.Fatal(w, err)
	}
	if m := send(); !verify(t, third, m) {
		t.Error("another address must keep the secret")
	}
	if _, _, err := r.Rotate(t.Context(), w, -1); core.AsError(err) == nil || core.AsError(err).Param != "grace" {
		t.Errorf("got %v", err)
	}
}

// TestService_Organization: a webhook of an organization gets its events alone.
func TestService_Organization(t *testing.T) {
	r, to := newRig(t, nil), newReceiver(t)
	for _, id := range []string{"org_1", "org_2"} {
		if err := r.store.CreateOrganization(t.Context(), &core.Organization{ID: id, Name: id, CreatedAt: start, UpdatedAt: start}); err != nil {
			t.Fatal(err)
		}
	}
	w := &core.Webhook{OrganizationID: "org_1", Types: []core.EventType{core.AllEvents}, Enabled: true}
	if _, err := r.CreateWebhook(t.Context(), w, to.URL); err != nil {
		t.Fatal(err)
	}
	own, other, none := r.event(), r.event(), r.event()
	own.OrganizationID, other.OrganizationID = "org_1", "org_2"
	r.add(own, other, none)
	r.step()
	if got := to.all(); len(got) != 1 || got[0].id != own.ID {
		t.Errorf("got %+v", got)
	}
	if _, err := r.Replay(t.Context(), other, w.ID, anyHook); core.AsError(err) == nil || core.AsError(err).Param != "webhook_id" {
		t.Errorf("another's event was replayed: %v", err)
	}
}

func TestService_Retention(t *testing.T) {
	r, to := newRig(t, func(o *Options) { o.Retention = day }), newReceiver(t)
	r.hook(to.URL, core.AllEvents)
	r.add(r.event())
	r.step()
	r.pass(day + time.Minute)
	r.step()
	if got := r.events() + fmt.Sprint(len(r.deliveries())); got != "0" {
		t.Errorf("left: %s", got)
	}
}

// TestService_LostKey: secrets that cannot be read are the gateway's own trouble:
// the webhook is not to blame, and gets its event once they can be.
func TestService_LostKey(t *testing.T) {
	r, to := newRig(t, nil), newReceiver(t)
	w, _ := r.hook(to.URL, core.AllEvents)
	right := r.Sealer
	r.Sealer = seal.Without("it is lost")
	r.add(r.event())
	r.step()
	d := r.deliveries()[0]
	if d.State != core.DeliveryPending || !strings.Contains(d.LastError, "its log says why") || r.find(w.ID).FailingSince != nil {
		t.Errorf("got %+v, %+v", d, r.find(w.ID))
	}
	r.Sealer = right
	r.pass(delays[0])
	r.step()
	if n := len(to.all()); n != 1 {
		t.Errorf("%d were delivered", n)
	}
}

func TestService_Run(t *testing.T) {
	r, to := newRig(t, nil), newReceiver(t)
	r.hook(to.URL, core.AllEvents)
	got := make(chan struct{}, 1)
	to.answer = func(http.ResponseWriter) { got <- struct{}{} }
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { r.Run(ctx); close(ended) }()
	r.PriceMissing("d", "p", "m", r.clock())
	select {
	case <-got:
	case <-time.After(20 * time.Second):
		t.Error("nothing is delivered")
	}
	cancel()
	<-ended
}

func anyHook(*core.Webhook) bool { return true }

package storetest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
)

// toldElsewhere are the types of what no change of the store causes.
var toldElsewhere = []core.EventType{core.EventKeyRotationDue, core.EventKeyExpiring, core.EventKeyExpired, core.EventBudgetThreshold, core.EventBudgetExceeded,
	core.EventDeploymentCooling, core.EventDeploymentRecovered, core.EventPluginFailed, core.EventPriceMissing, core.EventConfigFailed}

// told lists the types of the events since the last call.
func told(t *testing.T, s core.Store) string {
	t.Helper()
	events, err := s.ListNewEvents(t.Context(), 1000)
	if err != nil {
		t.Fatal(err)
	}
	var types []string
	var seen []core.Spread
	for _, e := range events {
		types, seen = append(types, string(e.Type)), append(seen, core.Spread{EventID: e.ID})
	}
	if err := s.SpreadEvents(t.Context(), seen); err != nil {
		t.Fatal(err)
	}
	return strings.Join(types, " ")
}

// testEventsOfChanges: each method that changes what events tell of stores its
// event, once, and none when it changes nothing. Every type has a line here.
func testEventsOfChanges(t *testing.T, s core.Store) {
	ctx := t.Context()
	company(t, s)
	k := key("key_e")
	on, off, name := true, false, "x"
	update := func(u core.KeyUpdate) error { _, err := s.UpdateKey(ctx, k.ID, u, At); return err }
	hook := webhook("whk_e")
	told(t, s)
	seen := map[core.EventType]bool{}
	for _, c := range []struct {
		what string
		do   func() error
		want core.EventType // "" for none
	}{
		{"CreateKey", func() error { return s.CreateKey(ctx, k, core.SecretHash{0xe}, nil) }, core.EventKeyCreated},
		{"CreateKey that fails", func() error { return except(core.CodeConflict, s.CreateKey(ctx, k, core.SecretHash{0xe}, nil)) }, ""},
		{"UpdateKey to block", func() error { return update(core.KeyUpdate{Blocked: &on}) }, core.EventKeyBlocked},
		{"UpdateKey to block again", func() error { return update(core.KeyUpdate{Blocked: &on}) }, ""},
		{"UpdateKey of another member", func() error { return update(core.KeyUpdate{Name: &name}) }, ""},
		{"UpdateKey to unblock", func() error { return update(core.KeyUpdate{Blocked: &off}) }, core.EventKeyUnblocked},
		{"RotateKey", func() error { return s.RotateKey(ctx, k.ID, core.SecretHash{0xf}, "sk-x", "wxyz", At, At) }, core.EventKeyRotated},
		{"RotateKey that fails", func() error {
			return except(core.CodeConflict, s.RotateKey(ctx, k.ID, core.SecretHash{0xf}, "sk-x", "wxyz", At, At))
		}, ""},
		{"DeleteKey", func() error { return s.DeleteKey(ctx, k.ID, At) }, core.EventKeyDeleted},
		{"DeleteKey again", func() error { return except(core.CodeNotFound, s.DeleteKey(ctx, k.ID, At)) }, ""},
		{"CreateUser", func() error {
			return s.CreateUser(ctx, &core.User{ID: "usr_e", Name: "E", Email: "e@example.com", CreatedAt: At, UpdatedAt: At})
		}, core.EventUserCreated},
		{"DeleteUser", func() error { return s.DeleteUser(ctx, "usr_e", At) }, core.EventUserDeleted},
		{"DeleteUser again", func() error { return except(core.CodeNotFound, s.DeleteUser(ctx, "usr_e", At)) }, ""},
		{"CreateInvite", func() error {
			return s.CreateInvite(ctx, invite("inv_e", "e@example.com", core.RoleAdmin, "", ""), core.SecretHash{0xee})
		}, core.EventInviteCreated},
		{"AppendRevision", func() error { return s.AppendRevision(ctx, Revision(1)) }, core.EventConfigApplied},
		{"AppendRevision again", func() error { return except(core.CodeConflict, s.AppendRevision(ctx, Revision(1))) }, ""},
		{"CreateWebhook", func() error { return s.CreateWebhook(ctx, hook) }, ""},
		{"DisableWebhook", func() error { return s.DisableWebhook(ctx, hook.ID, "gone", At) }, core.EventWebhookDisabled},
		{"DisableWebhook again", func() error { return s.DisableWebhook(ctx, hook.ID, "gone", At) }, ""},
	} {
		if err := c.do(); err != nil {
			t.Fatalf("%s: %v", c.what, err)
		}
		if got := told(t, s); got != string(c.want) {
			t.Errorf("%s told %q, want %q", c.what, got, c.want)
		}
		seen[c.want] = true
	}
	for _, e := range core.EventTypes() {
		if elsewhere := contains(toldElsewhere, e); seen[e] == elsewhere {
			t.Errorf("%s: told by the store %v, elsewhere %v", e, seen[e], elsewhere)
		}
	}
	// What is told names whom it concerns, and no secret.
	events, _, err := s.ListEvents(ctx, core.EventFilter{Type: core.EventKeyRotated, Page: core.Page{Limit: 1}})
	if err != nil || len(events) != 1 || events[0].KeyID != k.ID || !events[0].At.Equal(At) || !strings.Contains(string(events[0].Data), `"last_four":"wxyz","expires_at"`) {
		t.Errorf("got %+v, %v", events, err)
	}
}

func contains(list []core.EventType, e core.EventType) bool {
	for _, x := range list {
		if x == e {
			return true
		}
	}
	return false
}

// except forgives an error of the code.
func except(code core.Code, err error) error {
	if e := core.AsError(err); e != nil && e.Code == code {
		return nil
	}
	return fmt.Errorf("got %v, want %s", err, code)
}

func event(n int, once string) *core.Event {
	return &core.Event{ID: fmt.Sprintf("evt_%06d", n), Type: core.EventPriceMissing, At: At.Add(time.Duration(n) * time.Second),
		OrganizationID: "org_1", TeamID: "tea_1", UserID: "usr_1", KeyID: "key_1", Data: []byte(`{"model": "m"}`), Once: once}
}

func testEvents(t *testing.T, s core.Store) {
	ctx := t.Context()
	want := event(1, "a")
	other := event(2, "")
	other.OrganizationID, other.Type = "", core.EventBudgetExceeded
	if n, err := s.AddEvents(ctx, []*core.Event{want, event(3, "a"), other, event(4, ""), event(5, "")}); n != 4 || err != nil {
		t.Fatalf("added %d, %v", n, err)
	}
	if n, err := s.AddEvents(ctx, []*core.Event{event(6, "a")}); n != 0 || err != nil {
		t.Errorf("one that was there already was added: %d, %v", n, err)
	}
	got, err := s.FindEventByID(ctx, want.ID)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "event", got, want)
	_, err = s.FindEventByID(ctx, "evt_x")
	wantCode(t, err, core.CodeNotFound)
	for name, c := range map[string]struct {
		f    core.EventFilter
		want string
	}{
		"all": {core.EventFilter{}, "5 4 2 1"}, "type": {core.EventFilter{Type: core.EventBudgetExceeded}, "2"},
		"organization": {core.EventFilter{OrganizationID: "org_1"}, "5 4 1"}, "time": {core.EventFilter{From: other.At, To: other.At.Add(1)}, "2"},
		"page": {core.EventFilter{Page: core.Page{Limit: 1, Cursor: "evt_000004"}}, "2+"},
	} {
		if c.f.Limit == 0 {
			c.f.Limit = 10
		}
		list, next, err := s.ListEvents(ctx, c.f)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Join(ids(list, func(e *core.Event) string { return strings.TrimLeft(strings.TrimPrefix(e.ID, "evt_"), "0") }), " ")
		if next != "" {
			text += "+"
		}
		equal(t, name, text, c.want)
	}
	_, _, err = s.ListEvents(ctx, core.EventFilter{})
	wantCode(t, err, core.CodeInvalidRequest)
}

func webhook(id string) *core.Webhook {
	since := At.Add(-time.Hour)
	return &core.Webhook{ID: id, OrganizationID: "org_1", URL: "https://example.com/***", Description: "d", Types: []core.EventType{core.EventKeyCreated},
		Enabled: true, FailingSince: &since, Sealed: "s", CreatedAt: At, UpdatedAt: At}
}

func testWebhooks(t *testing.T, s core.Store) {
	ctx := t.Context()
	company(t, s)
	want := webhook("whk_1")
	all := webhook("whk_2")
	all.OrganizationID, all.Types, all.FailingSince = "", nil, nil
	for _, w := range []*core.Webhook{want, all} {
		if err := s.CreateWebhook(ctx, w); err != nil {
			t.Fatal(err)
		}
	}
	stranger := webhook("whk_3")
	stranger.OrganizationID = "org_none"
	wantError(t, "organization", s.CreateWebhook(ctx, stranger), core.CodeInvalidRequest, "organization_id", "")
	got, err := s.FindWebhookByID(ctx, want.ID)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "webhook", got, want)
	if got, _ := s.FindWebhookByID(ctx, all.ID); got == nil || got.Types == nil || len(got.Types) != 0 {
		t.Errorf("a nil list became %+v", got)
	}

	note := func(worked bool, at time.Time) *time.Time {
		t.Helper()
		if err := s.NoteWebhook(ctx, want.ID, worked, at); err != nil {
			t.Fatal(err)
		}
		got, err := s.FindWebhookByID(ctx, want.ID)
		if err != nil {
			t.Fatal(err)
		}
		return got.FailingSince
	}
	equal(t, "fails still", note(false, At), want.FailingSince)
	equal(t, "works", note(true, At), (*time.Time)(nil))
	at := At
	equal(t, "fails again", note(false, At), &at)
	if err := s.DisableWebhook(ctx, want.ID, "it is gone", At); err != nil {
		t.Fatal(err)
	}
	got, _ = s.FindWebhookByID(ctx, want.ID)
	if got.Enabled || got.DisabledReason != "it is gone" {
		t.Errorf("not disabled: %+v", got)
	}
	list := func(f core.WebhookFilter) string {
		t.Helper()
		f.Limit = 10
		found, _, err := s.ListWebhooks(ctx, f)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(ids(found, func(w *core.Webhook) string { return w.ID }), " ")
	}
	on, organization := true, "org_1"
	equal(t, "all", list(core.WebhookFilter{}), "whk_2 whk_1")
	equal(t, "enabled", list(core.WebhookFilter{Enabled: &on}), "whk_2")
	equal(t, "of the organization", list(core.WebhookFilter{OrganizationID: &organization}), "whk_1")

	url, sealed, description, types := "https://example.org", "t", "", []core.EventType{core.AllEvents}
	got, err = s.UpdateWebhook(ctx, want.ID, core.WebhookUpdate{URL: &url, Sealed: &sealed, Description: &description, Types: &types, Enabled: &on}, At.Add(1))
	if err != nil {
		t.Fatal(err)
	}
	want.URL, want.Sealed, want.Description, want.Types, want.FailingSince, want.UpdatedAt = url, sealed, description, types, nil, At.Add(1)
	equal(t, "updated", got, want)
	if err := s.DeleteWebhook(ctx, want.ID, At); err != nil {
		t.Fatal(err)
	}
	if got, err := s.FindWebhookByID(ctx, want.ID); err != nil || got.DeletedAt == nil || got.Sealed != "" {
		t.Errorf("deleted: %+v, %v", got, err)
	}
	_, err = s.UpdateWebhook(ctx, want.ID, core.WebhookUpdate{}, At)
	wantCode(t, err, core.CodeNotFound)
	wantCode(t, s.DeleteWebhook(ctx, want.ID, At), core.CodeNotFound)
	equal(t, "after deletion", list(core.WebhookFilter{}), "whk_2")
}

func delivery(n int, webhook string, due time.Time) *core.Delivery {
	return &core.Delivery{ID: fmt.Sprintf("dlv_%d", n), EventID: "evt_000001", WebhookID: webhook, Type: string(core.EventPriceMissing),
		State: core.DeliveryPending, CreatedAt: At, NextAt: due, Sealed: "s"}
}

func testDeliveries(t *testing.T, s core.Store) {
	ctx := t.Context()
	if _, err := s.AddEvents(ctx, []*core.Event{event(1, ""), event(2, "")}); err != nil {
		t.Fatal(err)
	}
	first := delivery(1, "whk_1", At.Add(2))
	for range 2 { // another node does the same
		if err := s.SpreadEvents(ctx, []core.Spread{{EventID: "evt_000001", Deliveries: []*core.Delivery{first}}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.AddDeliveries(ctx, []*core.Delivery{delivery(2, "whk_2", At.Add(1)), delivery(3, "", At), delivery(4, "whk_1", At.Add(time.Hour))}); err != nil {
		t.Fatal(err)
	}
	due := func(now time.Time, except ...string) string {
		t.Helper()
		list, err := s.ListDueDeliveries(ctx, now, except, 10)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(ids(list, func(d *core.Delivery) string { return d.ID }), " ")
	}
	equal(t, "due", due(At.Add(2)), "dlv_3 dlv_2 dlv_1")
	equal(t, "due but for", due(At.Add(2), "", "whk_2"), "dlv_1")
	equal(t, "due early", due(At), "dlv_3")

	mine, theirs := *first, *first
	for _, c := range []struct {
		d    *core.Delivery
		want bool
	}{{&mine, true}, {&theirs, false}} {
		if got, err := s.ClaimDelivery(ctx, c.d, At, At.Add(time.Minute)); got != c.want || err != nil {
			t.Fatalf("claimed: %v, %v", got, err)
		}
	}
	equal(t, "attempts", mine.Attempts, 1)
	equal(t, "while one is under way", due(At.Add(2)), "dlv_3 dlv_2")
	late := mine
	equal(t, "given up", due(At.Add(time.Minute)), "dlv_3 dlv_2 dlv_1")
	if ok, err := s.ClaimDelivery(ctx, &late, At.Add(time.Minute), At.Add(2*time.Minute)); !ok || err != nil {
		t.Fatal(ok, err)
	}
	mine.State = core.DeliveryFailed // by whom nobody waits for any more
	if err := s.FinishDelivery(ctx, &mine); err != nil {
		t.Fatal(err)
	}
	late.NextAt, late.LastStatus, late.LastError = At.Add(3*time.Minute), 500, "no\x00"
	if err := s.FinishDelivery(ctx, &late); err != nil {
		t.Fatal(err)
	}
	find := func(f core.DeliveryFilter) []*core.Delivery {
		t.Helper()
		f.Limit = 10
		list, _, err := s.ListDeliveries(ctx, f)
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	late.LastError = "no\uFFFD"
	equal(t, "to be tried again", find(core.DeliveryFilter{WebhookID: "whk_1"})[1], &late)
	if ok, err := s.ClaimDelivery(ctx, &late, At, At.Add(time.Hour)); !ok || err != nil {
		t.Fatal(ok, err)
	}
	late.State, late.NextAt = core.DeliveryDelivered, time.Time{}
	if err := s.FinishDelivery(ctx, &late); err != nil {
		t.Fatal(err)
	}
	if late.Sealed != "" {
		t.Error("what was delivered is kept")
	}
	equal(t, "delivered", find(core.DeliveryFilter{State: core.DeliveryDelivered, EventID: "evt_000001"}), []*core.Delivery{&late})
	stats, err := s.CountDeliveries(ctx)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "stats", stats, core.DeliveryStats{Pending: 3, Oldest: At})

	// Retention: what is pending stays, with its event, and what nobody has spread.
	for want, again := 1, 0; again < 2; want, again = 0, again+1 {
		if n, err := s.DeleteOldEvents(ctx, At.Add(time.Hour), 100); n != want || err != nil {
			t.Errorf("deleted %d, %v, want %d", n, err, want)
		}
	}
	equal(t, "not spread", told(t, s), "price.missing")
	equal(t, "left", len(find(core.DeliveryFilter{})), 3)
	if _, err := s.FindEventByID(ctx, "evt_000001"); err != nil {
		t.Error(err)
	}
}

func testEndingKeys(t *testing.T, s core.Store) {
	ctx := t.Context()
	for i, ends := range []time.Duration{time.Hour, 2 * time.Hour, 3 * time.Hour, time.Hour, time.Hour, 0} {
		k := key(fmt.Sprintf("key_%d", i))
		at := At.Add(ends)
		k.ExpiresAt = &at
		if ends == 0 {
			k.ExpiresAt = nil
		}
		k.Blocked = i == 3
		if err := s.CreateKey(ctx, k, core.SecretHash{byte(i + 1)}, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.DeleteKey(ctx, "key_4", At); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		after, until time.Duration
		cursor, want string
	}{{0, 3 * time.Hour, "", "key_0 key_1"}, {0, 3 * time.Hour, "key_1", "key_2"}, {time.Hour, 2 * time.Hour, "", "key_1"}} {
		list, err := s.ListEndingKeys(ctx, At.Add(c.after), At.Add(c.until), c.cursor, 2)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "ending", strings.Join(ids(list, func(k *core.VirtualKey) string { return k.ID }), " "), c.want)
	}
}

package adminapi

import (
	"strings"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
)

// TestTemporaryKeys: a key makes temporary ones with its own secret, which spend
// from its budget too.
func TestTemporaryKeys(t *testing.T) {
	w := newWorld(t)
	w.want(200, "PATCH", "/keys/"+w.plain.ID, `{"budget": {"amount": "5"}, "may_mint": {"max_ttl": "1h", "max_keys": 2, "max_budget": "0.50", "models": ["a"]}}`, nil)
	var k struct {
		ID, Secret string
		ParentID   string `json:"parent_id"`
		ExpiresAt  time.Time
		Budget     struct{ Amount string }
		Models     []string
	}
	for _, tt := range []struct {
		secret, body string
		status       int
		want         string
	}{
		{adminSecret, `{}`, 403, "may not make"},
		{plainSecret, `{"ttl": "2h"}`, 400, `"param":"ttl"`},
		{plainSecret, `{"ttl": "soon"}`, 400, `duration`},
		{plainSecret, `{"models": ["b"]}`, 400, `"param":"models[0]"`},
		{plainSecret, `{"budget": {"amount": "0.51"}}`, 400, `"param":"budget"`},
		{plainSecret, `{"team_id": "tea_1"}`, 400, `unknown member`},
		{plainSecret, `{"ttl": "15m", "name": "job"}`, 201, `"parent_id":"` + w.plain.ID},
		{plainSecret, ``, 201, `"name":"plain"`},
		{plainSecret, `{}`, 409, "2 temporary keys"},
	} {
		status, _, text := w.do(tt.secret, "POST", "/keys/temporary", tt.body)
		if status != tt.status || !strings.Contains(text, tt.want) {
			t.Errorf("%s: status %d, want %d with %s: %s", tt.body, status, tt.status, tt.want, text)
		}
	}
	var list struct{ Data []struct{ ID string } }
	w.want(200, "GET", "/keys?parent_id="+w.plain.ID, "", &list)
	if len(list.Data) != 2 {
		t.Errorf("%+v", list)
	}
	child := list.Data[1].ID
	w.want(200, "GET", "/keys/"+child, "", &k)
	if k.ParentID != w.plain.ID || k.Budget.Amount != "0.50" || len(k.Models) != 1 || k.Secret != "" {
		t.Errorf("%+v", k)
	}
	e := &core.LedgerEntry{ExchangeID: "exc_1", At: w.now, Key: core.Named{ID: child}, ParentKeyID: w.plain.ID, Amount: 1_000_000_000, Outcome: core.OutcomeOK}
	if err := w.ledger.Settle(t.Context(), nil, e, nil); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{child, w.plain.ID} {
		if status, _, text := w.do(adminSecret, "GET", "/keys/"+id, ""); status != 200 || !strings.Contains(text, `"spent":"1.00"`) {
			t.Errorf("%s: %s", id, text)
		}
	}
	var audit struct{ Data []struct{ Action string } }
	w.want(200, "GET", "/audit?object_id="+child, "", &audit)
	if len(audit.Data) != 1 || audit.Data[0].Action != "key.mint" {
		t.Errorf("%+v", audit)
	}
}

// TestRotationSchedule: a key on a schedule rotates itself, with the schedule's
// grace and no other; one without does not.
func TestRotationSchedule(t *testing.T) {
	w := newWorld(t)
	if status, _, text := w.do(plainSecret, "POST", "/keys/"+w.plain.ID+"/rotate", ""); status != 403 {
		t.Errorf("without a schedule: %d %s", status, text)
	}
	due := w.now.Add(24 * time.Hour).Format(time.RFC3339)
	if status, _, text := w.do(adminSecret, "PATCH", "/keys/"+w.plain.ID, `{"rotate_every": "24h", "rotation_grace": "1h"}`); status != 200 ||
		!strings.Contains(text, `"rotate_every":"24h0m0s","rotation_grace":"1h0m0s"`) || !strings.Contains(text, `"rotation_due_at":"`+due+`"`) {
		t.Errorf("%d %s, want %s", status, text, due)
	}
	for body, want := range map[string]string{`{"rotate_every": "1m"}`: `"param":"rotate_every"`, `{"rotate_every": "x"}`: "duration", `{"may_mint": {"max_ttl": "1h"}}`: `"param":"may_mint.max_keys"`} {
		if status, _, text := w.do(adminSecret, "PATCH", "/keys/"+w.plain.ID, body); status != 400 || !strings.Contains(text, want) {
			t.Errorf("%s: %d %s", body, status, text)
		}
	}
	if status, _, text := w.do(plainSecret, "POST", "/keys/"+w.admin.ID+"/rotate", ""); status != 403 {
		t.Errorf("another key: %d %s", status, text)
	}
	if status, _, text := w.do(plainSecret, "POST", "/keys/"+w.plain.ID+"/rotate", `{"grace": "0s"}`); status != 400 || !strings.Contains(text, `"param":"grace"`) {
		t.Errorf("another grace: %d %s", status, text)
	}
	w.now = w.now.Add(24*time.Hour + 30*time.Minute) // due, and the grace is not over
	status, _, text := w.do(plainSecret, "POST", "/keys/"+w.plain.ID+"/rotate", "")
	if status != 200 || !strings.Contains(text, `"secret":"sk-`) {
		t.Fatalf("%d %s", status, text)
	}
	if status, _, _ := w.do(plainSecret, "GET", "/me", ""); status != 200 {
		t.Error("the old secret has no grace")
	}
	w.now = w.now.Add(time.Hour)
	if status, _, _ := w.do(plainSecret, "GET", "/me", ""); status != 401 {
		t.Error("the old secret works on")
	}
}

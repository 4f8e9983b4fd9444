package adminapi

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
)

func TestKeys(t *testing.T) {
	w := newWorld(t)
	var k struct {
		ID, Name, Secret, Prefix string
		AllModels                bool `json:"all_models"`
		Models                   []string
		Limits                   core.Limits
		Blocked                  bool
		ExpiresAt                *time.Time `json:"expires_at"`
		Budget                   *struct {
			Amount, Period, Timezone, Policy, Spent, Reserved string
			ResetsAt                                          *time.Time `json:"resets_at"`
		}
	}
	w.want(201, "POST", "/keys", `{"name": "ci", "models": ["gpt"], "budget": {"amount": "25.00", "period": "month", "timezone": "Europe/Berlin"},
		"limits": {"rpm": 60, "tpm": 100000, "parallel": 4}, "expires_at": null}`, &k)
	secret := k.Secret
	if secret == "" || k.Budget == nil || k.Budget.Amount != "25.00" || k.Budget.Spent != "0.00" || k.Budget.Policy != "strict" ||
		!k.Budget.ResetsAt.Equal(time.Date(2026, 11, 30, 23, 0, 0, 0, time.UTC)) || k.Limits.Parallel != 4 || k.ExpiresAt != nil {
		t.Fatalf("created %+v %+v", k, k.Budget)
	}
	path := "/keys/" + k.ID
	k.Secret = ""
	w.want(200, "GET", path, "", &k)
	if k.Secret != "" || k.Name != "ci" {
		t.Fatalf("read %+v", k)
	}

	w.want(200, "PATCH", path, `{"limits": {"rpm": 5}, "budget": {"amount": "30"}, "expires_at": "2027-01-01T01:00:00+01:00"}`, &k)
	if k.Limits != (core.Limits{RPM: 5, TPM: 100000, Parallel: 4}) || k.Budget.Amount != "30.00" || k.Budget.Period != "month" ||
		!k.ExpiresAt.Equal(time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)) || k.Name != "ci" {
		t.Errorf("changed %+v %+v", k, k.Budget)
	}
	w.want(200, "PATCH", path, `{"budget": null, "expires_at": null, "models": []}`, &k)
	if k.Budget != nil || k.ExpiresAt != nil || len(k.Models) != 0 || k.AllModels || k.Limits.RPM != 5 {
		t.Errorf("taken away %+v", k)
	}

	w.want(200, "PATCH", path, `{"all_models": true}`, &k)
	w.want(200, "PATCH", path, `{"models": ["gpt"]}`, &k)
	if k.AllModels || !slices.Equal(k.Models, []string{"gpt"}) {
		t.Errorf("restricted %+v", k)
	}

	w.want(200, "POST", path+"/rotate", `{"grace": "24h"}`, &k)
	if k.Secret == "" || k.Secret == secret {
		t.Errorf("rotated to %q", k.Secret)
	}
	for s, want := range map[string]int{secret: 200, k.Secret: 200} { // both still are somebody
		if status, _, _ := w.do(s, "GET", "/me", ""); status != want {
			t.Errorf("after rotation: status %d, want %d", status, want)
		}
	}
	w.now = w.now.Add(24 * time.Hour)
	if status, _, _ := w.do(secret, "GET", "/me", ""); status != 401 {
		t.Errorf("after the grace: status %d", status)
	}

	w.want(200, "POST", path+"/block", "", &k)
	if status, _, _ := w.do(k.Secret, "GET", "/me", ""); !k.Blocked || status != 401 {
		t.Errorf("blocked %v, status %d", k.Blocked, status)
	}
	w.want(200, "POST", path+"/unblock", "", &k)
	if k.Blocked {
		t.Error("still blocked")
	}
	w.want(204, "DELETE", path, "", nil)
	w.problemOf(404, "GET", path, "")
	w.problemOf(404, "PATCH", path, `{"name": "x"}`)
	w.problemOf(404, "POST", path+"/rotate", "")
	w.problemOf(409, "DELETE", "/keys/"+w.admin.ID, "")
	w.problemOf(409, "POST", "/keys/"+w.admin.ID+"/block", "")
	w.problemOf(409, "PATCH", "/keys/"+w.admin.ID, `{"expires_at": "2020-01-01T00:00:00Z"}`)
}

func TestKeys_List(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"a", "b", "c"} {
		w.now = w.now.Add(time.Second)
		w.want(201, "POST", "/keys", `{"name": "`+name+`"}`, nil)
	}
	var page struct {
		Data       []struct{ Name string }
		NextCursor *string `json:"next_cursor"`
	}
	var names []string
	for cursor, pages := "", 0; pages == 0 || page.NextCursor != nil; pages++ {
		page.Data, page.NextCursor = nil, nil
		w.want(200, "GET", "/keys?limit=2&cursor="+cursor, "", &page)
		for _, k := range page.Data {
			names = append(names, k.Name)
		}
		if page.NextCursor != nil {
			cursor = *page.NextCursor
		}
		if pages > 5 {
			t.Fatal("no last page")
		}
	}
	slices.Sort(names[3:]) // two keys were made in one instant
	if strings.Join(names, " ") != "c b a admin plain" {
		t.Errorf("names %v", names)
	}
	w.want(200, "GET", "/keys?name=b", "", &page)
	if len(page.Data) != 1 {
		t.Errorf("by name: %v", page.Data)
	}
	_, _, text := w.do(adminSecret, "GET", "/keys?name=nobody", "")
	if strings.TrimSpace(text) != `{"data":[],"next_cursor":null}` {
		t.Errorf("an empty list is %s", text)
	}
}

func TestInput(t *testing.T) {
	w := newWorld(t)
	tests := []struct{ method, path, body, param, detail string }{
		{"POST", "/keys", `{"name": "x", "team": "t"}`, "team", `unknown member "team"`},
		{"POST", "/keys", `{"name": "x", "team_id": "t"}`, "team_id", `team "t" does not exist`},
		{"PATCH", "/keys/" + w.plain.ID, `{"user_id": 5}`, "user_id", "must not be a number"},
		{"PATCH", "/keys/" + w.plain.ID, `{"user_id": "u"}`, "user_id", `user "u" does not exist`},
		{"POST", "/keys", `{"name": "x", "budget": {"amount": "1", "priod": "day"}}`, "budget.priod", "unknown member"},
		{"POST", "/keys", `{"name": "x", "budget": {"amount": 25}}`, "budget.amount", "decimal string"},
		{"POST", "/keys", `{"name": "x", "budget": {"amount": "1e3"}}`, "budget.amount", "not a decimal number"},
		{"POST", "/keys", `{"name": "x", "budget": {"amount": "-1"}}`, "budget.amount", "negative"},
		{"POST", "/keys", `{"name": "x", "budget": {}}`, "budget.amount", "required"},
		{"POST", "/keys", `{"name": "x", "budget": {"amount": "1", "period": "year"}}`, "budget.period", "year"},
		{"POST", "/keys", `{"name": "x", "budget": {"amount": "1", "timezone": "Mars"}}`, "budget.timezone", "Mars"},
		{"POST", "/keys", `{"name": "x", "limits": {"rpm": -1}}`, "limits.rpm", "negative"},
		{"POST", "/keys", `{"name": "x", "limits": {"rpm": "1"}}`, "limits.rpm", "must not be a string"},
		{"POST", "/keys", `{"name": "x", "expires_at": "tomorrow"}`, "expires_at", "must be a time"},
		{"POST", "/keys", `{"name": "x", "expires_at": "2020-01-01T00:00:00Z"}`, "expires_at", "past"},
		{"POST", "/keys", `{"name": ""}`, "name", "empty"},
		{"POST", "/keys", `{"name": "x", "models": ["gpt"], "all_models": true}`, "models", "exclude"},
		{"PATCH", "/keys/" + w.plain.ID, `{"models": ["gpt"], "all_models": true}`, "models", "exclude"},
		{"POST", "/keys", `{"name": "x", "ip_ranges": []}`, "ip_ranges", "empty"},
		{"POST", "/keys", `{"name": "x", "ip_ranges": ["10.0.0.1", "10.0/8"]}`, "ip_ranges[1]", `"10.0/8" is neither`},
		{"POST", "/keys", `{"name": "x", "ip_ranges": [null]}`, "ip_ranges[0]", "neither"},
		{"POST", "/keys", `{"name": "x", "ip_ranges": "10.0.0.1"}`, "ip_ranges", "must not be a string"},
		{"POST", "/keys", `{"name": "x", "endpoints": []}`, "endpoints", "empty"},
		{"POST", "/keys", `{"name": "x", "endpoints": ["models"]}`, "endpoints[0]", "chat, completions, responses, messages, count_tokens, embeddings, rerank"},
		{"PATCH", "/keys/" + w.plain.ID, `{"ip_ranges": []}`, "ip_ranges", "empty"},
		{"PATCH", "/keys/" + w.plain.ID, `{"ip_ranges": ["x"]}`, "ip_ranges[0]", "neither"},
		{"PATCH", "/keys/" + w.plain.ID, `{"ip_ranges": 5}`, "ip_ranges", "must not be a number"},
		{"PATCH", "/keys/" + w.plain.ID, `{"endpoints": []}`, "endpoints", "empty"},
		{"PATCH", "/keys/" + w.plain.ID, `{"endpoints": {}}`, "endpoints", "must not be a object"},
		{"POST", "/keys/bulk", `{"ids": ["key_1"], "action": "burn"}`, "action", "block, unblock, delete"},
		{"POST", "/keys/bulk", `{"ids": ["key_1"]}`, "action", "block, unblock, delete"},
		{"POST", "/keys/bulk", `{"action": "block"}`, "ids", "1 to 1000"},
		{"POST", "/keys/bulk", `{"action": "block", "ids": ["a"` + strings.Repeat(`,"a"`, 1000) + `]}`, "ids", "1 to 1000"},
		{"POST", "/keys/bulk", `{"action": "block", "ids": ["a", "b", "a"]}`, "ids[2]", "twice"},
		{"POST", "/keys", `{"name": null}`, "name", "null"},
		{"POST", "/keys", `{"name": "x", "secret": "short"}`, "secret", "at least"},
		{"POST", "/keys", `{"name": "x"`, "", "too early"},
		{"POST", "/keys", `{"name": "x"} {}`, "", "follows"},
		{"POST", "/keys", `[1]`, "", "must not be"},
		{"POST", "/keys", `null`, "", "must be a JSON object"},
		{"POST", "/keys", `{name}`, "", "byte 2"},
		{"PATCH", "/keys/" + w.plain.ID, `{"budgte": null}`, "budgte", "unknown member"},
		{"PATCH", "/keys/" + w.plain.ID, `{"limits": null}`, "limits", "null"},
		{"PATCH", "/keys/" + w.plain.ID, `{"budget": {"period": "day"}}`, "budget.amount", "required"},
		{"PATCH", "/keys/" + w.plain.ID, `{"budget": {"amount": "1", "x": 1}}`, "budget.x", "unknown member"},
		{"PATCH", "/keys/" + w.plain.ID, `{"expires_at": 5}`, "expires_at", "must be a time"},
		{"POST", "/keys/" + w.plain.ID + "/rotate", `{"grace": "-1h"}`, "grace", "duration"},
		{"POST", "/keys/" + w.plain.ID + "/rotate", `{"grace": "long"}`, "grace", "duration"},
		{"GET", "/keys?limit=0", "", "limit", "1 to 1000"},
		{"GET", "/keys?limit=1001", "", "limit", "1 to 1000"},
		{"GET", "/keys?blocked=maybe", "", "blocked", "true or false"},
		{"GET", "/keys?nmae=x", "", "nmae", "unknown parameter"},
		{"GET", "/ledger?from=yesterday", "", "from", "must be a time"},
		{"GET", "/ledger?outcome=fine", "", "outcome", "is not one of"},
		{"GET", "/ledger?cursor=x", "", "cursor", "cursor"},
		{"GET", "/ledger/export?format=xml", "", "format", "jsonl, csv"},
		{"GET", "/usage?by=tier", "", "by", "is not one of"},
	}
	for _, tt := range tests {
		p := w.problemOf(400, tt.method, tt.path, tt.body)
		if p.Param != tt.param || !strings.Contains(p.Detail, tt.detail) || p.Code != core.CodeInvalidRequest {
			t.Errorf("%s %s %s: %+v, want param %q and %q", tt.method, tt.path, tt.body, p, tt.param, tt.detail)
		}
	}
	w.problemOf(413, "POST", "/keys", `{"name": "`+strings.Repeat("x", maxBody)+`"}`)
	w.problemOf(409, "POST", "/keys", `{"name": "again", "secret": "`+plainSecret+`"}`)
}

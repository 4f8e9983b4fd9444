package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tokligence/gateway/core"
)

// The firm of this test: as many organizations, teams and keys as its name says.
const (
	firmOrgs, firmTeams, firmKeys = 3, 10, 1000
	firmCallers                   = 24 // requests at a time
)

// firmPlace is an organization or a team with the key that manages it.
type firmPlace struct {
	id, parent, admin string
	budget            core.Nano // 0 for none
	keys              []key
}

// as calls the API with a key of its own and wants success.
func (g *gateway) as(secret, method, path, body string, out any) {
	g.t.Helper()
	status, raw := g.try(method, "/api/v1"+path, secret, body)
	if status > 299 {
		g.t.Fatalf("%s %s %s: %d %s", method, path, body, status, raw)
	}
	if out != nil {
		if err := json.Unmarshal(raw, out); err != nil {
			g.t.Fatalf("%s %s: %v in %s", method, path, err, raw)
		}
	}
}

// found makes an organization or a team, and a key that manages it, in the name
// of whoever manages what is above it.
func (g *gateway) found(by, path, name, more, role, member string, budget core.Nano) *firmPlace {
	g.t.Helper()
	p := &firmPlace{budget: budget}
	if budget > 0 {
		more += fmt.Sprintf(`, "budget": {"amount": "%s", "period": "month"}`, budget)
	}
	var made struct{ ID string }
	g.as(by, "POST", path, fmt.Sprintf(`{"name": %q %s}`, name, more), &made)
	p.id = made.ID
	var k key
	g.as(by, "POST", "/keys", fmt.Sprintf(`{"name": "admin of %s", "role": %q, %q: %q}`, name, role, member, p.id), &k)
	p.admin = k.Secret
	return p
}

// TestGateway_Company runs a company through the API alone: an organization's
// admin makes its teams, a team's admin its keys. All keys spend at once, and
// nobody sees or spends beyond their place.
func TestGateway_Company(t *testing.T) {
	v := newVendor(t)
	g := newGateway(t, settings, v)
	g.start()
	worst := g.worstCase(v)
	var orgs, teams []*firmPlace
	for n := range firmOrgs {
		budget := core.Nano(0)
		if n == 1 { // less than its keys would spend
			budget = 60 * worst
		}
		orgs = append(orgs, g.found(adminSecret, "/orgs", fmt.Sprint("org ", n), "", "org_admin", "organization_id", budget))
	}
	for n := range firmTeams {
		o, budget := orgs[n%firmOrgs], core.Nano(0)
		if n%4 == 2 {
			budget = 10 * worst
		}
		p := g.found(o.admin, "/teams", fmt.Sprint("team ", n), fmt.Sprintf(`, "organization_id": %q, "models": ["m"]`, o.id), "team_admin", "team_id", budget)
		p.parent = o.id
		teams = append(teams, p)
	}
	for n := range firmKeys {
		p := teams[n%firmTeams]
		var k key
		g.as(p.admin, "POST", "/keys", fmt.Sprintf(`{"name": "key %d", "all_models": true, "team_id": %q}`, n, p.id), &k)
		p.keys = append(p.keys, k)
	}
	answered := g.spend(teams)
	g.complete(v)
	entries := g.entries()
	g.withinBudgets(entries, orgs, teams, worst, answered)
	for _, o := range orgs {
		g.seesOnly(o.admin, entries, func(e *core.LedgerEntry) bool { return e.Organization.ID == o.id }, countKeys(teams, func(p *firmPlace) bool { return p.parent == o.id })+1)
	}
	for _, p := range teams {
		g.seesOnly(p.admin, entries, func(e *core.LedgerEntry) bool { return e.Team.ID == p.id }, len(p.keys)+1)
	}
	g.keepsOut(orgs, teams)
	if out, err := g.command("ledger", "verify").CombinedOutput(); err != nil {
		t.Errorf("ledger verify: %v %s", err, out)
	}
}

func countKeys(teams []*firmPlace, of func(*firmPlace) bool) (n int) {
	for _, p := range teams {
		if of(p) {
			n += len(p.keys) + 1 // and the one that manages it
		}
	}
	return n
}

// spend sends a request with every key, many at a time, and counts those that
// were answered, by team. The rest must have been refused for want of money.
func (g *gateway) spend(teams []*firmPlace) map[string]int {
	var (
		work     sync.WaitGroup
		lock     sync.Mutex
		answered = map[string]int{}
		queue    = make(chan *firmPlace, firmKeys)
		next     = map[string]int{}
	)
	for range firmKeys / firmTeams {
		for _, p := range teams {
			queue <- p
		}
	}
	close(queue)
	for range firmCallers {
		work.Go(func() {
			for p := range queue {
				lock.Lock()
				n := next[p.id]
				next[p.id]++
				lock.Unlock()
				a := g.ask(p.keys[n].Secret, "m", fmt.Sprintf("%s.%d", p.id, n), n%3 == 0)
				lock.Lock()
				if a.whole {
					answered[p.id]++
				} else if a.status != http.StatusPaymentRequired {
					g.t.Errorf("%s: %d %s", a.user, a.status, a.body)
				}
				lock.Unlock()
			}
		})
	}
	work.Wait()
	return answered
}

// withinBudgets compares what was spent with what was allowed: never more, and
// so nearly all that not one more request would have fitted.
func (g *gateway) withinBudgets(entries []*core.LedgerEntry, orgs, teams []*firmPlace, worst core.Nano, answered map[string]int) {
	spent := map[string]core.Nano{}
	for _, e := range entries {
		spent[e.Organization.ID] += e.Amount
		spent[e.Team.ID] += e.Amount
	}
	for _, p := range append(slices.Clone(orgs), teams...) {
		if p.budget > 0 && spent[p.id] > p.budget {
			g.t.Errorf("%s spent %s of %s", p.id, spent[p.id], p.budget)
		}
	}
	for _, p := range teams {
		limited := p.budget > 0 || p.parent == orgs[1].id
		if !limited && answered[p.id] != len(p.keys) {
			g.t.Errorf("%d of %d keys of a team without a budget were answered", answered[p.id], len(p.keys))
		}
		if limited && (answered[p.id] == len(p.keys) || answered[p.id] == 0 && p.parent != orgs[1].id) {
			g.t.Errorf("%d of %d keys were answered, for %s", answered[p.id], len(p.keys), p.budget)
		}
	}
	if left := orgs[1].budget - spent[orgs[1].id]; left >= worst {
		g.t.Errorf("%s was left while keys were refused", left)
	}
}

// seesOnly holds what an admin is shown of the ledger, of usage and of keys
// against the entries that are his.
func (g *gateway) seesOnly(admin string, entries []*core.LedgerEntry, his func(*core.LedgerEntry) bool, keys int) {
	g.t.Helper()
	var want []string
	var amount core.Nano
	for _, e := range entries {
		if his(e) {
			want = append(want, e.ID)
			amount += e.Amount
		}
	}
	status, raw := g.try("GET", "/api/v1/ledger/export?format=csv", admin, "")
	var got []string
	for _, line := range strings.Split(strings.TrimSpace(string(raw)), "\n")[1:] {
		got = append(got, line[:strings.IndexByte(line, ',')])
	}
	if status != http.StatusOK || !slices.Equal(got, want) {
		g.t.Errorf("%d entries are exported, %d are his", len(got), len(want))
	}
	var usage struct {
		Data []struct{ Amount core.Nano }
	}
	g.as(admin, "GET", "/usage?by=team", "", &usage)
	for _, row := range usage.Data {
		amount -= row.Amount
	}
	if amount != 0 {
		g.t.Errorf("usage differs from the entries by %s", amount)
	}
	seen := 0
	for cursor := ""; ; {
		var page struct {
			Data       []key
			NextCursor *string `json:"next_cursor"`
		}
		g.as(admin, "GET", "/keys?limit=300&cursor="+url.QueryEscape(cursor), "", &page)
		if seen += len(page.Data); page.NextCursor == nil {
			break
		}
		cursor = *page.NextCursor
	}
	if seen != keys {
		g.t.Errorf("%d keys are listed, %d are his", seen, keys)
	}
}

// keepsOut tries what each admin must not be able to: anything with what is another's.
func (g *gateway) keepsOut(orgs, teams []*firmPlace) {
	want := func(status int, secret, method, path, body string) {
		g.t.Helper()
		if got, raw := g.try(method, "/api/v1"+path, secret, body); got != status {
			g.t.Errorf("%s %s %s: %d, want %d: %s", method, path, body, got, status, raw)
		}
	}
	for n, p := range teams {
		other := teams[(n+1)%len(teams)] // of another organization, but for the last
		for _, admin := range []string{p.admin, orgs[n%firmOrgs].admin} {
			if other.parent == p.parent && admin != p.admin {
				continue
			}
			theirs := "/keys/" + other.keys[0].ID
			for _, try := range [][3]string{{"GET", theirs}, {"PATCH", theirs, `{"name": "mine"}`}, {"DELETE", theirs}, {"POST", theirs + "/rotate"}, {"POST", theirs + "/block"},
				{"GET", "/teams/" + other.id}, {"PATCH", "/teams/" + other.id, `{"budget": null}`}} {
				want(http.StatusNotFound, admin, try[0], try[1], try[2])
			}
			want(http.StatusBadRequest, admin, "POST", "/keys", fmt.Sprintf(`{"name": "x", "team_id": %q}`, other.id))
			want(http.StatusBadRequest, admin, "PATCH", "/keys/"+p.keys[0].ID, fmt.Sprintf(`{"team_id": %q}`, other.id))
		}
		want(http.StatusForbidden, p.admin, "PATCH", "/teams/"+p.id, `{"budget": null}`)
		want(http.StatusForbidden, p.admin, "PATCH", "/teams/"+p.id, `{"all_models": true}`)
		want(http.StatusForbidden, p.admin, "POST", "/keys", `{"name": "x"}`)
		want(http.StatusForbidden, p.admin, "POST", "/keys", fmt.Sprintf(`{"name": "x", "team_id": %q, "role": "org_admin"}`, p.id))
		want(http.StatusForbidden, p.keys[0].Secret, "GET", "/keys", "")
		want(http.StatusForbidden, p.keys[0].Secret, "GET", "/ledger", "")
		want(http.StatusOK, p.keys[0].Secret, "GET", "/me", "")
	}
	for _, o := range orgs {
		want(http.StatusForbidden, o.admin, "PATCH", "/orgs/"+o.id, `{"budget": null}`)
		want(http.StatusForbidden, o.admin, "POST", "/orgs", `{"name": "another"}`)
		want(http.StatusForbidden, o.admin, "GET", "/audit", "")
	}
}

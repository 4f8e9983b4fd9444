package exchange_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/exchange"
	"github.com/tokligence/gateway/core/guard"
	"github.com/tokligence/gateway/pdk/abi"
)

const plainAnswer = `{"id":"x","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1}}`

// askWith is ask with client headers.
func (r *rig) askWith(p *core.Principal, body string, headers map[string]string) (*recorder, []*core.LedgerEntry) {
	c := &recorder{}
	r.exchanger.Do(context.Background(), p, &exchange.Request{Endpoint: abi.Chat, Body: []byte(body), Arrived: time.Now(), Header: func(name string) string { return headers[name] }}, c)
	return c, r.entries(p)
}

// The policy says whose word names the end user; without one it is the body's.
func TestExchange_EndUser(t *testing.T) {
	r := newRig(t, core.Deployment{}, nil)
	r.answer(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, plainAnswer) })
	all := []string{core.EndUserHeader, core.EndUserBody, core.EndUserMetadata}
	for n, c := range []struct {
		policy   *core.EndUserPolicy
		body     string
		header   map[string]string
		want     string
		required bool // and refused
	}{
		{nil, `"user":"bo"`, map[string]string{core.DefaultEndUserHeader: "he"}, "bo", false},
		{nil, `"metadata":{"user_id":"me"}`, nil, "", false},
		{&core.EndUserPolicy{From: all}, `"user":"bo","metadata":{"user_id":"me"}`, map[string]string{core.DefaultEndUserHeader: "he"}, "he", false},
		{&core.EndUserPolicy{From: all}, `"user":"bo","metadata":{"user_id":"me"}`, nil, "bo", false},
		{&core.EndUserPolicy{From: all}, `"metadata":{"user_id":"me"}`, nil, "me", false},
		{&core.EndUserPolicy{From: all}, `"x":1`, nil, "", false},
		{&core.EndUserPolicy{From: all, Required: true}, `"x":1`, nil, "", true},
		{&core.EndUserPolicy{From: []string{core.EndUserHeader}, Header: "x-who"}, `"user":"bo"`, map[string]string{core.DefaultEndUserHeader: "he", "x-who": "own"}, "own", false},
		{&core.EndUserPolicy{From: []string{core.EndUserHeader}}, `"user":"bo"`, nil, "", false}, // no other place counts
		{&core.EndUserPolicy{From: []string{core.EndUserHeader}, Required: true}, `"user":"bo"`, nil, "", true},
		{&core.EndUserPolicy{Fixed: "batch"}, `"user":"bo","metadata":{"user_id":"me"}`, map[string]string{core.DefaultEndUserHeader: "he"}, "batch", false},
	} {
		p := r.key("", core.Limits{})
		p.Key.EndUser = c.policy
		if c.policy != nil {
			if err := c.policy.Check(); err != nil {
				t.Errorf("%d: %v", n, err)
			}
		}
		before := r.hits.Load()
		got, entries := r.askWith(p, `{"model":"m","messages":[{"role":"user","content":"hi"}],`+c.body+`}`, c.header)
		switch {
		case c.required:
			if got.status != 400 || !strings.Contains(got.body.String(), `"param":"user"`) || len(entries) != 0 || r.hits.Load() != before {
				t.Errorf("%d: status %d: %s", n, got.status, got.body.String())
			}
		case got.status != 200 || entries[0].EndUser != c.want:
			t.Errorf("%d: status %d, end user %+v, want %q", n, got.status, entries, c.want)
		}
	}
}

func TestExchange_Metadata(t *testing.T) {
	r := newRig(t, core.Deployment{}, nil)
	r.answer(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, plainAnswer) })
	policy := &core.MetadataPolicy{Allowed: []string{"job", "note"}, Required: []string{"job"}, Tags: []string{"job"}}
	for _, c := range []struct {
		policy   *core.MetadataPolicy
		metadata string
		status   int
		say      string
	}{
		{nil, `{"anything": [1]}`, 200, "own"},
		{policy, `{"job":"nightly","note":{"x":1}}`, 200, "own job:nightly"},
		{policy, `{"job":"sk-abcdefghij0123456789ABCD"}`, 200, "own job:***"},
		{policy, `{"note":"x"}`, 400, "metadata.job"},
		{policy, `{"job":7}`, 400, "metadata.job"},
		{policy, `{"job":"a","other":"x"}`, 400, "metadata.other"},
		{policy, `{"job":"a","job":"b"}`, 400, "stands twice"},
		{policy, `{"\u006aob":"a","job":"b"}`, 400, "stands twice"},
		{policy, `null`, 400, "metadata.job"},
		{policy, `"text"`, 400, "must be an object"},
		{&core.MetadataPolicy{Allowed: []string{}}, `{}`, 200, "own"},
		{&core.MetadataPolicy{Allowed: []string{}}, `{"a":1}`, 400, "metadata.a"},
		{&core.MetadataPolicy{Tags: []string{"a"}}, `{"b":"c"}`, 200, "own"},
	} {
		p := r.key("", core.Limits{})
		p.Key.Metadata, p.Tags = c.policy, []string{"own"}
		got, entries := r.ask(p, abi.Chat, `{"model":"m","messages":[{"role":"user","content":"hi"}],"metadata":`+c.metadata+`}`)
		if got.status != c.status {
			t.Errorf("%s: status %d: %s", c.metadata, got.status, got.body.String())
			continue
		}
		said := got.body.String()
		if c.status == 200 {
			said = strings.Join(entries[0].Tags, " ")
		}
		if !strings.Contains(said, c.say) || c.status == 200 && said != c.say {
			t.Errorf("%s: %s, want %s", c.metadata, said, c.say)
		}
	}
}

// Whatever a client sends, whose the request is and who pays stay the key's.
func TestExchange_NothingMovesSpend(t *testing.T) {
	r := newRig(t, core.Deployment{}, nil)
	r.answer(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, plainAnswer) })
	headers := map[string]string{}
	for _, name := range []string{"x-team-id", "x-user-id", "x-organization-id", "openai-organization", "openai-project", "x-project-id", "x-tokligence-team", "x-tokligence-user",
		"x-tokligence-key", "x-litellm-tags", "x-litellm-end-user-id", "x-litellm-customer-id", "x-litellm-spend-logs-metadata", "litellm-changed-by", core.DefaultEndUserHeader} {
		headers[name] = "other"
	}
	ids := `"user_api_key":"key_other","user_api_key_hash":"x","user_api_key_user_id":"usr_other","user_api_key_team_id":"tea_other","user_api_key_org_id":"org_other",` +
		`"team_id":"tea_other","user_id":"usr_other","organization_id":"org_other","project_id":"prj_other","tags":["other"],"spend_logs_metadata":{"team":"other"}`
	for _, more := range []string{``, `,"user":"other"`, `,"metadata":{` + ids + `}`, `,"litellm_metadata":{` + ids + `}`, `,` + strings.ReplaceAll(ids, `"tags"`, `"more_tags"`), `,"tags":["other"]`,
		`,"extra_body":{"metadata":{` + ids + `}}`, `,"key":{"id":"key_other"},"team":{"id":"tea_other"},"organization":{"id":"org_other"},"principal":{}`} {
		p := r.key("1.00", core.Limits{})
		p.Organization, p.Team, p.Project, p.User = core.Named{ID: "org_1", Name: "O"}, core.Named{ID: "tea_1", Name: "T"}, core.Named{ID: "prj_1", Name: "P"}, core.Named{ID: "usr_1", Name: "U"}
		p.Tags = []string{"own"}
		got, entries := r.askWith(p, `{"model":"m","messages":[{"role":"user","content":"hi"}]`+more+`}`, headers)
		if got.status != 200 || len(entries) != 1 {
			t.Fatalf("%s: status %d: %s", more, got.status, got.body.String())
		}
		e := entries[0]
		if e.Key.ID != p.Key.ID || e.Organization != p.Organization || e.Team != p.Team || e.Project != p.Project || e.User != p.User || !slices.Equal(e.Tags, p.Tags) {
			t.Errorf("%s: %+v", more, e)
		}
		if spent, _, _, err := r.ledger.Spent(t.Context(), p.Budgets[0], time.Now()); err != nil || spent != e.Amount || spent == 0 {
			t.Errorf("%s: the key's budget has %s, the entry %s, %v", more, spent, e.Amount, err)
		}
	}
}

// words is a guardrail that blocks a word.
type words string

func (w words) Inspect(_ context.Context, r *abi.InspectRequest) (*abi.InspectReply, error) {
	for _, s := range r.Segments {
		if strings.Contains(s.Text, string(w)) {
			return &abi.InspectReply{Verdict: abi.Block, ClientMessage: "no " + string(w)}, nil
		}
	}
	return &abi.InspectReply{Verdict: abi.Allow}, nil
}

// A key's guardrails are added to those of the route; one that does not exist any
// more lets nothing pass.
func TestExchange_KeyGuardrails(t *testing.T) {
	attach := func(word string) guard.Attachment {
		return guard.Attachment{GuardrailAttachment: core.GuardrailAttachment{Name: word, Plugin: "guardrail." + word, Stages: []string{"input"}}, Guardrail: words(word)}
	}
	log := slog.New(slog.DiscardHandler)
	r := newRig(t, core.Deployment{}, guard.NewChain([]guard.Attachment{attach("route")}, nil, log))
	r.snapshot.Guards = guard.NewShelf([]guard.Attachment{attach("one"), attach("route"), attach("two")}, nil, log)
	r.answer(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, plainAnswer) })
	for _, c := range []struct {
		guardrails []string
		blocks     string // of route, one, two
		status     int
	}{
		{nil, "route", 400}, {[]string{"one"}, "route one", 400}, {[]string{"route"}, "route", 400}, {[]string{"one", "two"}, "route one two", 400},
		{[]string{"gone"}, "route one two fine", 500}, {[]string{"gone", "one"}, "route one two fine", 500},
	} {
		for range 2 { // the second time the chain is there
			for _, word := range []string{"route", "one", "two", "fine"} {
				p := r.key("1.00", core.Limits{})
				p.Guardrails = c.guardrails
				got, entries := r.ask(p, abi.Chat, fmt.Sprintf(`{"model":"m","messages":[{"role":"user","content":"say %s"}]}`, word))
				want := 200
				if slices.Contains(strings.Fields(c.blocks), word) {
					want = c.status
				}
				if got.status != want || len(entries) != 1 {
					t.Errorf("%v, %s: status %d, want %d: %s", c.guardrails, word, got.status, want, got.body.String())
				}
				if want == 500 && (!strings.Contains(got.body.String(), `the guardrail \"gone\"`) || entries[0].Amount != 0 || len(entries[0].Attempts) > 0) {
					t.Errorf("%v: %s, %+v", c.guardrails, got.body.String(), entries[0])
				}
			}
		}
	}
}

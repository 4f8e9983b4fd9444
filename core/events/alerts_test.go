package events

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
)

// postBox is a mail server that answers what it is told to; the real ones are
// in testdata/e2e.
type postBox struct {
	mu  sync.Mutex
	got []string
	err error
}

func (p *postBox) Deliver(_ context.Context, id string, m *core.Mail) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.got = append(p.got, strings.Join([]string{m.To, m.Subject, m.Text, id}, "|"))
	return p.err
}

func newPostBox(t *testing.T, change func(*Options)) (*rig, *postBox) {
	t.Helper()
	p := &postBox{}
	return newRig(t, func(o *Options) {
		o.Mail = p
		if change != nil {
			change(o)
		}
	}), p
}

func TestService_Send(t *testing.T) {
	r, box := newPostBox(t, nil)
	m := core.Mail{Kind: "invite", To: "ada@example.com", Subject: "Welcome", Text: "https://example.com/#MARK\n"}
	if err := r.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if d := r.deliveries()[0]; strings.Contains(fmt.Sprintf("%+v", d), "MARK") || strings.Contains(fmt.Sprintf("%+v", d), "ada@") || d.Type != "invite" {
		t.Errorf("stored %+v", d)
	}
	box.err = &core.MailError{Status: 451, Message: "the mail server answered 451"}
	r.step()
	d := r.deliveries()[0]
	if d.State != core.DeliveryPending || d.LastStatus != 451 || !d.NextAt.Equal(start.Add(delays[0])) {
		t.Errorf("got %+v", d)
	}
	box.err = nil
	r.pass(delays[0])
	r.step()
	if d := r.deliveries()[0]; d.State != core.DeliveryDelivered || d.Attempts != 2 || d.Sealed != "" {
		t.Errorf("got %+v", d)
	}
	if len(box.got) != 2 || box.got[0] != box.got[1] || !strings.HasSuffix(box.got[0], "|"+d.ID) {
		t.Errorf("sent %q", box.got)
	}

	box.err = &core.MailError{Status: 550, Permanent: true, Message: "the mail server answered 550"}
	late := m
	late.Until = r.clock().Add(time.Minute)
	for _, m := range []core.Mail{m, late} {
		if err := r.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		if m.Until == late.Until {
			r.pass(time.Minute)
		}
		r.step()
	}
	var ends []string
	for _, d := range r.deliveries() {
		ends = append(ends, string(d.State)+" "+d.LastError)
	}
	slices.Sort(ends)
	if got := strings.Join(ends, "; "); got != "delivered ; failed it came too late: what it says does not hold any more; failed the mail server answered 550" {
		t.Errorf("got %s", got)
	}
	m.To = "nobody"
	if err := r.Send(t.Context(), m); core.AsError(err) == nil || core.AsError(err).Param != "to" {
		t.Errorf("got %v", err)
	}
	r.Mail = nil
	if err := r.Send(t.Context(), late); core.AsError(err) == nil || core.AsError(err).Code != core.CodeConflict {
		t.Errorf("got %v", err)
	}
}

// TestService_Alerts: an alert goes to those concerned, the nearest first, and
// holds no line that others chose.
func TestService_Alerts(t *testing.T) {
	r, box := newPostBox(t, func(o *Options) {
		o.Alerts, o.AlertsTo = []core.EventType{core.EventBudgetThreshold, core.EventBudgetExceeded, core.EventKeyExpired}, []string{"ops@example.com"}
	})
	company(t, r)
	name := "Research\r\nBcc: eve@example.com"
	if _, err := r.store.UpdateTeam(t.Context(), "tea_1", core.TeamUpdate{Name: &name}, start); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		scope   core.Scope
		id      string
		percent int
		to      string
		subject string
	}{
		{core.ScopeUser, "usr_1", 80, "ada@example.com ops@example.com", "80% of the budget of user Ada is spent"},
		{core.ScopeKey, "key_1", 0, "ada@example.com ops@example.com", "Requests are refused by the budget of key ci"},
		{core.ScopeTeam, "tea_1", 100, "ben@example.com ops@example.com", "100% of the budget of team Research  Bcc: eve@example.com is spent"},
		{core.ScopeOrganization, "org_1", 80, "cyd@example.com ops@example.com", "80% of the budget of organization Org is spent"},
	} {
		box.got = nil
		r.Budget(budgetNotice(&core.Budget{ID: "bud_" + c.id, Scope: c.scope, SubjectID: c.id, Amount: 10 * core.Dollar, Period: core.PeriodDay}, c.percent, r.clock()))
		r.step()
		var to []string
		for _, m := range box.got {
			parts := strings.Split(m, "|")
			to = append(to, parts[0])
			if parts[1] != c.subject || !strings.Contains(parts[2], "The budget starts anew at Thu, 26 Nov 2026 00:00:00 UTC.") {
				t.Errorf("got %s", m)
			}
		}
		slices.Sort(to)
		if got := strings.Join(to, " "); got != c.to {
			t.Errorf("%s: to %s, want %s", c.scope, got, c.to)
		}
	}
	box.got = nil
	r.add(core.KeyEvent(core.EventKeyExpired, &core.VirtualKey{ID: "key_9", Name: "a\nb"}, start), r.event())
	r.step()
	if len(box.got) != 1 || !strings.HasPrefix(box.got[0], "ops@example.com|Gateway: key.expired|") || !strings.Contains(box.got[0], "\nname: a b\n") {
		t.Errorf("got %q", box.got)
	}
}

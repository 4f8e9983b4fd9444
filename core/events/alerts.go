package events

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/tokligence/gateway/core"
)

// Send implements [core.Mailer].
func (s *Service) Send(ctx context.Context, m core.Mail) error {
	if s.Mail == nil {
		return core.Errorf(core.CodeConflict, core.SourceGateway, "no mail server is configured: [smtp]")
	}
	d, err := s.letter(&m, "")
	if err != nil {
		return err
	}
	if err := s.Store.AddDeliveries(ctx, []*core.Delivery{d}); err != nil {
		return err
	}
	s.Wake()
	return nil
}

const mailKind = "mail"

// letter makes the delivery of a mail that the event, "" for none, led to.
func (s *Service) letter(m *core.Mail, eventID string) (*core.Delivery, error) {
	if err := m.Validate(); err != nil {
		return nil, err
	}
	now := s.Now()
	d := delivery(&core.Event{ID: eventID, Type: core.EventType(cmp.Or(m.Kind, mailKind))}, "", now)
	raw, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	d.Sealed, err = s.Sealer.Seal(core.SealedAt{Kind: mailKind, ID: d.ID}, raw)
	return d, err
}

// mailOut makes one attempt to send a mail.
func (s *Service) mailOut(ctx context.Context, d *core.Delivery) outcome {
	if s.Mail == nil {
		return outcome{err: "no mail server is configured: [smtp]"}
	}
	raw, err := s.Sealer.Open(core.SealedAt{Kind: mailKind, ID: d.ID}, d.Sealed)
	if err != nil {
		return s.ownFault(d, err)
	}
	var m core.Mail
	if json.Unmarshal(raw, &m) != nil {
		return refusedFor("the mail is damaged")
	}
	if !m.Until.IsZero() && !s.Now().Before(m.Until) {
		return refusedFor("it came too late: what it says does not hold any more")
	}
	err = s.Mail.Deliver(ctx, d.ID, &m)
	if err == nil {
		return outcome{}
	}
	o := outcome{err: "the mail server did not take it"}
	if e := (*core.MailError)(nil); errors.As(err, &e) {
		o.status, o.err, o.final = e.Status, e.Message, e.Permanent
	}
	return o
}

// mails are the alerts that an event leads to.
func (s *Service) mails(ctx context.Context, e *core.Event) (list []*core.Delivery, err error) {
	if s.Mail == nil || !slices.Contains(s.Alerts, e.Type) {
		return nil, nil
	}
	to, err := s.concerned(ctx, e)
	if err != nil {
		return nil, err
	}
	m := alert(e)
	for _, m.To = range to {
		d, err := s.letter(m, e.ID)
		if err != nil { // no reason to hold up what others are told
			s.Log.Error("an alert could not be mailed", "event", e.ID, "error", err)
			continue
		}
		list = append(list, d)
	}
	return list, nil
}

// concerned are the addresses of those whom an event is mailed to: the user whom
// it is about; else those who run the team; else those who run the organization.
func (s *Service) concerned(ctx context.Context, e *core.Event) ([]string, error) {
	var found []string
	var err error
	if e.UserID != "" {
		found, err = s.addresses(ctx, []string{e.UserID})
	}
	if err == nil && len(found) == 0 && e.TeamID != "" {
		found, err = s.admins(ctx, core.MembershipFilter{TeamID: &e.TeamID}, core.RoleTeamAdmin)
	}
	if err == nil && len(found) == 0 && e.OrganizationID != "" {
		found, err = s.admins(ctx, core.MembershipFilter{OrganizationID: &e.OrganizationID}, core.RoleOwner, core.RoleAdmin, core.RoleOrgAdmin)
	}
	all := append(slices.Clone(s.AlertsTo), found...)
	slices.Sort(all)
	return slices.Compact(all), err
}

// admins are the addresses of the members that have one of the roles.
func (s *Service) admins(ctx context.Context, f core.MembershipFilter, roles ...core.Role) ([]string, error) {
	f.Limit = 1000
	var users []string
	for first := true; first || f.Cursor != ""; first = false {
		list, next, err := s.Store.ListMemberships(ctx, f)
		if err != nil {
			return nil, err
		}
		for _, m := range list {
			if slices.Contains(roles, m.Role) {
				users = append(users, m.UserID)
			}
		}
		f.Cursor = next
	}
	return s.addresses(ctx, users)
}

func (s *Service) addresses(ctx context.Context, users []string) (list []string, err error) {
	for _, id := range users {
		u, err := s.Store.FindUserByID(ctx, id)
		if err != nil && core.AsError(err).Code == core.CodeNotFound {
			continue
		}
		if err != nil {
			return nil, err
		}
		if u.DeletedAt == nil && u.Email != "" {
			list = append(list, u.Email)
		}
	}
	return list, nil
}

// belongs is whom the subject of a budget belongs to, and what it is called.
type belongs struct{ name, organization, team, user, key string }

// whose finds that of a budget's subject. One that is gone has no name.
func (s *Service) whose(ctx context.Context, scope core.Scope, id string) (b belongs, err error) {
	switch scope {
	case core.ScopeKey:
		var k *core.VirtualKey
		b.key = id
		if k, err = s.Store.FindKeyByID(ctx, id); err == nil {
			b = belongs{k.Name, k.OrganizationID, k.TeamID, k.UserID, k.ID}
		}
	case core.ScopeMember:
		team, user, _ := strings.Cut(id, "/") // see core.MemberSubject
		if b, err = s.whose(ctx, core.ScopeTeam, team); err == nil {
			var u belongs
			u, err = s.whose(ctx, core.ScopeUser, user)
			b.name, b.user = u.name+" in "+b.name, user
		}
	case core.ScopeProject:
		var p *core.Project
		if p, err = s.Store.FindProjectByID(ctx, id); err == nil {
			b.name, b.organization, b.team = p.Name, p.OrganizationID, p.TeamID
		}
	case core.ScopeTeam:
		var t *core.Team
		b.team = id
		if t, err = s.Store.FindTeamByID(ctx, id); err == nil {
			b.name, b.organization = t.Name, t.OrganizationID
		}
	case core.ScopeOrganization:
		var o *core.Organization
		b.organization = id
		if o, err = s.Store.FindOrganizationByID(ctx, id); err == nil {
			b.name = o.Name
		}
	case core.ScopeUser:
		var u *core.User
		b.user = id
		if u, err = s.Store.FindUserByID(ctx, id); err == nil {
			b.name = u.Name
		}
	}
	if err != nil && core.AsError(err).Code == core.CodeNotFound {
		err = nil
	}
	return b, err
}

// alert is the mail about an event; To is left out.
func alert(e *core.Event) *core.Mail {
	m := &core.Mail{Kind: string(e.Type)}
	if e.Type == core.EventBudgetThreshold || e.Type == core.EventBudgetExceeded {
		budgetAlert(e, m)
	} else {
		m.Subject, m.Text = "Gateway: "+string(e.Type), "The gateway reports "+string(e.Type)+" at "+e.At.UTC().Format(time.RFC1123)+".\n\n"+facts(e.Data)
	}
	m.Subject = oneLine(m.Subject)
	return m
}

func budgetAlert(e *core.Event, m *core.Mail) {
	var d core.BudgetEventData
	_ = json.Unmarshal(e.Data, &d) // of our own making
	whose := fmt.Sprintf("the budget of %s %s", d.Scope, cmp.Or(d.Subject, d.SubjectID))
	var first string
	if d.Percent > 0 {
		m.Subject = fmt.Sprintf("%d%% of %s is spent", d.Percent, whose)
		first = fmt.Sprintf("%d%% of %s is spent: $%s of $%s.", d.Percent, whose, d.Spent, d.Amount)
	} else {
		m.Subject = "Requests are refused by " + whose
		first = fmt.Sprintf("A request was refused, since what is left of %s does not hold what the request may cost. $%s of $%s is spent, and $%s is held for requests under way.",
			whose, d.Spent, d.Amount, d.Reserved)
	}
	end := "The budget does not start anew by itself."
	if d.ResetsAt != nil {
		end = "The budget starts anew at " + d.ResetsAt.UTC().Format(time.RFC1123) + "."
	}
	m.Text = oneLine(first) + "\n\n" + end + "\n"
}

// facts are the members of an event's data, one a line.
func facts(data json.RawMessage) string {
	var members map[string]any
	_ = json.Unmarshal(data, &members) // of our own making
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if v := members[name]; v != nil && v != "" {
			b.WriteString(name + ": " + oneLine(fmt.Sprint(v)) + "\n")
		}
	}
	return b.String()
}

// oneLine makes text that others chose fit for a subject, and for one line.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	const longest = 400
	if len(s) > longest {
		s = strings.ToValidUTF8(s[:longest], "") + "…"
	}
	return s
}

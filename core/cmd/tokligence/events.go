package main

import (
	"fmt"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/config"
	"github.com/tokligence/gateway/core/events"
	"github.com/tokligence/gateway/core/obs"
	"github.com/tokligence/gateway/core/plugin"
	"github.com/tokligence/gateway/core/routing"
	"github.com/tokligence/gateway/core/smtp"
)

// openEvents makes what tells others of events, and has others tell it.
func (m *Main) openEvents(c *config.Config) error {
	server, err := mailServer(c)
	if err != nil {
		return err
	}
	m.events = events.New(events.Options{Store: m.store, Client: m.client, Sealer: m.sealer, Reach: &c.Security.Reach,
		Mail: server, Alerts: c.Events.Mail, AlertsTo: c.Events.MailTo, Poll: (&breakers{m: m}).look,
		Retention: time.Duration(c.Events.RetentionDays) * 24 * time.Hour, Now: time.Now, Log: m.log})
	m.states.Tell = func(c routing.Change) { m.events.Deployment(c.Deployment, c.CoolingUntil, c.Error, c.At) }
	m.metrics.Register(obs.EventsCollector(m.events))
	return nil
}

// tellOfBudget is given to the ledger, which is there before the events are, and
// called by the first request.
func (m *Main) tellOfBudget(n core.BudgetNotice) bool { return m.events.Budget(n) }

// mailer sends mail, nil when no mail server is configured.
func (m *Main) mailer(c *config.Config) core.Mailer {
	if c.SMTP.Host == "" {
		return nil
	}
	return m.events
}

// mailServer is the one that is configured, nil when there is none.
func mailServer(c *config.Config) (events.MailServer, error) {
	s := c.SMTP
	if s.Host == "" {
		return nil, nil
	}
	server, err := smtp.New(smtp.Options{Host: s.Host, Port: int(s.Port), Username: s.Username, Password: s.Password, From: s.From, TLS: s.TLS,
		Timeout: s.Timeout, Now: time.Now})
	if err != nil {
		return nil, fmt.Errorf("smtp: %w", err)
	}
	return server, nil
}

// breakers tells when a plugin failed so often that it is left alone. It looks at
// counters, so that a call pays nothing for it.
type breakers struct {
	m    *Main
	seen map[plugin.Plugin]uint64
}

// look is called by one goroutine.
func (b *breakers) look(now time.Time) {
	seen := map[plugin.Plugin]uint64{}
	for _, l := range b.m.loader.Loaded() {
		s := l.Plugin.Stats()
		if s.BreakerOpened > b.seen[l.Plugin] {
			b.m.events.PluginFailed(l.Declaration.ID, string(s.OpenedBy), now)
		}
		seen[l.Plugin] = s.BreakerOpened
	}
	b.seen = seen
}

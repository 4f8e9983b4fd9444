package config

import (
	"net/mail"
	"strings"
	"time"

	"github.com/tokligence/gateway/core"
)

// Events is [events]: what is told to webhooks and by mail.
type Events struct {
	RetentionDays int64            // how long events and their deliveries are kept
	Mail          []core.EventType // that are mailed to the people concerned
	MailTo        []string         // who gets them too
}

var eventsFields = []field[Events]{
	whole("retention_days", "30", "how long events and their deliveries are kept",
		func(e *Events) *int64 { return &e.RetentionDays }, positive[int64]),
	{
		Field: Field{Name: "mail", Type: "list of strings", Default: `["budget.threshold", "budget.exceeded"]`,
			Doc: "types of events that are mailed to the people concerned: the user, else the team's admins, else the organization's; needs [smtp]"},
		set: setEventMail,
	},
	{
		Field: Field{Name: "mail_to", Type: "list of strings", Default: "[]", Doc: "addresses that get these mails too, whoever is concerned"},
		set:   setMailTo,
	},
}

func setEventMail(e *Events, v value) {
	list, ok := v.texts()
	if !ok {
		return
	}
	e.Mail = nil
	for i, t := range list {
		if err := core.CheckEventTypes([]core.EventType{core.EventType(t)}); err != nil || t == string(core.AllEvents) {
			v.l.fail(v.at.element(i), "%q is not a type of events", t)
		}
		e.Mail = append(e.Mail, core.EventType(t))
	}
}

func setMailTo(e *Events, v value) {
	list, ok := v.texts()
	if !ok {
		return
	}
	for i, address := range list {
		clean, err := core.CheckEmail(address)
		if err != nil {
			v.l.fail(v.at.element(i), "%q is not an address", address)
		}
		e.MailTo = append(e.MailTo, clean)
	}
}

// SMTP is [smtp]: the mail server. It prints without its password.
type SMTP struct {
	Host               string // "" sends no mail
	Port               int64  // 0 is the usual one
	Username, Password string
	From               string
	TLS                string // starttls, tls or none
	Timeout            time.Duration
}

// String names the server.
func (s SMTP) String() string { return "mail server " + s.Host }

// GoString is String, so that %#v leaks nothing either.
func (s SMTP) GoString() string { return s.String() }

var smtpFields = []field[SMTP]{
	text("host", `""`, "mail server; empty sends no mail",
		func(s *SMTP) *string { return &s.Host }),
	whole("port", "0", "its port; 0 is the usual one: 587 for starttls, 465 for tls, 25 for none",
		func(s *SMTP) *int64 { return &s.Port }, isPort),
	text("username", `""`, "who signs in to the server; empty does not",
		func(s *SMTP) *string { return &s.Username }),
	text("password", `""`, "its password: env:NAME or file:PATH",
		func(s *SMTP) *string { return &s.Password }),
	text("from", `""`, "sender, such as gateway@example.com or Gateway <gateway@example.com>",
		func(s *SMTP) *string { return &s.From }),
	choice("tls", `"starttls"`, "starttls and tls encrypt, and fail rather than not; none does not, and sends no password",
		[]string{"starttls", "tls", "none"},
		func(s *SMTP, t string) { s.TLS = t }),
	duration("timeout", `"15s"`, "longest wait for the server", func(s *SMTP) *time.Duration { return &s.Timeout }, positive[time.Duration]),
}

func isPort(v value, n int64) {
	if n < 0 || n > 65535 {
		v.fail("must be between 0 and 65535")
	}
}

func (l *loader) checkSMTP() {
	s := l.cfg.SMTP
	at := func(key string) place {
		if p, ok := l.set["smtp."+key]; ok {
			return p
		}
		return l.set["smtp.host"]
	}
	if s.Host == "" {
		return
	}
	if _, err := mail.ParseAddress(s.From); err != nil || strings.ContainsAny(s.From, "\r\n") {
		l.fail(at("from"), "from must be an address such as %q", "gateway@example.com")
	}
	switch {
	case s.TLS == "none" && (s.Username != "" || s.Password != ""):
		l.fail(at("tls"), "a password is not sent over clear text: set tls to starttls or tls, or take username and password away")
	case (s.Username == "") != (s.Password == ""):
		l.fail(at("username"), "username and password belong together")
	}
}

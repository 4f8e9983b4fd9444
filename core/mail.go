package core

import (
	"context"
	"net/mail"
	"strings"
	"time"
	"unicode"
)

// Mail is one message to one address. Its text has no markup: the HTML that is
// sent beside it is made from it, so that no name in it becomes a tag.
type Mail struct {
	// Kind says what it is for: "invite", "password_reset", an event's type. Lists
	// of deliveries show it, and nothing else of the mail.
	Kind    string
	To      string // as [CheckEmail] returns it
	Subject string // one line
	Text    string // lines end in \n; a line that is an http or https address becomes a link
	// Until is when it has lost its meaning, as that of a link which ends: from
	// then on it is not sent any more. Zero: never.
	Until time.Time
}

// Validate reports what a mail server or a reader could misunderstand, as
// CodeInvalidRequest with the field as Param.
func (m *Mail) Validate() error {
	if a, err := mail.ParseAddress(m.To); err != nil || a.Address != m.To || strings.ContainsFunc(m.To, unicode.IsControl) {
		return Invalid("to", "must be one address")
	}
	if strings.TrimSpace(m.Subject) == "" || len(m.Subject) > 500 || strings.ContainsFunc(m.Subject, unicode.IsControl) {
		return Invalid("subject", "must be one line of at most 500 bytes")
	}
	if strings.TrimSpace(m.Text) == "" || len(m.Text) > 64<<10 {
		return Invalid("text", "must be a text of at most 64 KiB")
	}
	return nil
}

// String says what the mail is for and nothing that it holds: a link may be a
// secret, and an address is nobody else's business.
func (m Mail) String() string { return "mail " + m.Kind }

// GoString is String, so that %#v leaks nothing either.
func (m Mail) GoString() string { return m.String() }

// MailError is what a mail server answered. Its message names no person.
type MailError struct {
	Status    int  // of SMTP; 0: there was no answer
	Permanent bool // it will never take this mail
	Message   string
}

func (e *MailError) Error() string { return e.Message }

// Mailer sends mail. It is safe for concurrent use.
type Mailer interface {
	// Send takes the mail over: when it returns nil the mail is stored, and it is
	// tried until the mail server takes it, also after a restart. It does not wait
	// for the server. CodeInvalidRequest when the mail is faulty.
	Send(ctx context.Context, m Mail) error
}

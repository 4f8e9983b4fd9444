package core

import "context"

// Mail is one message of plain text to one address.
type Mail struct {
	To      string // as [CheckEmail] returns it
	Subject string // one line
	Text    string // lines end in \n
}

// Mailer sends mail. It is safe for concurrent use.
type Mailer interface {
	// Send returns when the mail server has taken the message, or the error of
	// the last try. The error names no password.
	Send(ctx context.Context, m Mail) error
}

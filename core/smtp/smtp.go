// Package smtp hands mails over to a mail server.
package smtp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"html"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/wneessen/go-mail"

	"github.com/tokligence/gateway/core"
)

// The ways to speak to the server.
const (
	StartTLS = "starttls" // TLS begins within the connection, and must
	TLS      = "tls"      // TLS from the first byte on
	None     = "none"     // no TLS, and so no password
)

// Options are what a server is reached by.
type Options struct {
	Host               string
	Port               int // 0 is the usual one
	Username, Password string
	From               string // an address, or "Name <address>"
	TLS                string
	Timeout            time.Duration  // to connect, and of each command
	RootCAs            *x509.CertPool // nil is the system's
	Now                func() time.Time
}

// Server is a mail server. Safe for concurrent use: each mail has a connection
// of its own.
type Server struct {
	o      Options
	domain string // of the sender
}

// New checks the options.
func New(o Options) (*Server, error) {
	if o.TLS == None && (o.Username != "" || o.Password != "") {
		return nil, errors.New("a password is not sent over clear text")
	}
	from := mail.NewMsg()
	if err := from.From(o.From); err != nil {
		return nil, errors.New("the sender is not an address")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	address := from.GetFrom()[0].Address
	return &Server{o, address[strings.LastIndexByte(address, '@')+1:]}, nil
}

// String names the server and no secret.
func (s *Server) String() string {
	return "mail server " + net.JoinHostPort(s.o.Host, strconv.Itoa(s.o.Port))
}

// GoString is String, so that %#v leaks nothing either.
func (s *Server) GoString() string { return s.String() }

// Deliver hands one mail over. The id becomes that of the message. Errors are
// *[core.MailError] and repeat nothing of what the server said, which may name people.
func (s *Server) Deliver(ctx context.Context, id string, m *core.Mail) error {
	msg, err := s.message(id, m)
	if err != nil {
		return &core.MailError{Permanent: true, Message: "the mail is faulty"}
	}
	client, err := s.client()
	if err != nil {
		return &core.MailError{Message: "the mail server cannot be used as it is configured"}
	}
	return explain(client.DialAndSendWithContext(ctx, msg))
}

func (s *Server) client() (*mail.Client, error) {
	options := []mail.Option{mail.WithTimeout(s.o.Timeout), mail.WithTLSConfig(&tls.Config{ServerName: s.o.Host, MinVersion: tls.VersionTLS12, RootCAs: s.o.RootCAs})}
	port := map[string]int{StartTLS: 587, TLS: 465, None: 25}[s.o.TLS]
	switch s.o.TLS {
	case TLS:
		options = append(options, mail.WithSSL())
	case None:
		options = append(options, mail.WithTLSPolicy(mail.NoTLS))
	default:
		options = append(options, mail.WithTLSPolicy(mail.TLSMandatory))
	}
	if s.o.Port != 0 {
		port = s.o.Port
	}
	if s.o.Username != "" {
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(s.o.Username), mail.WithPassword(s.o.Password))
	}
	return mail.NewClient(s.o.Host, append(options, mail.WithPort(port))...)
}

// message makes the mail's two forms, plain text and HTML.
func (s *Server) message(id string, m *core.Mail) (*mail.Msg, error) {
	if err := m.Validate(); err != nil {
		return nil, err
	}
	msg := mail.NewMsg()
	if err := msg.From(s.o.From); err != nil {
		return nil, err
	}
	if err := msg.To(m.To); err != nil {
		return nil, err
	}
	msg.Subject(m.Subject)
	msg.SetDateWithValue(s.o.Now())
	msg.SetMessageIDWithValue(id + "@" + s.domain)
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: nobody's holiday notice answers it
	msg.SetBodyString(mail.TypeTextPlain, m.Text)
	msg.AddAlternativeString(mail.TypeTextHTML, HTML(m.Text))
	return msg, nil
}

// HTML makes a page of a mail's text: empty lines part paragraphs, and a line
// that is an http or https address is a link. Nothing in the text is markup.
func HTML(text string) string {
	var b strings.Builder
	b.WriteString("<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"></head>\n<body style=\"font-family: sans-serif; line-height: 1.5\">\n")
	for _, paragraph := range strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n\n") {
		paragraph = strings.Trim(paragraph, "\n")
		if paragraph == "" {
			continue
		}
		lines := strings.Split(paragraph, "\n")
		for i, line := range lines {
			escaped := html.EscapeString(line)
			if isLink(line) {
				escaped = `<a href="` + escaped + `">` + escaped + `</a>`
			}
			lines[i] = escaped
		}
		b.WriteString("<p>" + strings.Join(lines, "<br>\n") + "</p>\n")
	}
	b.WriteString("</body></html>\n")
	return b.String()
}

func isLink(line string) bool {
	u, err := url.Parse(line)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && !strings.ContainsAny(line, " \t")
}

// explain tells what failed. Only a refusal of this very mail is permanent: what
// is wrong with our password or our sender may be mended.
func explain(err error) error {
	if err == nil {
		return nil
	}
	var sent *mail.SendError
	if !errors.As(err, &sent) {
		return &core.MailError{Message: "the mail server could not be reached, or did not let us in"}
	}
	e := &core.MailError{Status: sent.ErrorCode(), Message: "the mail server did not take it"}
	if e.Status != 0 {
		e.Message = fmt.Sprintf("the mail server answered %d", e.Status)
	}
	refused := sent.Reason == mail.ErrSMTPRcptTo || sent.Reason == mail.ErrSMTPDataClose
	e.Permanent = refused && e.Status >= 500 && e.Status <= 599
	return e
}

package signin

import (
	"context"
	"strings"
	"time"
)

// mailPatience bounds what is done for one message.
const mailPatience = 30 * time.Second

// Mails reports whether links are sent.
func (s *Service) Mails() bool { return s.Mailer != nil && s.PublicURL != "" }

// later prepares mail while the caller goes on. Where too many are under way, one
// more is dropped: whoever misses it asks again.
func (s *Service) later(kind string, send func(ctx context.Context) error) {
	if !s.Mails() {
		return
	}
	select {
	case s.sending <- struct{}{}:
	default:
		s.Log.Warn("mail was dropped: too many are under way", "mail", kind)
		return
	}
	s.mails.Go(func() {
		defer func() { <-s.sending }()
		ctx, cancel := context.WithTimeout(s.stopping, mailPatience)
		defer cancel()
		if err := send(ctx); err != nil {
			s.Log.Error("mail could not be sent", "mail", kind, "error", err)
		}
	})
}

// oneLine keeps a name from adding lines, or a link, to a message.
func oneLine(name string) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(name, "://", " ")), " ")
}

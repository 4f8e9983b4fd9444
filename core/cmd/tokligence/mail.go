package main

import (
	"fmt"
	"time"

	"github.com/tokligence/gateway/core/config"
	"github.com/tokligence/gateway/core/events"
	"github.com/tokligence/gateway/core/smtp"
)

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

package main

import (
	"time"

	"github.com/tokligence/gateway/core/config"
	"github.com/tokligence/gateway/core/kept"
)

// maxKept is the most that is kept of one response, in bytes.
const maxKept = 8 << 20

// keeper keeps responses as the configuration says; nil keeps none.
func (m *Main) keeper(c *config.Config) *kept.Keeper {
	if !c.Responses.Store {
		return nil
	}
	return &kept.Keeper{Store: m.store, Sealer: m.sealer, MaxBytes: maxKept, MaxHistory: int(c.Server.MaxBody), Retention: time.Duration(c.Responses.RetentionDays) * 24 * time.Hour, Now: time.Now, Log: m.log}
}

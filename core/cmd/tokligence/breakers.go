package main

import (
	"time"

	"github.com/tokligence/gateway/core/plugin"
)

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

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/config"
	"github.com/tokligence/gateway/core/revision"
)

// invalid prints why the gateway does not start.
func (m *Main) invalid(problems []config.Problem) error {
	for _, p := range problems {
		fmt.Fprintln(m.Stderr, p)
	}
	return fmt.Errorf("%s is not valid", m.ConfigPath)
}

// notStarted is invalid for what only the stored objects and the plugins show.
func (m *Main) notStarted(err error) error {
	var invalid *revision.Invalid
	if !errors.As(err, &invalid) {
		return err
	}
	if slices.ContainsFunc(invalid.Problems, func(p config.Problem) bool { return p.File == config.FromAPI }) {
		fmt.Fprintln(m.Stderr, "what was made by API does not go with the files any more: mend the files, or take an object out with tokligence config remove KIND NAME")
	}
	return m.invalid(invalid.Problems)
}

// built makes a configuration ready for being put in force.
func (m *Main) built(ctx context.Context, c *config.Config) (*revision.Built, []config.Problem) {
	snap, problems := m.build(ctx, c)
	if snap == nil {
		return nil, problems
	}
	apply := func() {
		m.exchanger.Swap(snap)
		m.tokens.use(c, m.client)
		m.keys.Forget() // what groups they name, and tokens that stand for them
	}
	return &revision.Built{Apply: apply, Drop: snap.Close}, nil
}

// watchFiles tells when the configuration was saved, until it is stopped.
func (m *Main) watchFiles(ctx context.Context) (saved <-chan struct{}, stop func()) {
	if !m.Watch {
		return nil, func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	tell, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		err := m.revisions.Watch(ctx, func() {
			select {
			case tell <- struct{}{}:
			case <-ctx.Done():
			}
		})
		if err != nil {
			m.log.Warn("the configuration is not watched: reload it with SIGHUP", "error", err)
		}
	}()
	return tell, func() {
		cancel()
		<-done
	}
}

// Reload puts the configuration as it is on disk in force, without failing a
// request. A faulty one changes nothing; the log names its faults.
func (m *Main) Reload(ctx context.Context) {
	err := m.revisions.Reload(ctx)
	var invalid *revision.Invalid
	switch {
	case errors.As(err, &invalid):
		m.events.ConfigFailed(len(invalid.Problems), time.Now())
		for _, p := range invalid.Problems {
			m.log.Error("the configuration was not reloaded; the old one stays in force", "problem", p.String())
		}
		return
	case err != nil:
		m.log.Error("the configuration was not reloaded; the old one stays in force", "error", err)
		return
	}
	if err := m.record(ctx, "config.reload", core.AuditObject{Kind: "config"}, map[string]int64{"revision": m.revisions.State().Revision}); err != nil {
		m.log.Error("the reload is in force, but not on record", "error", err)
	}
	m.log.Info("configuration reloaded; [server], [storage], [security], [ledger], [events], [smtp] and [sign_in] take effect at the next start")
}

// follow puts in force what another gateway has changed.
func (m *Main) follow(ctx context.Context) {
	before := m.revisions.State().Revision
	if err := m.revisions.Follow(ctx); err != nil {
		if m.revisions.State().Stale { // and not the database
			m.events.ConfigFailed(0, time.Now())
		}
		m.log.Error("a newer configuration is not in force", "error", err)
	} else if now := m.revisions.State().Revision; now != before {
		m.log.Info("another gateway's configuration is in force", "revision", now)
	}
}

// notes tell that a reload has failed: no reason to send requests elsewhere, since
// every other node may have read the same file.
func (m *Main) notes() []string {
	if !m.revisions.State().Stale {
		return nil
	}
	return []string{"the configuration on disk has faults, which the log names; an older one is in force"}
}

package exchange

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/realtime"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// meter counts a session whose vendor sells the sound that passes in either direction
// by the second, and each text that the client adds, whatever its responses are made
// of. It is an exchange of its own, from the session's beginning to its end.
// https://docs.x.ai/developers/models/speech-to-speech
type meter struct {
	turn *turn

	// Guarded by session.books.
	sound time.Duration // that has passed
	texts int64         // that have been added
	holds usageHeld
}

// usageHeld is what a meter holds for.
type usageHeld struct {
	sound time.Duration
	texts int64
}

// soundPath stands in a realtime plan where the path of the seconds in an answer would:
// the gateway counts them.
const soundPath = "$sound"

// ahead is how much more sound than has passed is held for: as much as a budget has.
var ahead = [...]time.Duration{time.Minute, 5 * time.Second, 0}

// metered reports whether the deployment sells sessions by their sound: where only
// tokens have a price, those are what they cost.
func (s *session) metered() bool {
	t := s.run.target
	return slices.Contains(s.run.plan.Usage.Seconds, soundPath) && (t.Price == nil || t.Price.Rates.Second != nil || !hasTokens(&t.Price.Rates))
}

// startMeter holds for the beginning of a session that is sold by its sound. Its
// responses cost what their tokens cost, and nothing where those have no price.
func (s *session) startMeter(ctx context.Context) *core.Error {
	r := s.run
	if !s.metered() {
		return nil
	}
	price := r.target.Price
	if (price == nil || price.Rates.Second == nil) && s.pricedOnly() {
		return core.Errorf(core.CodePermissionDenied, core.SourceGateway, "the model %q has no price for a second, and this key has a budget: ask your administrator to set one", r.route.Name)
	}
	m := &meter{turn: s.newTurn()}
	m.turn.run.facts.inputTokens, m.turn.run.facts.heard = 0, false
	m.turn.run.entry.Reason = "sound of " + m.turn.run.entry.Reason
	m.turn.run.firstByte = r.x.now()
	if err := m.cover(ctx); err != nil {
		return err
	}
	s.meter = m
	if price != nil && !hasTokens(&price.Rates) {
		included, target := *price, *r.target
		included.Rates.Input, included.Rates.Output, included.Tiers = new(core.Rate), new(core.Rate), nil
		target.Price = &included
		s.included = &target
	}
	return nil
}

// pricedOnly reports whether the key may not use what has no price.
func (s *session) pricedOnly() bool {
	return len(s.run.principal.Budgets) > 0 && s.run.x.RefuseUnpriced
}

// passes counts sound and texts in a session that is sold by them. What the vendor has
// made is counted in any case, what the client sends only where it is held for.
func (s *session) passes(ctx context.Context, sound time.Duration, texts int64, made bool) *core.Error {
	m := s.meter
	if m == nil {
		return nil
	}
	if p := m.turn.run.target.Price; texts > 0 && s.pricedOnly() && p.Rates.Message == nil {
		return core.Errorf(core.CodePermissionDenied, core.SourceGateway, "a text in a session of %q has no price, and this key has a budget: ask your administrator to set one", s.run.route.Name)
	}
	s.books.Lock()
	defer s.books.Unlock()
	m.sound, m.texts = m.sound+sound, m.texts+texts
	err := m.cover(ctx)
	if err != nil && !made {
		m.sound, m.texts = m.sound-sound, m.texts-texts
	}
	return err
}

// cover holds for all that has passed, and more ahead where a budget has it.
func (m *meter) cover(ctx context.Context) (err *core.Error) {
	if m.holds.sound > 0 && m.sound <= m.holds.sound && m.texts <= m.holds.texts {
		return nil
	}
	r := m.turn.run
	for _, more := range ahead {
		if m.sound+more == 0 { // a session begins with something
			break
		}
		sound := max(m.sound, m.holds.sound)
		if m.sound+more > sound {
			sound = m.sound + more
		}
		u := core.Usage{Milliseconds: upMilliseconds(sound), Messages: max(m.texts, m.holds.texts), InputSource: core.UsageEstimated, OutputSource: core.UsageEstimated}
		var worst core.Nano
		if r.target.Price != nil {
			worst, _ = r.target.Price.Amount(u)
		}
		if err = m.turn.extend(ctx, u, worst, "budget exceeded: what is left does not cover more of the session"); err == nil {
			m.holds = usageHeld{sound, u.Messages}
			return nil
		}
	}
	return err
}

// addsText is how many texts an item is sold as: those that are all sound are sold as
// that, and what a function has returned is not sold.
func addsText(item []byte) int64 {
	if scan.GetString(item, "type") == "function_call_output" {
		return 0
	}
	parts, sounds := 0, 0
	eachSound(item, func([]byte) { sounds++ })
	scan.Elements(scan.Get(item, "content"), func(int, []byte) bool { parts++; return true })
	if parts > 0 && parts == sounds {
		return 0
	}
	return 1
}

// eachSound calls f with the sound of an item's parts.
func eachSound(item []byte, f func(base64 []byte)) {
	scan.Elements(scan.Get(item, "content"), func(_ int, part []byte) bool {
		kind := scan.GetString(part, "type")
		if audio := scan.Get(part, "audio"); strings.HasSuffix(kind, "audio") && scan.Kind(audio) == '"' {
			f(audio)
		}
		return true
	})
}

// itemSound is how long the sound of an item is.
func (s *session) itemSound(item []byte) (d time.Duration) {
	s.mu.Lock()
	second := s.expected().heardSecond
	s.mu.Unlock()
	eachSound(item, func(base64 []byte) { d += soundLength(base64, second) })
	return d
}

// stopMeter settles what the session has come to; end is nil for one that was not taken
// up.
func (s *session) stopMeter(end *realtime.End) {
	if s.meter == nil {
		return
	}
	m, t := s.meter, s.meter.turn
	t.run.tally.set(partInput, 0)
	t.run.tally.set(partOutput, 0)
	t.run.tally.set(partMilliseconds, upMilliseconds(m.sound))
	t.run.tally.set(partMessages, m.texts)
	t.run.whole = true
	switch {
	case end == nil:
		t.settle(core.OutcomeClientClosed, 499, core.Errorf(core.CodeInternal, core.SourceClient, "the client has left"))
	case end.Err == nil || end.By == realtime.Client:
		t.settle(core.OutcomeOK, 200, nil)
	default:
		t.settle(core.OutcomeInterrupted, 200, end.Err)
	}
}

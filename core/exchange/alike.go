package exchange

import (
	"bytes"

	"github.com/tokligence/gateway/core/sse"
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// identity are the members that all chunks of one answer have alike. Some vendors
// (Azure OpenAI, with what its content filters found) send chunks with empty ones,
// before the answer begins and within it, and choices without a delta. Clients take
// a new id for a new answer, and miss the delta.
type identity struct {
	members []scan.Edit // of the first chunk that has an id
	known   bool
	waiting [][]byte // chunks without an id that came before it
}

// maxWaiting is more chunks than any vendor sends before its answer begins.
const maxWaiting = 16

var identifying = [...]string{"id", "object", "created", "model"}

// alike sends a vendor's chunk on. One without an id, and without text, waits for
// the first that has one.
func (s *streamRelay) alike(ev sse.Event, seen glance) error {
	if !seen.delta && s.r.plan.endpoint == abi.Chat {
		ev = withDeltas(ev)
	}
	blank := seen.blank && scan.GetString(ev.Data, "id") == "" && scan.Get(ev.Data, "id") != nil
	switch {
	case s.same.known && !blank:
		return s.emit(ev)
	case s.same.known:
		return s.emit(s.same.fill(ev.Data))
	case blank && seen.tokens == 0 && !seen.finish && len(s.same.waiting) < maxWaiting:
		s.same.waiting = append(s.same.waiting, bytes.Clone(ev.Data))
		return nil
	case blank:
		if err := s.release(s.stamp()); err != nil {
			return err
		}
		return s.emit(s.same.fill(ev.Data))
	}
	if err := s.release(ev.Data); err != nil {
		return err
	}
	return s.emit(ev)
}

// release takes the identity from a chunk, or its beginning, and sends those on that
// wait for it.
func (s *streamRelay) release(chunk []byte) error {
	s.same.known = true
	for _, name := range identifying {
		if v := scan.Get(chunk, name); !isBlank(v) {
			s.same.members = append(s.same.members, scan.Edit{Key: name, Value: bytes.Clone(v)})
		}
	}
	for _, data := range s.same.waiting {
		if err := s.emit(s.same.fill(data)); err != nil {
			return err
		}
	}
	s.same.waiting = nil
	return nil
}

// fill puts the identity into a chunk in the place of what is empty.
func (i *identity) fill(chunk []byte) sse.Event {
	edits := make([]scan.Edit, 0, len(i.members))
	for _, m := range i.members {
		if isBlank(scan.Get(chunk, m.Key)) {
			edits = append(edits, m)
		}
	}
	return sse.Event{Data: scan.Apply(nil, chunk, edits)}
}

func isBlank(v []byte) bool { return v == nil || string(v) == `""` || string(v) == "0" }

// withDeltas gives each choice a delta.
func withDeltas(ev sse.Event) sse.Event {
	choices := scan.Get(ev.Data, "choices")
	if scan.Len(choices) == 0 {
		return ev
	}
	var list []byte
	scan.Elements(choices, func(_ int, choice []byte) bool {
		list = scan.Apply(append(list, ','), choice, []scan.Edit{{Key: "delta", Value: []byte("{}"), OnlyIfAbsent: true}})
		return true
	})
	return sse.Event{Data: scan.Apply(nil, ev.Data, []scan.Edit{{Key: "choices", Value: scan.CloseArray(list, 0)}})}
}

package exchange

import "sync/atomic"

// held counts the exchanges on a snapshot. It starts at one, for being in force.
type held struct {
	*Snapshot
	users atomic.Int64
}

func (h *held) release() {
	if h.users.Add(-1) == 0 && h.Close != nil {
		h.Close()
	}
}

// acquire takes the snapshot in force. A snapshot whose count has reached zero
// is never taken again: its successor is there by then.
func (x *Exchanger) acquire() *held {
	for {
		h := x.snap.Load()
		if n := h.users.Load(); n > 0 && h.users.CompareAndSwap(n, n+1) {
			return h
		}
	}
}

// Swap puts s in force for all exchanges that begin from now on. Running ones
// finish on the old snapshot, which is closed when the last has ended.
func (x *Exchanger) Swap(s *Snapshot) {
	s.natives = indexNatives(s.Routes)
	h := &held{Snapshot: s}
	h.users.Store(1)
	if old := x.snap.Swap(h); old != nil {
		old.release()
	}
}

// Snapshot is the one in force, for showing what there is.
func (x *Exchanger) Snapshot() *Snapshot {
	if h := x.snap.Load(); h != nil {
		return h.Snapshot
	}
	return &Snapshot{}
}

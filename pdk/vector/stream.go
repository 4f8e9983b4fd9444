package vector

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/wire"
)

func parseEvents(text []byte) (events []abi.Event, err error) {
	for line := range bytes.Lines(text) {
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		var e abi.Event
		if err := json.Unmarshal(line, &e); err != nil {
			return nil, fmt.Errorf("vendor_events.jsonl: %w in %s", err, line)
		}
		events = append(events, e)
	}
	return events, nil
}

func (v *vector) decodeEvents(events []abi.Event, state string) error {
	singly := make([]int, len(events))
	for i := range singly {
		singly[i] = i + 1
	}
	want, err := v.relay(events, state, singly)
	if err != nil {
		return err
	}
	for _, cuts := range groupings(len(events)) {
		got, err := v.relay(events, state, cuts)
		if err != nil {
			return err
		}
		if !bytes.Equal(got.chunks, want.chunks) || got.rest != want.rest {
			v.fail("events cut at %v mean something else:\n%s%s\nsingly:\n%s%s", cuts, got.chunks, got.rest, want.chunks, want.rest)
		}
	}
	if len(want.chunks) > 0 {
		v.got["chunks.jsonl"] = want.chunks
	}
	v.told(want.usage, want.model)
	switch {
	case want.err != nil:
		v.json("error.json", want.err)
	case !want.done:
		v.text("incomplete.txt", "yes")
	}
	return nil
}

// meaning is what a stream came to.
type meaning struct {
	chunks []byte
	usage  *abi.Usage
	model  string
	err    *abi.Error
	done   bool
	rest   string // all but chunks, for comparing
}

// relay reads the events in groups that end at the cuts, until an error; the
// last call says that the stream has ended.
func (v *vector) relay(events []abi.Event, state string, cuts []int) (*meaning, error) {
	m, from := &meaning{}, 0
	for _, to := range append(slices.Clone(cuts), len(events)) {
		end := to == len(events) && from == to
		reply, err := ask(v, abi.DecodeEvents, &abi.DecodeEventsRequest{Endpoint: v.setup.Endpoint, State: state, Events: events[from:to], End: end},
			wire.AppendDecodeEventsRequest, wire.ParseDecodeEventsReply)
		if err != nil {
			return nil, err
		}
		from, state = to, reply.State
		for _, c := range reply.Chunks {
			m.chunks = append(append(m.chunks, c...), '\n')
		}
		if m.usage, err = merged(m.usage, reply.Usage); err != nil {
			return nil, err
		}
		m.model = cmp.Or(reply.Model, m.model)
		m.done = m.done || reply.Done
		if m.err = reply.Error; m.err != nil {
			break
		}
	}
	rest, err := json.Marshal([]any{m.usage, m.model, m.err, m.done})
	m.rest = string(rest)
	return m, err
}

// merged is what the host knows after a report: a later number replaces the
// earlier one, an absent one keeps it.
func merged(known, report *abi.Usage) (*abi.Usage, error) {
	if report == nil || known == nil {
		return cmp.Or(report, known), nil
	}
	b, err := json.Marshal(report)
	if err != nil {
		return nil, err
	}
	u := *known
	return &u, json.Unmarshal(b, &u)
}

// groupings are all ways to cut a short list, and all pairs of cuts of a long one.
func groupings(n int) (all [][]int) {
	if n <= 8 {
		for mask := range 1 << max(n-1, 0) {
			var cuts []int
			for i := 1; i < n; i++ {
				if mask>>(i-1)&1 == 1 {
					cuts = append(cuts, i)
				}
			}
			all = append(all, append(cuts, n))
		}
		return all
	}
	for i := 1; i <= n; i++ {
		for j := i; j <= n; j++ {
			all = append(all, slices.Compact([]int{i, j, n}))
		}
	}
	return all
}

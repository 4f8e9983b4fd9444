package guard

import (
	"context"
	"slices"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/segment"
	"github.com/tokligence/gateway/pdk/abi"
)

// Talk guards the input of a session, whose conversation comes event by event. What
// a model reads as one text may come in several: each is inspected by itself, and
// once more behind what its role has said before. Not safe for concurrent use.
type Talk struct {
	run  *Run
	said []abi.Segment // in order, the ends of long ones
	size int           // of it, bytes
}

// What is remembered of a conversation: more than any phrase that is looked for.
const (
	maxSaid = 16 << 10 // of all of it, bytes
	maxTail = 4 << 10  // of one text
)

// Talk begins the input of a session.
func (r *Run) Talk() *Talk { return &Talk{run: r} }

// Input inspects an event of the client as [Run.Input] does a body. What would have
// to be rewritten but stands in several events is blocked: the first have left.
func (t *Talk) Input(ctx context.Context, event []byte) ([]byte, error) {
	event, err := t.run.Input(ctx, event)
	if err != nil {
		return nil, err
	}
	found, stays := segment.Items(event)
	var fresh []abi.Segment
	for i := range found {
		fresh = append(fresh, found[i].Segment)
	}
	if err := t.together(ctx, fresh); err != nil {
		return nil, err
	}
	if stays {
		t.remember(fresh)
	}
	return event, nil
}

// together inspects new texts behind the earlier ones of their roles.
func (t *Talk) together(ctx context.Context, fresh []abi.Segment) error {
	var roles []string
	for _, s := range fresh {
		if !slices.Contains(roles, s.Role) {
			roles = append(roles, s.Role)
		}
	}
	for group, role := range roles {
		of := func(s abi.Segment) bool { return s.Role != role }
		all := slices.DeleteFunc(slices.Clone(t.said), of)
		if len(all) == 0 {
			continue
		}
		all = append(all, slices.DeleteFunc(slices.Clone(fresh), of)...)
		for i := range all {
			all[i].ID, all[i].Group = i, group
		}
		if err := t.inspect(ctx, all); err != nil {
			return err
		}
	}
	return nil
}

func (t *Talk) inspect(ctx context.Context, all []abi.Segment) error {
	for i := range t.run.chain.attachments {
		a := &t.run.chain.attachments[i]
		if !slices.Contains(a.Stages, string(abi.StageInput)) {
			continue
		}
		reply, err := t.run.inspect(ctx, i, &abi.InspectRequest{Stage: abi.StageInput, Segments: slices.Clone(all), Final: true})
		if err != nil {
			return err
		}
		changed := func(s abi.SegmentText) bool { return s.ID < 0 || s.ID >= len(all) || s.Text != all[s.ID].Text }
		if reply.Verdict == abi.Rewrite && !a.Monitor && slices.ContainsFunc(reply.Segments, changed) {
			return core.Errorf(core.CodeGuardrailBlocked, core.SourceGateway, "the guardrail %q would have to change what stands in several items", a.Name)
		}
	}
	return nil
}

// remember keeps the ends of texts, and of all of them the latest.
func (t *Talk) remember(fresh []abi.Segment) {
	for _, s := range fresh {
		s.Text = tail(s.Text, maxTail)
		t.said, t.size = append(t.said, s), t.size+len(s.Text)
	}
	for t.size > maxSaid {
		t.size -= len(t.said[0].Text)
		t.said = t.said[1:]
	}
}

// tail is the end of s of at most n bytes, which begins with a whole character.
func tail(s string, n int) string {
	if len(s) <= n {
		return s
	}
	from := len(s) - n
	for from < len(s) && s[from]&0xC0 == 0x80 {
		from++
	}
	return s[from:]
}

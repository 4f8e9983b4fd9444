package plugin

import (
	"context"
	"errors"
	"fmt"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
	"github.com/tokligence/gateway/pdk/abi/wire"
	"github.com/tokligence/gateway/pdk/long"
)

// Converse translates one message of a realtime session. What it gives stands in
// memory of its own.
func (p *Provider) Converse(ctx context.Context, r *abi.ConverseRequest) (*abi.ConverseReply, error) {
	outside, short := p.keepOutOfSession(r)
	defer outside.free()
	out, err := p.call(ctx, abi.Converse, nil, func(dst []byte) []byte { return wire.AppendConverseRequest(dst, short) })
	if err != nil {
		return nil, outside.hide(err)
	}
	reply := &abi.ConverseReply{}
	if err = putBack(outside, nil, out, reply, readConverse, wire.ParseConverseReply); err == nil {
		err = checkConverse(reply)
	}
	if err != nil {
		return nil, p.broken(abi.Converse, err)
	}
	return reply, nil
}

func readConverse(b []byte, d *abi.ConverseReply) error {
	if err := scan.Valid(b); err != nil {
		return err
	}
	return wire.ParseConverseReply(b, d)
}

// keepOutOfSession keeps the long strings of a message out, sound first of all, and
// those that the state has taken from messages before.
func (p *Provider) keepOutOfSession(r *abi.ConverseRequest) (*outside, *abi.ConverseRequest) {
	o := outsides.Get().(*outside)
	if p.longText || r.LongText || max(len(r.State), len(r.Client), len(r.Vendor)) <= long.Limit {
		return o, r
	}
	short := *r
	o.short = o.short[:0]
	for _, doc := range [...]*abi.Raw{&short.State, &short.Client, &short.Vendor} {
		from := len(o.short)
		if o.short = o.texts.Cut(o.short, *doc, long.Limit); len(*doc) > 0 {
			*doc = o.short[from:len(o.short):len(o.short)]
		}
	}
	return o, &short
}

// checkRealtime wants rates that a second of sound can have.
func checkRealtime(p *abi.RealtimePlan) error {
	if p == nil {
		return nil
	}
	for _, rate := range [...]int64{p.HeardTokens, p.SaidTokens} {
		if rate < 0 || rate > maxSoundRate {
			return fmt.Errorf("a second of sound is not %d tokens", rate)
		}
	}
	if p.Preamble < 0 || p.Preamble > maxPreamble {
		return fmt.Errorf("no vendor puts %d tokens before a prompt", p.Preamble)
	}
	return nil
}

const maxPreamble = 100_000

// maxSoundRate is more tokens than a second of sound has with any vendor.
const maxSoundRate = 10_000

func checkConverse(r *abi.ConverseReply) error {
	if len(r.State) == 0 {
		return errors.New("there is no state")
	}
	for _, m := range r.ToVendor {
		if err := object("a message for the vendor", m); err != nil {
			return err
		}
	}
	for _, e := range r.ToClient {
		if err := object("an event", e); err != nil {
			return err
		}
		if scan.Kind(scan.Get(e, "type")) != '"' {
			return errors.New("an event has no type")
		}
	}
	return nil
}

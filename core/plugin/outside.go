package plugin

import (
	"errors"
	"slices"
	"sync"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
	"github.com/tokligence/gateway/pdk/abi/wire"
	"github.com/tokligence/gateway/pdk/long"
)

// outside are the long strings of one call that do not enter the plugin: what a
// guest costs grows with the structure of a conversation, and a codec does not
// see the prompt.
type outside struct {
	texts long.Texts
	short []byte // the document without them
	body  []byte // what goes in: short, or the document as it is
	out   []byte // room for what the plugin says of it
}

var outsides = sync.Pool{New: func() any { return new(outside) }}

// keptShort bounds the buffers that wait for another call.
const keptShort = 256 << 10

func (p *Provider) keepOut(body []byte) *outside {
	o := outsides.Get().(*outside)
	if o.body = body; len(body) <= long.Limit || p.longText {
		return o
	}
	if o.short = o.texts.Cut(o.short[:0], body, long.Limit); o.texts.Any() {
		o.body = o.short
	}
	return o
}

// keepOutOfEvents is keepOut for the data of events; most are short.
func (p *Provider) keepOutOfEvents(r *abi.DecodeEventsRequest) (*outside, *abi.DecodeEventsRequest) {
	o := outsides.Get().(*outside)
	isLong := func(e abi.Event) bool { return len(e.Data) > long.Limit }
	if p.longText || !slices.ContainsFunc(r.Events, isLong) {
		return o, r
	}
	short := *r
	short.Events = slices.Clone(r.Events)
	o.short = o.short[:0]
	for i := range short.Events {
		from := len(o.short)
		o.short = o.texts.Cut(o.short, short.Events[i].Data, long.Limit)
		short.Events[i].Data = o.short[from:len(o.short):len(o.short)]
	}
	return o, &short
}

// room is where the plugin's output goes: the caller's, when nothing has to be put
// back into it.
func (o *outside) room(callers *[]byte) *[]byte {
	if o.texts.Any() {
		return &o.out
	}
	return callers
}

// putBack reads the plugin's output with the strings in their places. What the
// plugin wrote is checked before: what it was given back was valid when it came.
func putBack[D any](o *outside, room *[]byte, out []byte, d *D, read, parse func([]byte, *D) error) error {
	if !o.texts.Any() {
		return read(out, d)
	}
	if err := scan.Valid(out); err != nil {
		return err
	}
	if room == nil {
		room = new([]byte)
	}
	whole, err := o.texts.Restore((*room)[:0], out)
	if *room = whole; err != nil {
		return err
	}
	return parse(whole, d)
}

func readEvents(b []byte, d *abi.DecodeEventsReply) error {
	if err := scan.Valid(b); err != nil {
		return err
	}
	return wire.ParseDecodeEventsReply(b, d)
}

// hide takes tokens out of an error that a plugin made of what it saw.
func (o *outside) hide(err error) error {
	if e := (*core.Error)(nil); errors.As(err, &e) {
		e.Message, e.Param = o.texts.Hide(e.Message), o.texts.Hide(e.Param)
	}
	return err
}

// free ends the call. The strings belong to whoever made it.
func (o *outside) free() {
	o.texts.Reset()
	o.body = nil
	if cap(o.short) > keptShort || cap(o.out) > keptShort {
		o.short, o.out = nil, nil
	}
	outsides.Put(o)
}

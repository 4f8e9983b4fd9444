package wire

import (
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// AppendDecodeEventsRequest appends d to dst.
func AppendDecodeEventsRequest(dst []byte, d *abi.DecodeEventsRequest) []byte {
	start := len(dst)
	dst = putString(dst, "endpoint", string(d.Endpoint))
	dst = optString(dst, "state", d.State)
	dst = putList(dst, "events", d.Events, appendEvent)
	dst = optBool(dst, "end", d.End)
	return scan.CloseObject(dst, start)
}

func appendEvent(dst []byte, e *abi.Event) []byte {
	start := len(dst)
	dst = optString(dst, "name", e.Name)
	dst = putRaw(dst, "data", e.Data)
	return scan.CloseObject(dst, start)
}

var (
	decodeEventsFields = scan.NewNames("endpoint", "state", "events", "end")
	eventFields        = scan.NewNames("name", "data")
)

// ParseDecodeEventsRequest reads b into d.
func ParseDecodeEventsRequest(b []byte, d *abi.DecodeEventsRequest) error {
	var endpoint, state, events, end []byte
	if !decodeEventsFields.Read(b, nil, &endpoint, &state, &events, &end) {
		return wrong("an object")
	}
	var r reading
	r.done("endpoint", keepString(&d.Endpoint, d.Endpoint, endpoint))
	r.done("state", keepString(&d.State, d.State, state))
	r.done("events", keepList(&d.Events, d.Events, events, parseEvent))
	r.done("end", keepBool(&d.End, end))
	return r.err
}

func parseEvent(e *abi.Event, v []byte) error {
	var name, data []byte
	if !eventFields.Read(v, nil, &name, &data) {
		return wrong("an object")
	}
	e.Data = data
	if err := keepString(&e.Name, e.Name, name); err != nil {
		return under("name", err)
	}
	return nil
}

// AppendDecodeEventsReply appends d to dst.
func AppendDecodeEventsReply(dst []byte, d *abi.DecodeEventsReply) []byte {
	start := len(dst)
	dst = optString(dst, "state", d.State)
	dst = optList(dst, "chunks", d.Chunks, appendRawElement)
	dst = optUsage(dst, "usage", d.Usage)
	dst = optString(dst, "model", d.Model)
	if d.Error != nil {
		dst = AppendError(scan.AppendName(dst, "error"), d.Error)
	}
	dst = optBool(dst, "done", d.Done)
	return scan.CloseObject(dst, start)
}

func appendRawElement(dst []byte, raw *abi.Raw) []byte { return appendRaw(dst, *raw) }

// ParseDecodeEventsReply reads b into d.
func ParseDecodeEventsReply(b []byte, d *abi.DecodeEventsReply) error {
	old := *d
	*d = abi.DecodeEventsReply{}
	return members(b, func(key, v []byte) error {
		switch string(key) {
		case "state":
			return setString(&d.State, old.State, v)
		case "chunks":
			return setList(&d.Chunks, old.Chunks, v, rawElement)
		case "usage":
			return setUsage(&d.Usage, v)
		case "model":
			return setString(&d.Model, old.Model, v)
		case "error":
			d.Error = new(abi.Error)
			return ParseError(v, d.Error)
		case "done":
			return setBool(&d.Done, v)
		}
		return nil
	})
}

func rawElement(raw *abi.Raw, v []byte) error { *raw = v; return nil }

// usageParts names the parts of a Usage in a fixed order.
var usageParts = [...]string{
	"input", "cache_read", "cache_write_5m", "cache_write_1h", "output", "reasoning", "audio_input", "audio_output",
	"image_input", "image_output", "audio_cache_read", "image_cache_read", "images", "milliseconds", "characters", "searches",
}

// usagePlaces are where the parts are.
func usagePlaces(u *abi.Usage) [len(usageParts)]**int64 {
	return [...]**int64{
		&u.Input, &u.CacheRead, &u.CacheWrite5m, &u.CacheWrite1h, &u.Output, &u.Reasoning, &u.AudioInput, &u.AudioOutput,
		&u.ImageInput, &u.ImageOutput, &u.AudioCached, &u.ImageCached, &u.Images, &u.Milliseconds, &u.Characters, &u.Searches,
	}
}

func optUsage(dst []byte, name string, u *abi.Usage) []byte {
	if u == nil {
		return dst
	}
	dst = scan.AppendName(dst, name)
	start := len(dst)
	dst = optCount(dst, "input", u.Input)
	dst = optCount(dst, "cache_read", u.CacheRead)
	dst = optCount(dst, "cache_write_5m", u.CacheWrite5m)
	dst = optCount(dst, "cache_write_1h", u.CacheWrite1h)
	dst = optCount(dst, "output", u.Output)
	dst = optCount(dst, "reasoning", u.Reasoning)
	dst = optCount(dst, "audio_input", u.AudioInput)
	dst = optCount(dst, "audio_output", u.AudioOutput)
	dst = optCount(dst, "image_input", u.ImageInput)
	dst = optCount(dst, "image_output", u.ImageOutput)
	dst = optCount(dst, "audio_cache_read", u.AudioCached)
	dst = optCount(dst, "image_cache_read", u.ImageCached)
	dst = optCount(dst, "images", u.Images)
	dst = optCount(dst, "milliseconds", u.Milliseconds)
	dst = optCount(dst, "characters", u.Characters)
	dst = optCount(dst, "searches", u.Searches)
	return scan.CloseObject(dst, start)
}

func optCount(dst []byte, name string, n *int64) []byte {
	if n == nil {
		return dst
	}
	return putInt(dst, name, *n)
}

func setUsage(dst **abi.Usage, v []byte) error {
	u := new(abi.Usage)
	*dst = u
	var numbers [len(usageParts)]int64
	places := usagePlaces(u)
	return members(v, func(key, v []byte) error {
		for i, part := range usageParts {
			if part == string(key) {
				*places[i] = &numbers[i]
				return setInt(&numbers[i], v)
			}
		}
		return nil
	})
}

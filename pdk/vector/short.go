package vector

import (
	"encoding/json"
	"errors"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/wire"
	"github.com/tokligence/gateway/pdk/long"
)

// Shortened is call as a host makes it that keeps strings of more than limit bytes
// out of the plugin. With a low limit it holds a codec to moving strings. Messages of
// a session stay whole after a plan that wants them so.
func Shortened(call Call, limit int) Call {
	whole := false
	return func(f abi.Function, input []byte) ([]byte, error) {
		if f == abi.Plan {
			out, err := call(f, input)
			var p abi.PlanReply
			whole = err == nil && json.Unmarshal(out, &p) == nil && p.Realtime != nil && p.Realtime.LongText
			return out, err
		}
		if f == abi.Converse && whole {
			return call(f, input)
		}
		var texts long.Texts
		input, err := shorten(&texts, f, input, limit)
		if err != nil {
			return nil, err
		}
		out, err := call(f, input)
		if refused := (*abi.Error)(nil); errors.As(err, &refused) {
			told := *refused
			told.Message = texts.Hide(told.Message)
			return nil, &told
		}
		if err != nil {
			return nil, err
		}
		return texts.Restore(nil, out)
	}
}

// shorten is the input with its body, or the data of its events, cut.
func shorten(texts *long.Texts, f abi.Function, input []byte, limit int) ([]byte, error) {
	switch f {
	case abi.Encode:
		var r abi.EncodeRequest
		err := wire.ParseEncodeRequest(input, &r)
		r.Body = texts.Cut(nil, r.Body, limit)
		return wire.AppendEncodeRequest(nil, &r), err
	case abi.Decode:
		var r abi.DecodeRequest
		err := wire.ParseDecodeRequest(input, &r)
		r.Body = texts.Cut(nil, r.Body, limit)
		return wire.AppendDecodeRequest(nil, &r), err
	case abi.DecodeEvents:
		var r abi.DecodeEventsRequest
		err := wire.ParseDecodeEventsRequest(input, &r)
		for i := range r.Events {
			r.Events[i].Data = texts.Cut(nil, r.Events[i].Data, limit)
		}
		return wire.AppendDecodeEventsRequest(nil, &r), err
	case abi.Converse:
		var r abi.ConverseRequest
		err := wire.ParseConverseRequest(input, &r)
		for _, doc := range [...]*abi.Raw{&r.State, &r.Client, &r.Vendor} {
			if len(*doc) > 0 {
				*doc = texts.Cut(nil, *doc, limit)
			}
		}
		return wire.AppendConverseRequest(nil, &r), err
	}
	return input, nil
}

package transcribe

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/tokligence/gateway/pdk/abi/scan"
)

// vendor takes a message of the vendor. Types that the words do not have mean nothing.
func (s *session) vendor(m []byte) {
	kind := scan.GetString(m, cmp.Or(s.words.Kind, "type"))
	text := func(words []byte) []byte {
		path := scan.GetString(words, kind)
		if path == "" {
			return nil
		}
		if v := scan.Get(m, strings.Split(path, ".")...); scan.Kind(v) == '"' {
			return v
		}
		return []byte(`""`)
	}
	if t := text(s.words.Delta); t != nil {
		s.delta(t)
	} else if t = text(s.words.Done); t != nil {
		s.done(t)
	} else if t = text(s.words.Failed); t != nil {
		s.failed(t)
	}
}

// of begins an event about the words of an item.
func (s *session) of(kind string, id []byte) []byte {
	b := append(scan.AppendName(s.begin("conversation.item.input_audio_transcription."+kind), "item_id"), id...)
	return append(scan.AppendName(b, "content_index"), '0')
}

func (s *session) delta(text []byte) {
	id := s.writing.id
	if id == nil {
		id = s.coming.id
	}
	if id != nil && len(text) > 2 {
		s.tell(append(scan.AppendName(s.of("delta", id), "delta"), text...))
	}
}

// done ends what was being written down. A vendor that ends an utterance by itself has
// committed it.
func (s *session) done(text []byte) {
	u := s.writing
	if u.id == nil {
		if u = s.coming; u.id == nil || !s.live {
			return
		}
		s.stands(u.id)
		s.coming, s.sound, s.live = utterance{}, resampler{}, false
	}
	b := append(scan.AppendName(s.of("completed", u.id), "transcript"), text...)
	b = append(scan.AppendName(b, "usage"), `{"type":"duration","seconds":`...)
	s.tell(append(strconv.AppendFloat(b, float64(u.bytes)/2/float64(s.rate), 'f', -1, 64), '}'))
	s.free()
}

// failed tells of an error: of the utterance that was being written down, else of the
// session. What follows begins anew.
func (s *session) failed(text []byte) {
	fault := append([]byte(`{"type":"server_error","code":null,"message":`), text...)
	fault = append(fault, `,"param":null`...)
	s.live = false
	if s.writing.id == nil {
		s.tell(append(scan.AppendName(s.begin("error"), "error"), append(fault, `,"event_id":null}`...)...))
		return
	}
	s.tell(append(scan.AppendName(s.of("failed", s.writing.id), "error"), append(fault, '}')...))
	s.free()
}

// free gives the vendor what has waited, up to the next utterance's end.
func (s *session) free() {
	waiting := scan.CloseArray(s.waiting, 0)
	s.writing, s.waiting = utterance{}, nil
	scan.Elements(waiting, func(_ int, v []byte) bool {
		switch {
		case s.writing.id != nil:
			s.wait(v)
		case scan.Kind(v) == '{':
			s.end(readUtterance(v))
		default:
			s.pass(v)
		}
		return true
	})
}

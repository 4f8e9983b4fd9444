package transcribe

import (
	"bytes"
	"encoding/base64"
	"strconv"

	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// maxPiece is how many bytes of sound one event may bring: what a plugin makes of another
// rate within its time. It is 43 seconds.
const maxPiece = 2 << 20

// client takes an event of the client.
// https://platform.openai.com/docs/api-reference/realtime-client-events
func (s *session) client(e []byte) *llm.Fault {
	switch kind := scan.GetString(e, "type"); kind {
	case "session.update":
		return s.update(scan.Get(e, "session")).Under("session")
	case "input_audio_buffer.append":
		return s.hear(scan.Get(e, "audio"))
	case "input_audio_buffer.commit":
		return s.commit()
	case "input_audio_buffer.clear":
		if s.coming.id != nil {
			return llm.Refuse("type", "input_audio_buffer.clear takes back what was heard already, which is not possible with this provider")
		}
		s.tell(s.begin("input_audio_buffer.cleared"))
		return nil
	case "":
		return llm.Refuse("type", "must be a string")
	default:
		return llm.Refuse("type", kind+" is not supported: sessions of this provider only transcribe")
	}
}

// hear passes sound on, at the rate that the vendor wants.
func (s *session) hear(audio []byte) *llm.Fault {
	text, ok := scan.String(audio)
	if !ok {
		return llm.Refuse("audio", "must be a string of base64")
	}
	pcm, err := base64.StdEncoding.DecodeString(text)
	switch {
	case err != nil:
		return llm.Refuse("audio", "must be base64")
	case len(pcm)%2 != 0:
		return llm.Refuse("audio", "must be whole samples of 16 bits")
	case len(pcm) > maxPiece:
		return llm.Refuse("audio", "has more sound than this provider takes in one event, 2 MB: it must come in pieces")
	case len(pcm) == 0:
		return nil
	}
	if s.coming.id == nil {
		s.coming, s.sound = utterance{id: s.id("item")}, resampler{}
	}
	s.coming.bytes += int64(len(pcm))
	if s.rate != s.words.Rate {
		audio = quoted(s.sound.take(pcm))
	}
	s.pass(audio)
	return nil
}

// quoted is sound as a raw string of base64.
func quoted(pcm []byte) []byte {
	b := make([]byte, 0, base64.StdEncoding.EncodedLen(len(pcm))+2)
	return append(base64.StdEncoding.AppendEncode(append(b, '"'), pcm), '"')
}

// pass gives the vendor sound, a raw string, or keeps it until the vendor is free.
func (s *session) pass(audio []byte) {
	switch {
	case len(audio) <= 2:
	case s.writing.id != nil:
		s.wait(audio)
	default:
		if !s.live && s.words.Begin != nil {
			s.send(s.words.Begin, nil)
		}
		s.live = true
		s.send(s.words.Append, audio)
	}
}

// commit makes an item of what was heard.
func (s *session) commit() *llm.Fault {
	if s.coming.id == nil {
		return llm.Refuse("type", "input_audio_buffer.commit has nothing to commit: no sound was sent since the last item")
	}
	if s.rate != s.words.Rate {
		s.pass(quoted(s.sound.end()))
	}
	u := s.coming
	s.stands(u.id)
	s.coming, s.sound = utterance{}, resampler{}
	if s.writing.id != nil {
		s.wait(u.raw())
		return nil
	}
	s.end(u)
	return nil
}

// stands tells of a new item.
func (s *session) stands(id []byte) {
	previous := s.last
	if previous == nil {
		previous = []byte("null")
	}
	behind := func(kind string) []byte {
		return append(scan.AppendName(s.begin(kind), "previous_item_id"), previous...)
	}
	s.tell(append(scan.AppendName(behind("input_audio_buffer.committed"), "item_id"), id...))
	for _, kind := range [...]string{"conversation.item.added", "conversation.item.done"} {
		b := append(append(scan.AppendName(behind(kind), "item"), `{"id":`...), id...)
		s.tell(append(b, `,"object":"realtime.item","type":"message","status":"completed","role":"user","content":[{"type":"input_audio","transcript":null}]}`...))
	}
	s.last = id
}

// end tells the vendor that an utterance is over.
func (s *session) end(u utterance) {
	s.send(s.words.End, nil)
	s.live, s.writing = false, u
}

// update takes a session.update. Members that are null are their defaults.
// https://platform.openai.com/docs/api-reference/realtime-client-events/session/update
func (s *session) update(wanted []byte) (f *llm.Fault) {
	if scan.Kind(wanted) != '{' {
		return llm.Refuse("", "must be an object")
	}
	if kind := scan.GetString(wanted, "type"); kind != "transcription" {
		return llm.Refuse("type", "must be transcription: sessions of this provider only transcribe")
	}
	rate := s.rate
	each(wanted, &f, func(name string, v []byte) *llm.Fault {
		switch name {
		case "type", "model":
			return nil
		case "audio":
			return s.audio(v, &rate).Under(name)
		}
		return unsupported(name)
	})
	switch {
	case f != nil:
		return f
	case rate != s.rate && (s.coming.id != nil || s.writing.id != nil):
		return llm.Refuse("audio.input.format", "cannot change before all that was said is committed and written down")
	}
	s.rate = rate
	s.tell(s.settings("session.updated"))
	return nil
}

func (s *session) audio(v []byte, rate *int64) (f *llm.Fault) {
	each(v, &f, func(name string, v []byte) *llm.Fault {
		if name != "input" {
			return unsupported(name)
		}
		return s.input(v, rate).Under(name)
	})
	return f
}

func (s *session) input(v []byte, rate *int64) (f *llm.Fault) {
	each(v, &f, func(name string, v []byte) *llm.Fault {
		switch name {
		case "format":
			return s.format(v, rate).Under(name)
		case "transcription":
			return s.transcription(v).Under(name)
		case "turn_detection":
			return llm.Refuse(name, "must be null: with this provider the client says where a turn ends, by input_audio_buffer.commit")
		}
		return unsupported(name)
	})
	return f
}

func (s *session) format(v []byte, rate *int64) *llm.Fault {
	wanted, ok := scan.GetInt(v, "rate")
	if !ok {
		wanted = usualRate
	}
	if scan.GetString(v, "type") != "audio/pcm" || wanted != usualRate && wanted != s.words.Rate {
		rates := strconv.Itoa(usualRate)
		if s.words.Rate != usualRate {
			rates += " or " + strconv.FormatInt(s.words.Rate, 10)
		}
		return llm.Refuse("", "must be audio/pcm of "+rates+" samples a second with this provider")
	}
	*rate = wanted
	return nil
}

func (s *session) transcription(v []byte) (f *llm.Fault) {
	each(v, &f, func(name string, v []byte) *llm.Fault {
		if name != "model" {
			return unsupported(name)
		}
		if !bytes.Equal(v, scan.AppendString(nil, s.model)) {
			return llm.Refuse(name, "must be left out: the model of the session writes down what it hears")
		}
		return nil
	})
	return f
}

// each calls take with the members of an object that are not null.
func each(obj []byte, f **llm.Fault, take func(name string, v []byte) *llm.Fault) {
	if scan.Kind(obj) != '{' {
		*f = llm.Refuse("", "must be an object")
		return
	}
	scan.Members(obj, func(key, v []byte) bool {
		if !scan.IsNull(v) {
			*f = take(string(key), v)
		}
		return *f == nil
	})
}

func unsupported(name string) *llm.Fault {
	return llm.Refuse(name, "is not supported in sessions of this provider")
}

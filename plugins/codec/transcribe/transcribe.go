// Package transcribe makes of a vendor's sessions that write down what they hear
// OpenAI's transcription sessions, whose ends of turns the client says. The vendors'
// messages differ little: [Words] tells them.
// https://platform.openai.com/docs/guides/realtime-transcription
package transcribe

import (
	"bytes"
	"strconv"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// Words are a vendor's messages, raw JSON. In those to the vendor the string "$model"
// stands for the model, and "$audio" for sound in base64: 16 bits, one channel.
type Words struct {
	Rate   int64  // of the sound that the vendor wants, 16000 or 24000 samples a second
	Open   []byte // opens the session; nil for nothing
	Begin  []byte // goes before the first sound of an utterance; nil for nothing
	Append []byte // brings sound
	End    []byte // ends an utterance
	// Delta, Done and Failed are objects: the type of the vendor's event, and the path
	// where its text stands.
	Delta, Done, Failed []byte
	Kind                string // the member that is an event's type; "" is "type"
}

// usualRate is that of OpenAI's sound where a session does not say.
const usualRate = 24000

// Converse translates one message of a session.
func Converse(r *abi.ConverseRequest, w *Words) (*abi.ConverseReply, error) {
	s := &session{name: r.Session, model: r.Deployment.Model, words: w, reply: &abi.ConverseReply{}, rate: usualRate}
	s.read(r.State)
	var f *llm.Fault
	switch {
	case r.Client != nil:
		f = s.client(r.Client)
	case r.Vendor != nil:
		s.vendor(r.Vendor)
	default:
		s.open()
	}
	if f != nil {
		return nil, f.Named()
	}
	s.reply.State = s.write()
	return s.reply, nil
}

// session is one under way. The vendor hears one utterance after another: what the
// client says while one is being written down waits.
type session struct {
	name, model string
	words       *Words
	reply       *abi.ConverseReply

	count   int64     // ids that were given
	rate    int64     // of the client's sound
	last    []byte    // raw: the id of the last item
	coming  utterance // of which the client is still speaking
	live    bool      // the vendor hears an utterance that has not ended
	writing utterance // that the vendor writes down, which has ended
	waiting []byte    // elements: sound, and the utterances that end behind it
	sound   resampler // of the coming utterance
}

// utterance is a piece of sound that becomes an item; id is nil where there is none.
type utterance struct {
	id    []byte // raw
	bytes int64  // of the client's sound
}

// open greets both sides.
func (s *session) open() {
	if s.words.Open != nil {
		s.send(s.words.Open, nil)
	}
	s.tell(s.settings("session.created"))
}

// id makes an id that is new in the session, raw.
func (s *session) id(kind string) []byte {
	s.count++
	return scan.AppendString(nil, kind+"_"+s.name+"_"+strconv.FormatInt(s.count, 10))
}

// begin writes an event's head; tell closes it.
func (s *session) begin(kind string) []byte {
	b := scan.AppendString(scan.AppendName(nil, "type"), kind)
	return append(scan.AppendName(b, "event_id"), s.id("event")...)
}

func (s *session) tell(event []byte) {
	s.reply.ToClient = append(s.reply.ToClient, scan.CloseObject(event, 0))
}

// send gives the vendor one of its messages, with sound in it where audio is a string.
func (s *session) send(message, audio []byte) {
	message = bytes.Replace(message, []byte(`"$model"`), scan.AppendString(nil, s.model), 1)
	s.reply.ToVendor = append(s.reply.ToVendor, bytes.Replace(message, []byte(`"$audio"`), audio, 1))
}

// settings is an event with the session as it stands.
func (s *session) settings(kind string) []byte {
	b := append(scan.AppendName(s.begin(kind), "session"), `{"type":"transcription","object":"realtime.transcription_session","id":`...)
	b = scan.AppendString(b, "sess_"+s.name)
	b = append(b, `,"audio":{"input":{"format":{"type":"audio/pcm","rate":`...)
	b = strconv.AppendInt(b, s.rate, 10)
	b = scan.AppendString(append(b, `},"transcription":{"model":`...), s.model)
	return append(b, `},"noise_reduction":null,"turn_detection":null}}}`...)
}

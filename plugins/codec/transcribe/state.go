package transcribe

import (
	"strconv"

	"github.com/tokligence/gateway/pdk/abi/scan"
)

var stateFields = scan.NewNames("n", "rate", "last", "coming", "live", "writing", "waiting", "sound")

func (s *session) read(state []byte) {
	if state == nil {
		return
	}
	var n, rate, coming, live, writing, waiting, sound []byte
	stateFields.Read(state, nil, &n, &rate, &s.last, &coming, &live, &writing, &waiting, &sound)
	s.count, _ = scan.Int(n)
	s.rate, _ = scan.Int(rate)
	s.coming, s.writing = readUtterance(coming), readUtterance(writing)
	s.live, _ = scan.Bool(live)
	scan.Elements(waiting, func(_ int, v []byte) bool { s.wait(v); return true })
	s.sound.read(sound)
}

func (s *session) write() []byte {
	b := strconv.AppendInt(scan.AppendName(nil, "n"), s.count, 10)
	b = strconv.AppendInt(scan.AppendName(b, "rate"), s.rate, 10)
	b = scan.AppendMember(b, "last", s.last)
	b = scan.AppendMember(b, "coming", s.coming.raw())
	if s.live {
		b = append(scan.AppendName(b, "live"), "true"...)
	}
	b = scan.AppendMember(b, "writing", s.writing.raw())
	if len(s.waiting) > 0 {
		b = append(scan.AppendName(b, "waiting"), scan.CloseArray(s.waiting, 0)...)
	}
	return scan.CloseObject(scan.AppendMember(b, "sound", s.sound.raw()), 0)
}

func readUtterance(raw []byte) (u utterance) {
	u.id = scan.Get(raw, "id")
	u.bytes, _ = scan.GetInt(raw, "bytes")
	return u
}

// raw is nil where there is none.
func (u *utterance) raw() []byte {
	if u.id == nil {
		return nil
	}
	b := append(scan.AppendName(nil, "id"), u.id...)
	return scan.CloseObject(strconv.AppendInt(scan.AppendName(b, "bytes"), u.bytes, 10), 0)
}

// wait keeps sound or an utterance's end until the vendor is free.
func (s *session) wait(v []byte) { s.waiting = append(append(s.waiting, ','), v...) }

package exchange

import (
	"bytes"
	"cmp"
	"context"
	"strings"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// Sound is told in tokens by its length: one for 100 ms that are heard, and one for
// 50 ms that are said, unless the plan says otherwise. https://platform.openai.com/docs/guides/realtime-costs
const (
	heardTokens = 10 // a second
	saidTokens  = 20
)

// maxSound is more than a conversation can have: what a microphone sends while nobody
// speaks is not all part of it.
const maxSound = (128 << 10) / heardTokens * time.Second

// The bytes of a second: 16 bits of 24 kHz, and 8 bits of a telephone's 8 kHz.
const (
	usualSecond  = 48000
	narrowSecond = 8000
)

// soundLength is how long a JSON string of base64 sounds, at so many bytes a second; 0
// stands for the usual.
func soundLength(base64 []byte, second int64) time.Duration {
	n := int64(len(bytes.TrimRight(bytes.Trim(base64, `"`), "="))) * 3 / 4
	second = cmp.Or(second, usualSecond)
	return time.Duration((n*int64(time.Second) + second - 1) / second)
}

// soundTokens is how many tokens sound of a length is, upward.
func soundTokens(d time.Duration, each int64) int64 {
	return int64((d*time.Duration(each) + time.Second - 1) / time.Second)
}

// upMilliseconds is a length in milliseconds, upward.
func upMilliseconds(d time.Duration) int64 {
	return int64((d + time.Millisecond - 1) / time.Millisecond)
}

// second is how many bytes a second of sound has in the format of one side of a
// session, "input" or "output"; 0 where the settings do not say.
func second(settings []byte, side string) int64 {
	format := scan.Get(settings, "audio", side, "format")
	name, _ := scan.String(scan.Get(settings, side+"_audio_format"))
	switch name = cmp.Or(scan.GetString(format, "type"), name); {
	case strings.Contains(name, "g711"), strings.Contains(name, "pcmu"), strings.Contains(name, "pcma"):
		return narrowSecond
	}
	if rate, ok := scan.GetInt(format, "rate"); ok && rate > 0 && rate <= usualSecond {
		return 2 * rate
	}
	return 0
}

// longer is the format in which the same bytes sound longer; 0 is the usual.
func longer(a, b int64) int64 { return min(cmp.Or(a, usualSecond), cmp.Or(b, usualSecond)) }

// listen counts sound that the client sends, before the vendor hears it. What is written
// down while it is made is held for first: what no budget covers ends the session.
func (s *session) listen(ctx context.Context, audio []byte) *core.Error {
	s.mu.Lock()
	length := soundLength(audio, s.expected().heardSecond)
	s.mu.Unlock()
	if err := s.cover(ctx, length); err != nil {
		return err
	}
	if err := s.passes(ctx, length, 0, false); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.buffer = min(s.buffer+length, maxSound)
	s.sounds = true
	return nil
}

package llm

import (
	"strconv"
	"strings"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// Word is a word of a transcript, with its times in seconds.
type Word struct {
	Text       string
	Start, End float64
}

// Transcript is what a recording says, for answers in the formats of OpenAI's API
// that a vendor does not write itself.
type Transcript struct {
	Text     []byte // raw JSON string: it may be long, and is only moved
	Language string // "" when not known
	Duration float64
	Words    []Word // those that have times
}

// TranscriptFormats are the response formats that Answer writes; "" is json.
var TranscriptFormats = map[string]bool{"": true, "json": true, "verbose_json": true, "text": true, "srt": true, "vtt": true}

// Answer writes the transcript in a format, with the words where they are wanted.
// https://platform.openai.com/docs/api-reference/audio/createTranscription
func (t *Transcript) Answer(format string, words bool) *abi.DecodeReply {
	r := &abi.DecodeReply{}
	if t.Duration > 0 {
		ms := int64(t.Duration*1000 + 0.999)
		r.Usage = &abi.Usage{Milliseconds: &ms}
	}
	switch format {
	case "text":
		r.ContentType, r.Body = "text/plain; charset=utf-8", t.Text
	case "srt":
		r.ContentType, r.Body = "text/plain; charset=utf-8", scan.AppendString(nil, t.srt())
	case "vtt":
		r.ContentType, r.Body = "text/vtt; charset=utf-8", scan.AppendString(nil, t.vtt())
	case "verbose_json":
		r.Body = t.verbose(words)
	default:
		r.Body = scan.CloseObject(append(scan.AppendName(nil, "text"), t.Text...), 0)
	}
	return r
}

func (t *Transcript) verbose(words bool) []byte {
	b := scan.AppendString(scan.AppendName(nil, "task"), "transcribe")
	b = scan.AppendString(scan.AppendName(b, "language"), t.Language)
	b = seconds(scan.AppendName(b, "duration"), t.Duration)
	b = append(scan.AppendName(b, "text"), t.Text...)
	b = scan.AppendName(b, "segments")
	start := len(b)
	for i, c := range t.cues() {
		b = append(b, ',')
		one := len(b)
		b = strconv.AppendInt(scan.AppendName(b, "id"), int64(i), 10)
		b = times(b, c.Start, c.End)
		b = scan.CloseObject(scan.AppendString(scan.AppendName(b, "text"), c.Text), one)
	}
	b = scan.CloseArray(b, start)
	if words {
		b = scan.AppendName(b, "words")
		start = len(b)
		for _, w := range t.Words {
			b = append(b, ',')
			one := len(b)
			b = scan.AppendString(scan.AppendName(b, "word"), w.Text)
			b = scan.CloseObject(times(b, w.Start, w.End), one)
		}
		b = scan.CloseArray(b, start)
	}
	return scan.CloseObject(b, 0)
}

func times(b []byte, start, end float64) []byte {
	return seconds(scan.AppendName(seconds(scan.AppendName(b, "start"), start), "end"), end)
}

func seconds(b []byte, s float64) []byte { return strconv.AppendFloat(b, s, 'f', -1, 64) }

// What of a transcript is shown at once: at most two lines, and a reader's time.
const (
	cueLength = 84 // bytes
	cueTime   = 7.0
	cuePause  = 1.0
)

// cues puts words together to what is shown at once: up to the end of a sentence,
// a pause, or as much as can be read.
func (t *Transcript) cues() (list []Word) {
	var c Word
	for i, w := range t.Words {
		if c.Text != "" && (w.Start-c.End >= cuePause || w.End-c.Start > cueTime || len(c.Text)+len(w.Text) >= cueLength) {
			list, c = append(list, c), Word{}
		}
		if c.Text == "" {
			c = w
		} else {
			c.Text, c.End = c.Text+" "+w.Text, w.End
		}
		if i == len(t.Words)-1 || strings.ContainsAny(w.Text[max(len(w.Text)-1, 0):], ".?!") {
			list, c = append(list, c), Word{}
		}
	}
	return list
}

func (t *Transcript) srt() (b []byte) {
	for i, c := range t.cues() {
		b = append(strconv.AppendInt(b, int64(i+1), 10), '\n')
		b = append(appendClock(append(appendClock(b, c.Start, ','), " --> "...), c.End, ','), '\n')
		b = append(append(b, c.Text...), "\n\n"...)
	}
	return b
}

func (t *Transcript) vtt() []byte {
	b := []byte("WEBVTT\n\n")
	for _, c := range t.cues() {
		b = append(appendClock(append(appendClock(b, c.Start, '.'), " --> "...), c.End, '.'), '\n')
		b = append(append(b, c.Text...), "\n\n"...)
	}
	return b
}

// appendClock writes 01:02:03.004.
func appendClock(b []byte, s float64, point byte) []byte {
	ms := int64(s*1000 + 0.5)
	for i, unit := range [...]int64{3600_000, 60_000, 1000} {
		if n := ms / unit; i == 0 && n > 99 {
			b = strconv.AppendInt(b, n, 10)
		} else {
			b = append(b, byte('0'+n/10), byte('0'+n%10))
		}
		ms %= unit
		if i < 2 {
			b = append(b, ':')
		}
	}
	return append(b, point, byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10))
}

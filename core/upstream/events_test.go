package upstream_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/upstream"
	"github.com/tokligence/gateway/pdk/abi"
)

// seen is what a reader made of a stream, one event a line and then the error.
func seen(r upstream.EventReader) string {
	var b strings.Builder
	for {
		e, err := r.Next()
		if err != nil {
			if _, again := r.Next(); again == nil || again.Error() != err.Error() {
				return fmt.Sprintf("%v, then %v", err, again)
			}
			if !r.Buffered() {
				return "not Buffered at the end"
			}
			if err != io.EOF {
				fmt.Fprintln(&b, err)
			}
			return b.String()
		}
		fmt.Fprintf(&b, "%s|%s", e.Name, e.Data)
		if e.Unterminated {
			b.WriteString("|unterminated")
		}
		b.WriteByte('\n')
	}
}

// everyCut reads in whole, byte by byte, and cut at every offset.
func everyCut(t *testing.T, framing abi.Framing, in string, limit int, want string) {
	t.Helper()
	check := func(how string, r io.Reader) {
		if got := seen(upstream.Events(framing, r, limit)); got != want {
			t.Fatalf("%s:\n%s\nwant\n%s", how, got, want)
		}
	}
	check("whole", strings.NewReader(in))
	check("byte by byte", iotest.OneByteReader(strings.NewReader(in)))
	check("end with data", iotest.DataErrReader(strings.NewReader(in)))
	step := max(1, len(in)/500)
	for i := 0; i < len(in); i += step {
		check(fmt.Sprint("cut at ", i), io.MultiReader(strings.NewReader(in[:i]), strings.NewReader(in[i:])))
	}
}

func TestEvents_Lines(t *testing.T) {
	long := `{"long":"` + strings.Repeat("x", 9000) + `"}`
	cases := []struct {
		name, in string
		max      int
		want     string
	}{
		{"lines", "{\"a\":1}\n{\"b\":2}\n", 100, "|{\"a\":1}\n|{\"b\":2}\n"},
		{"CRLF and blank lines", "\n{\"a\":1}\r\n\r\n  \n {\"b\":2} \n", 100, "|{\"a\":1}\n|{\"b\":2}\n"},
		{"last line without end", "{\"a\":1}\n{\"b\":2}", 100, "|{\"a\":1}\n|{\"b\":2}|unterminated\n"},
		{"characters", "\"né世😀\"\n", 100, "|\"né世😀\"\n"},
		{"larger than the buffer", long + "\n1\n" + long, 10000, "|" + long + "\n|1\n|" + long + "|unterminated\n"},
		{"too long", "1\n" + long + "\n", 5000, "|1\nevent is longer than the limit of 5000 bytes\n"},
		{"nothing", "", 100, ""},
	}
	for _, cs := range cases {
		t.Run(cs.name, func(t *testing.T) { everyCut(t, abi.FramingNDJSON, cs.in, cs.max, cs.want) })
	}
}

func frame(t testing.TB, payload string, headers ...string) string {
	t.Helper()
	var m eventstream.Message
	m.Payload = []byte(payload)
	for i := 0; i < len(headers); i += 2 {
		m.Headers.Set(headers[i], eventstream.StringValue(headers[i+1]))
	}
	// Of other types, to be passed over.
	m.Headers.Set("b", eventstream.BoolValue(true))
	m.Headers.Set("n", eventstream.Int64Value(7))
	m.Headers.Set("y", eventstream.BytesValue{1, 2, 3})
	var b bytes.Buffer
	if err := eventstream.NewEncoder().Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestEvents_Frames is C20.
func TestEvents_Frames(t *testing.T) {
	start := frame(t, `{"role":"assistant"}`, ":message-type", "event", ":event-type", "messageStart")
	delta := frame(t, `{"delta":{"text":"par"}}`, ":event-type", "contentBlockDelta", ":message-type", "event")
	slow := frame(t, `{"message":"slow"}`, ":message-type", "exception", ":exception-type", "throttlingException")
	large := frame(t, strings.Repeat("x", 10000), ":message-type", "event", ":event-type", "large")
	good := "messageStart|{\"role\":\"assistant\"}\ncontentBlockDelta|{\"delta\":{\"text\":\"par\"}}\n"
	const broken = "upstream_unavailable: the provider's answer is malformed: "
	flip := func(s string, i int) string {
		b := []byte(s)
		b[(i+len(b))%len(b)] ^= 1
		return string(b)
	}
	cases := []struct {
		name, in string
		max      int
		want     string
	}{
		{"events", start + delta, 1000, good},
		{"exception after content", start + delta + slow, 1000, good + "exception:throttlingException|{\"message\":\"slow\"}\n"},
		{"exception first", slow, 1000, "exception:throttlingException|{\"message\":\"slow\"}\n"},
		{"model error", frame(t, `{}`, ":message-type", "exception", ":exception-type", "modelStreamErrorException"), 1000, "exception:modelStreamErrorException|{}\n"},
		{"error", frame(t, "", ":message-type", "error", ":error-code", "InternalError", ":error-message", `it "broke"`), 1000,
			`exception:InternalError|{"message":"it \"broke\""}` + "\n"},
		{"larger than the buffer", large + start, 20000, "large|" + strings.Repeat("x", 10000) + "\nmessageStart|{\"role\":\"assistant\"}\n"},
		{"no payload", frame(t, "", ":message-type", "event", ":event-type", "ping"), 1000, "ping|\n"},
		{"wrong checksum", start + flip(delta, -1) + start, 1000, "messageStart|{\"role\":\"assistant\"}\n" + broken + "an event frame with a wrong checksum\n"},
		{"changed payload", start + flip(delta, -10), 1000, "messageStart|{\"role\":\"assistant\"}\n" + broken + "an event frame with a wrong checksum\n"},
		{"changed length", flip(start, 3), 1000, broken + "an event frame with a wrong checksum\n"},
		{"cut", start + delta[:len(delta)-1], 1000, "messageStart|{\"role\":\"assistant\"}\n" + broken + "an event frame that is cut off: unexpected EOF\n"},
		{"cut in its prelude", start + delta[:5], 1000, "messageStart|{\"role\":\"assistant\"}\n" + broken + "an event frame that is cut off: unexpected EOF\n"},
		{"too long", start + large, 1000, "messageStart|{\"role\":\"assistant\"}\nevent is longer than the limit of 1000 bytes\n"},
		{"unknown kind", frame(t, "", ":message-type", "odd"), 1000, broken + "an event frame of unknown kind \"odd\"\n"},
		{"not frames", "data: {}\n\ndata: {}\n\n", 1000, broken + "an event frame with a wrong checksum\n"},
		{"nothing", "", 1000, ""},
	}
	for _, cs := range cases {
		t.Run(cs.name, func(t *testing.T) { everyCut(t, abi.FramingAWSEventStream, cs.in, cs.max, cs.want) })
	}
	// Any single changed byte is noticed.
	for i := range delta {
		if got := seen(upstream.Events(abi.FramingAWSEventStream, strings.NewReader(flip(delta, i)), 1000)); !strings.HasPrefix(got, broken) {
			t.Errorf("byte %d changed: %s", i, got)
		}
	}
}

func TestEvents_Buffered(t *testing.T) {
	one, two := frame(t, "1", ":event-type", "a"), frame(t, "2", ":event-type", "b")
	for framing, parts := range map[abi.Framing][2]string{
		abi.FramingNDJSON:         {"1\n", "2\n"},
		abi.FramingAWSEventStream: {one, two},
		"":                        {"data: 1\n\n", "data: 2\n\n"},
	} {
		// Two events in one read, the second event of the next read cut.
		reads := []string{parts[0] + parts[1], parts[0] + parts[1][:1], parts[1][1:]}
		r := upstream.Events(framing, &steps{reads}, 1000)
		for i, want := range []bool{false, true, false, false} {
			if got := r.Buffered(); got != want {
				t.Errorf("%q, before event %d: Buffered %v", framing, i, got)
			}
			e, err := r.Next()
			r.Buffered()
			if data := string(e.Data); err != nil || data != fmt.Sprint(i%2+1) {
				t.Errorf("%q, event %d: %q, %v", framing, i, data, err)
			}
		}
	}
}

type steps struct{ rest []string }

func (s *steps) Read(p []byte) (int, error) {
	if len(s.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, s.rest[0])
	s.rest = s.rest[1:]
	return n, nil
}

func TestEvents_SourceError(t *testing.T) {
	broken := core.Errorf(core.CodeUpstreamTimeout, core.SourceUpstream, "too long")
	for _, framing := range []abi.Framing{abi.FramingNDJSON, abi.FramingAWSEventStream, abi.FramingSSE} {
		_, err := upstream.Events(framing, io.MultiReader(strings.NewReader("da"), iotest.ErrReader(broken)), 100).Next()
		if err != error(broken) {
			t.Errorf("%q: %v, want the source's own", framing, err)
		}
		_, err = upstream.Events(framing, silent{}, 100).Next()
		if !errors.Is(err, io.ErrNoProgress) {
			t.Errorf("%q: %v of a source that gives nothing", framing, err)
		}
	}
}

type silent struct{}

func (silent) Read([]byte) (int, error) { return 0, nil }

// FuzzFrames holds the reader against the vendor's own decoder.
func FuzzFrames(f *testing.F) {
	f.Add([]byte(frame(f, "{}", ":message-type", "event", ":event-type", "a") + frame(f, "", ":message-type", "exception", ":exception-type", "b")))
	f.Fuzz(func(t *testing.T, raw []byte) {
		got := seen(upstream.Events(abi.FramingAWSEventStream, bytes.NewReader(raw), 1<<16))
		if bits := seen(upstream.Events(abi.FramingAWSEventStream, iotest.OneByteReader(bytes.NewReader(raw)), 1<<16)); bits != got {
			t.Fatalf("whole:\n%s\nbyte by byte:\n%s", got, bits)
		}
		rest := bytes.NewReader(raw)
		lines := strings.SplitAfter(got, "\n")
		for i := 0; rest.Len() > 0; i++ {
			m, err := eventstream.NewDecoder().Decode(rest, nil)
			if err != nil {
				return
			}
			if kind := m.Headers.Get(":message-type"); kind != nil && kind.String() != "event" {
				return
			}
			name := ""
			if v, ok := m.Headers.Get(":event-type").(eventstream.StringValue); ok {
				name = string(v)
			}
			if !bytes.ContainsAny(m.Payload, "\n") && !strings.Contains(name, "\n") && lines[i] != fmt.Sprintf("%s|%s\n", name, m.Payload) {
				t.Fatalf("event %d: %q, the vendor's decoder has %q %q", i, lines[i], name, m.Payload)
			}
		}
	})
}

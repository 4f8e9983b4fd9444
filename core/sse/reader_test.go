package sse_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/tokligence/gateway/core/sse"
)

// got is an event as tests compare it.
type got struct {
	Name, Data, Raw string
	Unterminated    bool
}

func readAll(t testing.TB, r *sse.Reader) ([]got, error) {
	t.Helper()
	var all []got
	for {
		e, err := r.Next()
		if err != nil {
			if _, again := r.Next(); again != err {
				t.Errorf("Next after the end: %v, then %v", err, again)
			}
			if err == io.EOF {
				err = nil
			}
			return all, err
		}
		all = append(all, got{string(e.Name), string(e.Data), string(e.Raw), e.Unterminated})
	}
}

func chunk(content string) string {
	return `{"choices":[{"index":0,"delta":{"content":"` + content + `"}}]}`
}

// plain is an event in canonical form, named one likewise.
func plain(data string) got { return got{Data: data, Raw: "data: " + data + "\n\n"} }
func named(name, data string) got {
	return got{Name: name, Data: data, Raw: "event: " + name + "\ndata: " + data + "\n\n"}
}

var streams = map[string][]got{
	"non-ascii.sse": { // C01
		plain(`{"id":"x1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"né世😀"}}]}`),
		plain(`{"id":"x1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`),
		plain(`[DONE]`),
	},
	"half-event.sse": { // C02
		plain(chunk("A")),
		{Data: `{"choices":[{"index":0,"delta":{"content":"hel`, Unterminated: true},
	},
	// C04
	"lf.sse":               {plain(chunk("A")), plain(chunk("B"))},
	"crlf.sse":             {{Data: chunk("A")}, {Data: chunk("B")}},
	"cr.sse":               {{Data: chunk("A")}, {Data: chunk("B")}},
	"no-space.sse":         {{Data: chunk("A")}, {Data: chunk("B")}},
	"bom.sse":              {plain(chunk("A")), plain(chunk("B"))},
	"no-last-blank.sse":    {plain(chunk("A")), {Data: "[DONE]", Unterminated: true}},
	"no-last-blank-lf.sse": {plain(chunk("A")), {Data: "[DONE]", Unterminated: true}},
	"multi-line.sse": {{
		Data: `{"id":"a",` + "\n" + `"choices":[{"index":0,"delta":{"content":"A"}}]}`,
		Raw:  `data: {"id":"a",` + "\n" + `data: "choices":[{"index":0,"delta":{"content":"A"}}]}` + "\n\n",
	}},
	// C13: two of the blocks have an empty data line, which is an event to the standard but is not passed on.
	"keep-alive.sse": {plain(chunk("A")), {Data: chunk("B")}, {}, {}, plain("[DONE]")},
	"named.sse": {
		named("message_start", `{"type":"message_start","message":{"id":"msg_1"}}`),
		named("ping", `{"type":"ping"}`),
		{Name: "message_stop", Data: `{"type":"message_stop"}`},
		{Name: "last", Data: `{"late":"name"}`},
	},
	"mixed-ends.sse": {{Data: `{"n":1}`}, {Data: `{"n":2}`}, {Data: `{"n":3}`}, plain(`{"n":4}`)},
}

func streamFile(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "testdata", "streams", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestReader_Streams reads every file whole, byte by byte, and cut at every offset.
func TestReader_Streams(t *testing.T) {
	for name, want := range streams {
		t.Run(name, func(t *testing.T) {
			raw := streamFile(t, name)
			check := func(how string, src io.Reader) {
				events, err := readAll(t, sse.NewReader(src, 1<<20))
				if err != nil || fmt.Sprint(events) != fmt.Sprint(want) {
					t.Fatalf("%s: %v\n got %+v\nwant %+v", how, err, events, want)
				}
			}
			check("whole", bytes.NewReader(raw))
			check("byte by byte", iotest.OneByteReader(bytes.NewReader(raw)))
			check("end with the data", iotest.DataErrReader(bytes.NewReader(raw)))
			for i := range raw {
				check(fmt.Sprintf("cut at %d", i), io.MultiReader(bytes.NewReader(raw[:i]), bytes.NewReader(raw[i:])))
			}
		})
	}
}

// TestReader_Truncated ends every file at every offset: what came whole stays,
// and at most one event is marked.
func TestReader_Truncated(t *testing.T) {
	for name := range streams {
		raw := streamFile(t, name)
		for i := range raw {
			events, err := readAll(t, sse.NewReader(bytes.NewReader(raw[:i]), 1<<20))
			want := reference(raw[:i])
			if err != nil || fmt.Sprint(events) != fmt.Sprint(want) {
				t.Fatalf("%s ended at %d: %v\n got %+v\nwant %+v", name, i, err, events, want)
			}
		}
	}
}

func TestReader_RewrittenStreams(t *testing.T) {
	for name := range streams {
		events, err := readAll(t, sse.NewReader(bytes.NewReader(streamFile(t, name)), 1<<20))
		if err != nil {
			t.Fatal(err)
		}
		var out []byte
		for _, e := range events {
			out = sse.Append(out, e.Name, []byte(e.Data))
		}
		for _, bad := range []string{"\r", "id:", "retry:", "\xef\xbb\xbf", "data: \n\n", "\n\n\n"} {
			if bytes.Contains(out, []byte(bad)) {
				t.Errorf("%s: written stream holds %q:\n%s", name, bad, out)
			}
		}
	}
}

func TestReader_Limit(t *testing.T) {
	cases := []struct {
		name, in string
		max      int
		want     []got
		err      string
	}{
		{"fits", "data: 12\n\n", 10, []got{plain("12")}, ""},
		{"one over", "data: 123\n\n", 10, nil, "limit of 10 bytes"},
		{"after a good one", "data: 12\n\ndata: 123\n\n", 10, []got{plain("12")}, "limit of 10 bytes"},
		{"several lines count together", "data: 1\ndata: 2\n\n", 10, nil, "limit of 10 bytes"},
		{"line that means nothing", ": 12345678\ndata: 1\n\n", 10, nil, "limit of 10 bytes"},
		{"comments do not add up", ": 123456\n: 123456\n: 1\n\ndata: 1\n\n", 10, []got{plain("1")}, ""},
		{"no line end at all", strings.Repeat("x", 20000), 10000, nil, "limit of 10000 bytes"},
		{"unterminated", "data: 123456", 10, nil, "limit of 10 bytes"},
	}
	for _, c := range cases {
		for i := range c.in {
			src := io.MultiReader(strings.NewReader(c.in[:i]), strings.NewReader(c.in[i:]))
			events, err := readAll(t, sse.NewReader(src, c.max))
			if fmt.Sprint(events) != fmt.Sprint(c.want) {
				t.Errorf("%s cut at %d: got %+v, want %+v", c.name, i, events, c.want)
			}
			if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s cut at %d: error %v, want %q", c.name, i, err, c.err)
			}
		}
	}
}

func TestReader_SourceError(t *testing.T) {
	broken := errors.New("connection broken")
	src := io.MultiReader(strings.NewReader("data: 1\n\ndata: half"), iotest.ErrReader(broken))
	events, err := readAll(t, sse.NewReader(src, 100))
	if err != broken || len(events) != 1 || events[0].Data != "1" {
		t.Errorf("got %+v, %v; want the whole event and then the source's error, not the half event", events, err)
	}
	if _, err := sse.NewReader(stuck{}, 100).Next(); err != io.ErrNoProgress {
		t.Errorf("source that gives nothing: %v", err)
	}
}

type stuck struct{}

func (stuck) Read([]byte) (int, error) { return 0, nil }

// counted gives one piece per read.
type counted struct {
	pieces []string
	reads  int
}

func (c *counted) Read(p []byte) (int, error) {
	c.reads++
	if len(c.pieces) == 0 {
		return 0, io.EOF
	}
	n := copy(p, c.pieces[0])
	c.pieces = c.pieces[1:]
	return n, nil
}

func TestReader_Buffered(t *testing.T) {
	src := &counted{pieces: []string{"data: 1\n\ndata: 2a\ndata: 2b\n\ndata: 3", "\n\n: c\n\n", "data: 4\r\n\r", "\ndata: 5"}}
	r := sse.NewReader(src, 100)
	for _, step := range []struct {
		buffered bool // before Next
		data     string
		reads    int // after Next
	}{{false, "1", 1}, {true, "2a\n2b", 1}, {false, "3", 2}, {false, "4", 3}, {false, "5", 5}} {
		before := src.reads
		if got := r.Buffered(); got != step.buffered {
			t.Errorf("before %q: Buffered %v", step.data, got)
		}
		if src.reads != before {
			t.Errorf("before %q: Buffered read from the source", step.data)
		}
		e, err := r.Next()
		r.Buffered()
		if err != nil || string(e.Data) != step.data || src.reads != step.reads {
			t.Errorf("got %q, %v after %d reads; want %q after %d", e.Data, err, src.reads, step.data, step.reads)
		}
	}
	if !r.Buffered() {
		t.Error("the end is known, but Buffered is false")
	}
}

func TestReader_ResetKeepsNothing(t *testing.T) {
	r := sse.NewReader(strings.NewReader("\xef\xbb\xbfdata: 1\r\n\r\nevent: x\ndata: half"), 100)
	if e, err := r.Next(); err != nil || string(e.Data) != "1" {
		t.Fatalf("%q %v", e.Data, err)
	}
	r.Reset(strings.NewReader("\xef\xbb\xbfdata: 2\n\n"))
	events, err := readAll(t, r)
	if err != nil || fmt.Sprint(events) != fmt.Sprint([]got{plain("2")}) {
		t.Errorf("after Reset: %+v, %v", events, err)
	}
}

func TestReader_NoAllocations(t *testing.T) {
	one := "event: content_block_delta\ndata: " + chunk("hello") + "\n\n"
	src := strings.NewReader(strings.Repeat(one, 100))
	r := sse.NewReader(src, 1<<20)
	events := 0
	read := func() {
		src.Reset(strings.Repeat(one, 100))
		r.Reset(src)
		for {
			if _, err := r.Next(); err != nil {
				return
			}
			events++
		}
	}
	read()
	if n := testing.AllocsPerRun(10, read); n > 1 { // the repeated text itself
		t.Errorf("%v allocations for a stream of 100 events", n)
	}
	if events != 1200 {
		t.Errorf("read %d events, want 1200", events)
	}
}

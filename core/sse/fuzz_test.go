package sse_test

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/tokligence/gateway/core/sse"
)

var lineEnds = regexp.MustCompile("\r\n|\r|\n")

// reference reads a whole stream the slow and plain way.
func reference(raw []byte) []got {
	text := strings.TrimPrefix(string(raw), "\ufeff")
	var all []got
	var name, source string
	var data []string
	ends := lineEnds.FindAllStringIndex(text, -1)
	ends = append(ends, []int{len(text), len(text)})
	from := 0
	for i, at := range ends {
		line, terminated := text[from:at[0]], i < len(ends)-1
		whole := text[from:at[1]]
		from = at[1]
		if line == "" && terminated {
			if data != nil {
				e := got{Name: name, Data: strings.Join(data, "\n")}
				if canonical := string(sse.Append(nil, name, []byte(e.Data))); canonical == source+whole {
					e.Raw = canonical
				}
				all = append(all, e)
			}
			name, source, data = "", "", nil
			continue
		}
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch field {
		case "data":
			data = append(data, value)
		case "event":
			name = value
		default:
			if source == "" {
				continue
			}
		}
		source += whole
	}
	if last := strings.Join(data, "\n"); last != "" {
		all = append(all, got{Name: name, Data: last, Unterminated: true})
	}
	return all
}

// FuzzReader holds the reader against the reference, for any chunking, and
// what is written against what is read back.
func FuzzReader(f *testing.F) {
	for name := range streams {
		f.Add(streamFile(f, name), uint8(3))
	}
	f.Add([]byte("event: a\nevent: b\ndata\n\n"), uint8(1))
	f.Add([]byte("event:\ndata: x\n\n"), uint8(1))
	f.Fuzz(func(t *testing.T, raw []byte, size uint8) {
		want := reference(raw)
		for _, src := range []io.Reader{bytes.NewReader(raw), &pieces{raw, int(size)}} {
			events, err := readAll(t, sse.NewReader(src, len(raw)+16))
			if err != nil || fmt.Sprint(events) != fmt.Sprint(want) {
				t.Fatalf("%v\n got %+v\nwant %+v", err, events, want)
			}
		}
		var out []byte
		var kept []got
		for _, e := range want {
			out = sse.Append(out, e.Name, []byte(e.Data))
			if e.Data != "" {
				kept = append(kept, got{e.Name, e.Data, string(sse.Append(nil, e.Name, []byte(e.Data))), false})
			}
		}
		again, err := readAll(t, sse.NewReader(bytes.NewReader(out), len(out)+16))
		if err != nil || fmt.Sprint(again) != fmt.Sprint(kept) {
			t.Fatalf("read back: %v\n got %+v\nwant %+v", err, again, kept)
		}
	})
}

// FuzzReader_Limit: whatever the limit, chunking changes nothing.
func FuzzReader_Limit(f *testing.F) {
	f.Add([]byte(": comment\ndata: 1\r\n\r\ndata: 2\n\n"), uint8(1), uint8(10))
	f.Fuzz(func(t *testing.T, raw []byte, size, limit uint8) {
		max := int(limit) + 4
		want, wantErr := readAll(t, sse.NewReader(bytes.NewReader(raw), max))
		events, err := readAll(t, sse.NewReader(&pieces{raw, int(size)}, max))
		if fmt.Sprint(events, err) != fmt.Sprint(want, wantErr) {
			t.Fatalf("\n got %+v, %v\nwant %+v, %v", events, err, want, wantErr)
		}
	})
}

// pieces gives at most size bytes per read.
type pieces struct {
	rest []byte
	size int
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.rest[:min(len(p.rest), p.size+1)])
	p.rest = p.rest[n:]
	return n, nil
}

func BenchmarkReader(b *testing.B) {
	for name, one := range map[string]string{
		"plain": "data: " + `{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"m","choices":[{"index":0,"delta":{"content":"hello"},"finish_reason":null}]}` + "\n\n",
		"named": "event: content_block_delta\ndata: " + `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"hello"}}` + "\n\n",
		"crlf":  "data: " + chunk("hello") + "\r\n\r\n",
	} {
		b.Run(name, func(b *testing.B) {
			stream := []byte(strings.Repeat(one, 100))
			src := bytes.NewReader(stream)
			r := sse.NewReader(src, 1<<20)
			b.SetBytes(int64(len(stream)))
			b.ReportAllocs()
			for b.Loop() {
				src.Reset(stream)
				r.Reset(src)
				for {
					if _, err := r.Next(); err != nil {
						break
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100, "ns/event")
		})
	}
}

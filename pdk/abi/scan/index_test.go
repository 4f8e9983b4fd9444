package scan

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"unsafe"
)

// tour writes down all that walking through raw tells.
func tour(b *bytes.Buffer, raw []byte, depth int) {
	if depth > 20 {
		return
	}
	b.WriteByte(Kind(raw))
	Members(raw, func(key, value []byte) bool {
		b.Write(key)
		b.WriteByte('=')
		b.Write(Get(raw, string(key)))
		tour(b, value, depth+1)
		return string(key) != "stop"
	})
	Elements(raw, func(i int, value []byte) bool {
		b.WriteByte(byte('0' + i))
		tour(b, value, depth+1)
		return string(value) != "9"
	})
	values := make([][]byte, len(tourNames))
	into := make([]*[]byte, len(tourNames))
	for i := range values {
		into[i] = &values[i]
	}
	if tourFields.Read(raw, func(name, value []byte) { b.Write(name); b.WriteByte(':'); b.Write(value) }, into...) {
		b.WriteByte('!')
	}
	b.Write(bytes.Join(values, []byte(" ")))
	b.Write(Get(raw, "a", "b"))
	b.Write(Get(raw, "nope"))
	b.Write(Text(raw))
	b.Write(GetText(raw, "text"))
	b.Write(GetText(raw, "a", "b"))
}

var (
	tourNames  = []string{"a", "text", "long", "tool_call_id", "tool_calls", "cache_creation_input_tokens", "cache_creation_inputs_tokens", ""}
	tourFields = NewNames(tourNames...)
)

var toured = []string{
	`{"a":{"b":[1,-2.5e3,true,false,null]},"text":"a \"quoted\" word, and } ] { [ : ,","\u0061":"an escaped name","":""}`,
	` { "a" : [ { } , [ ] , "x" , { "b" : { "c" : "\\" } } ] , "a" : { "b" : "the last" } } `,
	`{"tool_call_id":1,"tool_calls":2,"tool_call":null,"cache_creation_input_tokens":3,"cache_creation_inputz_tokens":4,"text":5,"text":null,"tool_\u0063alls":6}`,
	`{"stop":1,"after":2}`, `[1,9,3]`, `"a string"`, `12`, `null`, `{}`, `[]`, `[[[[]]]]`, `["\\\\","\"","","é世😀\ud83d\ude00"]`,
	`{"long":"` + strings.Repeat("abcdefg", 40) + `\n` + strings.Repeat("x", 7) + `","n":` + strings.Repeat("1", 40) + `}`,
}

// TestIndex: what the index finds is what walking byte by byte finds, also with
// what an earlier text has left behind.
func TestIndex(t *testing.T) {
	defer func() { known = index{} }()
	for range 2 {
		for _, text := range toured {
			var want, got bytes.Buffer
			known = index{}
			tour(&want, []byte(text), 0)
			b := []byte(text)
			known.read(b)
			if known.count == 0 && len(text) >= 8 {
				t.Errorf("%s: no index", text)
			}
			tour(&got, b, 0)
			if got.String() != want.String() {
				t.Errorf("%s\n got %s\nwant %s", text, got.String(), want.String())
			}
			other := []byte(toured[0])
			if find(other) != nil {
				t.Error("another text's value is found")
			}
		}
	}
}

// TestIndex_Parts: a part of the text that ends early is walked as what it is.
func TestIndex_Parts(t *testing.T) {
	defer func() { known = index{} }()
	for _, text := range toured {
		b := []byte(text)
		for n := range b {
			var want, got bytes.Buffer
			known = index{}
			tour(&want, b[:n], 0)
			known = index{}
			known.read(b)
			tour(&got, b[:n], 0)
			if got.String() != want.String() {
				t.Errorf("%s\n got %s\nwant %s", b[:n], got.String(), want.String())
			}
		}
	}
}

// TestIndex_Unclosed: what is cut off has no index, whatever stands before it.
func TestIndex_Unclosed(t *testing.T) {
	for _, text := range []string{`       "`, `[1,2,3,"`, `{"a":"bcdefgh`, `"01234567\`, `[[[[[[[[[`, `{"a":{"b":1}`, "        "} {
		x := &index{}
		if x.read([]byte(text)); x.count != 0 || x.size != 0 {
			t.Errorf("%q has an index of %d nodes", text, x.count)
		}
	}
}

// hostMade is an index of b in as much room as it needs, as a host writes it.
func hostMade(t *testing.T, b []byte) *index {
	for room := make([]uint64, 8); len(room) < 1<<20; room = make([]uint64, 2*len(room)) {
		all := unsafe.Slice((*byte)(unsafe.Pointer(&room[0])), 8*len(room))
		written := all[:len(all)/2+len(b)%8]
		if n := WriteIndex(written, b); n > 0 {
			x := &index{room: room}
			x.take(b, n)
			return x
		}
		if slices.Max(all[len(written):]) > 0 {
			t.Fatalf("%q: written past the room of %d bytes", b, len(written))
		}
		if WriteIndex(all[1:], b) != 0 {
			t.Fatalf("%q: an index that begins at an odd address", b)
		}
	}
	return nil
}

// FuzzIndex: valid text is indexed and found as without; other text does no harm.
func FuzzIndex(f *testing.F) {
	for _, text := range toured {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		defer func() { known = index{} }()
		var want, got bytes.Buffer
		tour(&want, b, 0)
		known = index{}
		known.read(b)
		tour(&got, b, 0)
		if Valid(b) == nil && (known.count == 0 && len(b) >= 8 || got.String() != want.String()) {
			t.Errorf("%q\n got %q\nwant %q", b, got.String(), want.String())
		}
		if own := known; own.count > 0 {
			got.Reset()
			known = *hostMade(t, b)
			if tour(&got, b, 0); known.count != own.count || Valid(b) == nil && got.String() != want.String() {
				t.Errorf("%q, indexed by the host\n got %q\nwant %q", b, got.String(), want.String())
			}
		}
	})
}

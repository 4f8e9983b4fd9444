package wire

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// TestParse_Lenient: unknown members, nulls and numbers in other clothes.
func TestParse_Lenient(t *testing.T) {
	var d abi.DecodeEventsReply
	text := `{"new":{"chunks":7},"chunks":[null,{"a": 1.0}],"usage":{"input":5.0,"new":"x","output":null},"model":null,"error":null,"done":true}`
	if err := ParseDecodeEventsReply([]byte(text), &d); err != nil {
		t.Fatal(err)
	}
	if len(d.Chunks) != 2 || string(d.Chunks[1]) != `{"a": 1.0}` || *d.Usage.Input != 5 || d.Usage.Output != nil || d.Error != nil || !d.Done {
		t.Errorf("%+v", d)
	}
}

// TestRead is Valid and Parse in one, also where they refuse.
func TestRead(t *testing.T) {
	for _, text := range []string{`{}`, `[]`, ` {"body":{"a":1},"\u006dodel":"m","usage":{"input":5},"state":"s","model":null} `, `{"body":{"a":01}}`, `{"model":7}`,
		`{"chunks":[{},null,{"a":[]}],"done":true,"headers":{"a":"b"}}`, `{"usage":{"input":"x"},"headers":[]}`, `{} x`, `{"body":"\ud800"}`, ``, `null`,
		`{"model":"a","model":"b"}`} {
		both(t, text, ReadEncodeReply, ParseEncodeReply)
		both(t, text, ReadDecodeReply, ParseDecodeReply)
	}
}

func both[D any](t *testing.T, text string, read, parse func([]byte, *D) error) {
	t.Helper()
	var got, want D
	err, wantErr := read([]byte(text), &got), scan.Valid([]byte(text))
	if wantErr == nil {
		wantErr = parse([]byte(text), &want)
	}
	if (err == nil) != (wantErr == nil) || err != nil && err.Error() != wantErr.Error() {
		t.Errorf("%T of %s: %v, want %v", got, text, err, wantErr)
	}
	if err == nil && !reflect.DeepEqual(got, want) {
		t.Errorf("%s: %+v, want %+v", text, got, want)
	}
}

func TestAppend_NoNumber(t *testing.T) {
	b := AppendRankReply(nil, &abi.RankReply{Shares: []float64{math.NaN(), math.Inf(1), 1}})
	if string(b) != `{"order":[],"shares":[null,null,1]}` {
		t.Errorf("%s", b)
	}
	if err := ParseRankReply(b, new(abi.RankReply)); err == nil || err.Error() != "shares[0]: expected a number" {
		t.Errorf("%v", err)
	}
}

// TestParse_SettlesDown: a stream's events cost no allocation once the target has grown.
func TestParse_SettlesDown(t *testing.T) {
	b := AppendDecodeEventsRequest(nil, eventsRequest(8))
	var d abi.DecodeEventsRequest
	if n := testing.AllocsPerRun(100, func() {
		if err := ParseDecodeEventsRequest(b, &d); err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestParse_Kept: what is kept from the last call is what the text says, and lies
// in no memory of that call.
func TestParse_Kept(t *testing.T) {
	var d abi.DecodeRequest
	for _, text := range []string{
		`{"deployment":{"name":"a","model":"m","options":{"x":1}},"headers":{"a":"1","b":"2"},"body":1}`,
		`{"status":200,"deployment":{"name":"a","model":"m","options":{"x":1}},"headers":{"a":"1","b":"2"},"body":1}`,
		`{"deployment":{"name":"a","model":"m","options":{"x":2}},"headers":{"a":"1","b":"3"},"body":1}`,
		`{"deployment":{"name":"b","credential_fields":["k"]},"headers":{"a":"1"},"body":1}`,
		`{"headers":{"a":"1","c":"1"},"body":1}`,
		`{"deployment":{"name":"b","credential_fields":["k"]},"headers":{"c":"1","a":"1"},"body":1}`,
		`{"body":1}`,
	} {
		b := []byte(text)
		if err := ParseDecodeRequest(b, &d); err != nil {
			t.Fatal(err)
		}
		d.Body = nil
		clear(b)
		var want abi.DecodeRequest
		if err := json.Unmarshal([]byte(text), &want); err != nil {
			t.Fatal(err)
		}
		want.Body = nil
		if got, want := marshal(t, d), marshal(t, want); got != want {
			t.Errorf("%s\n got %s\nwant %s", text, got, want)
		}
	}
}

// FuzzParse: no text makes a parser panic or leave its slice, and what it
// accepts comes back the same when it is written and read again.
func FuzzParse(f *testing.F) {
	r := rand.New(rand.NewPCG(3, 4))
	for i, d := range documents {
		in := d.fresh()
		fill(r, reflect.ValueOf(in).Elem(), true)
		f.Add(byte(i), d.append(nil, in))
	}
	for _, s := range []string{`{"headers":{"":"\ud800"}}`, `{"events":[{"data":"`, `{"a":"\`, `{"order":[1,2,`, `{"usage":{"input":-}}`} {
		f.Add(byte(7), []byte(s))
	}
	f.Fuzz(func(t *testing.T, which byte, b []byte) {
		d := documents[int(which)%len(documents)]
		read := d.fresh()
		if err := d.parse(b[:len(b):len(b)], read); err != nil || scan.Valid(b) != nil {
			return
		}
		once := d.append(nil, read)
		again := d.fresh()
		if err := d.parse(once, again); err != nil {
			t.Fatalf("%v in %s, from %s", err, once, b)
		}
		if twice := d.append(nil, again); !bytes.Equal(once, twice) {
			t.Fatalf("%s became %s", once, twice)
		}
	})
}

func eventsRequest(n int) *abi.DecodeEventsRequest {
	data := `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"` + strings.Repeat("word ", 24) + `"}}`
	d := &abi.DecodeEventsRequest{Endpoint: abi.Chat, State: `{"n":1,"id":"msg_0123456789"}`}
	for range n {
		d.Events = append(d.Events, abi.Event{Name: "content_block_delta", Data: abi.Raw(data)})
	}
	return d
}

// BenchmarkEvents is what a stream's events cost beside the plugin's own work,
// on the host's side and on the guest's.
func BenchmarkEvents(b *testing.B) {
	reply := []byte(`{"state":"{\"n\":2,\"id\":\"msg_0123456789\"}","chunks":[{"choices":[{"index":0,"delta":{"content":"` +
		strings.Repeat("word ", 24) + `"},"finish_reason":null}]}]}`)
	for name, n := range map[string]int{"1 event": 1, "16 events": 16} {
		request := eventsRequest(n)
		input := AppendDecodeEventsRequest(nil, request)
		b.Run("host "+name, func(b *testing.B) {
			b.ReportAllocs()
			var buffer []byte
			var d abi.DecodeEventsReply
			for b.Loop() {
				buffer = AppendDecodeEventsRequest(buffer[:0], request)
				if scan.Valid(reply) != nil || ParseDecodeEventsReply(reply, &d) != nil {
					b.Fatal("no reply")
				}
			}
		})
		b.Run("guest "+name, func(b *testing.B) {
			b.ReportAllocs()
			var d abi.DecodeEventsRequest
			for b.Loop() {
				if ParseDecodeEventsRequest(input, &d) != nil {
					b.Fatal("no request")
				}
			}
		})
	}
}

package wire

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// document is what the test needs to know of one document's pair of functions.
type document struct {
	name   string
	fresh  func() any
	append func(dst []byte, d any) []byte
	parse  func(b []byte, d any) error
}

// doc takes encoding/json for the function that a document does without.
func doc[D any](write func([]byte, *D) []byte, read func([]byte, *D) error) document {
	if write == nil {
		write = func(dst []byte, d *D) []byte {
			b, _ := json.Marshal(d) // of no document that holds what JSON cannot say
			return append(dst, b...)
		}
	}
	if read == nil {
		read = func(b []byte, d *D) error { *d = *new(D); return json.Unmarshal(b, d) }
	}
	return document{
		name:   reflect.TypeFor[D]().Name(),
		fresh:  func() any { return new(D) },
		append: func(dst []byte, d any) []byte { return write(dst, d.(*D)) },
		parse:  func(b []byte, d any) error { return read(b, d.(*D)) },
	}
}

var documents = []document{
	doc(AppendManifest, nil),
	doc(nil, ParsePlanRequest),
	doc(AppendPlanReply, nil),
	doc(AppendError, ParseError),
	doc(AppendConfigureRequest, ParseConfigureRequest),
	doc(AppendConfigureReply, ParseConfigureReply),
	doc(AppendEncodeRequest, ParseEncodeRequest),
	doc(AppendEncodeReply, ParseEncodeReply),
	doc(AppendDecodeRequest, ParseDecodeRequest),
	doc(AppendDecodeReply, ParseDecodeReply),
	doc(AppendDecodeEventsRequest, ParseDecodeEventsRequest),
	doc(AppendDecodeEventsReply, ParseDecodeEventsReply),
	doc(AppendDecodeErrorRequest, ParseDecodeErrorRequest),
	doc(AppendDecodeErrorReply, ParseDecodeErrorReply),
	doc(AppendConverseRequest, ParseConverseRequest),
	doc(AppendConverseReply, ParseConverseReply),
	doc(AppendRankRequest, ParseRankRequest),
	doc(AppendRankReply, ParseRankReply),
	doc(AppendInspectRequest, ParseInspectRequest),
	doc(AppendInspectReply, ParseInspectReply),
}

// TestWire_AgreesWithEncodingJSON fills every member that reflection finds, so a
// member that is new in package abi and missing here fails. The first round
// leaves nothing out; the parsed-into document is kept, so reuse is tested too.
func TestWire_AgreesWithEncodingJSON(t *testing.T) {
	for _, d := range documents {
		t.Run(d.name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 2))
			reused := d.fresh()
			for round := range 200 {
				in := d.fresh()
				fill(r, reflect.ValueOf(in).Elem(), round > 0)
				want := marshal(t, in)

				written := d.append([]byte("before"), in)
				if string(written[:6]) != "before" {
					t.Fatalf("Append overwrote dst: %s", written)
				}
				written = written[6:]
				if err := scan.Valid(written); err != nil {
					t.Fatalf("Append wrote %s: %v", written, err)
				}
				decoded := d.fresh()
				if err := json.Unmarshal(written, decoded); err != nil {
					t.Fatalf("encoding/json refuses %s: %v", written, err)
				}
				if got := marshal(t, decoded); got != want {
					t.Fatalf("Append lost something:\n got %s\nwant %s", got, want)
				}
				if err := d.parse([]byte(want), reused); err != nil {
					t.Fatalf("Parse refuses %s: %v", want, err)
				}
				if got := marshal(t, reused); got != want {
					t.Fatalf("Parse lost something:\n got %s\nwant %s", got, want)
				}
			}
		})
	}
}

func TestWire_RefusesWrongTypes(t *testing.T) {
	for _, c := range []struct {
		name, in, path string
		parse          func([]byte) error
	}{
		{"not an object", `[]`, "", func(b []byte) error { return ParseRankReply(b, new(abi.RankReply)) }},
		{"null", `null`, "", func(b []byte) error { return ParseEncodeReply(b, new(abi.EncodeReply)) }},
		{"order of strings", `{"order":[0,"1"]}`, "order[1]", func(b []byte) error { return ParseRankReply(b, new(abi.RankReply)) }},
		{"half an index", `{"order":[0.5]}`, "order[0]", func(b []byte) error { return ParseRankReply(b, new(abi.RankReply)) }},
		{"usage as text", `{"usage":{"input":"7"}}`, "usage.input", func(b []byte) error { return ParseDecodeReply(b, new(abi.DecodeReply)) }},
		{"header list", `{"body":{},"headers":{"a":["b"]}}`, "headers.a", func(b []byte) error { return ParseEncodeReply(b, new(abi.EncodeReply)) }},
		{"segment id", `{"segments":[{"id":"1"}]}`, "segments[0].id", func(b []byte) error { return ParseInspectReply(b, new(abi.InspectReply)) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			var wrong *TypeError
			if err := c.parse([]byte(c.in)); !errors.As(err, &wrong) || wrong.Path != c.path {
				t.Fatalf("got %v, want a type error at %q", err, c.path)
			}
		})
	}
}

func marshal(t *testing.T, d any) string {
	t.Helper()
	b, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

var (
	texts = []string{"a", "naïve", "line\nbreak\ttab", `quote " and \ slash`, "</script>&", "\u2028\u2029", "\x01", "😀", "日本語"}
	raws  = []string{`{"a":[1,2.50,null]}`, `"text"`, `[]`, `{}`, `1e3`, `true`}
)

// fill gives every member a value; with gaps those that may be absent sometimes are.
func fill(r *rand.Rand, v reflect.Value, gaps bool) {
	if v.Type() == reflect.TypeFor[abi.Raw]() {
		v.SetBytes([]byte(raws[r.IntN(len(raws))]))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			optional := strings.Contains(v.Type().Field(i).Tag.Get("json"), "omitempty")
			if gaps && optional && r.IntN(2) == 0 {
				continue
			}
			fill(r, v.Field(i), gaps)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(r, v.Elem(), gaps)
	case reflect.Slice:
		n := 1 + r.IntN(3)
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			fill(r, v.Index(i), gaps)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for _, k := range []string{"b", "a"} {
			v.SetMapIndex(reflect.ValueOf(k), reflect.ValueOf(texts[r.IntN(len(texts))]))
		}
	case reflect.String:
		v.SetString(texts[r.IntN(len(texts))])
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(1 + r.Int64N(1<<40))
	case reflect.Uint64:
		v.SetUint(r.Uint64())
	case reflect.Float64:
		v.SetFloat(float64(1+r.IntN(1000)) / 8)
	default:
		panic("fill does not know " + v.Type().String())
	}
}

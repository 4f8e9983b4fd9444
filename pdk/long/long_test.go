package long

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/tokligence/gateway/pdk/abi/scan"
)

const limit = 20

var (
	plain   = "plain words that go on for a while, 0123456789"
	escaped = "two lines:\n\"quoted\" and a \\ back slash \u00fc"
	nested  = `{"path":"a/b.go","text":"line one\nline \"two\"","deep":{"json":"{\"x\":\"y\\n\"}"},"n":1.50}`
	list    = ` [1, 2.50, "three and some more of it"]`
	pixel   = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ"
)

// doc writes members in their order.
func doc(pairs ...string) []byte {
	var b []byte
	for i := 0; i < len(pairs); i += 2 {
		b = append(scan.AppendString(append(b, ','), pairs[i]), ':')
		b = scan.AppendString(b, pairs[i+1])
	}
	return scan.CloseObject(b, 0)
}

// What goes in: what a codec may look at stands there, and nothing else that is long.
func TestTexts_Cut(t *testing.T) {
	for _, c := range []struct {
		name, text string
		head       string // what stays before the token; "all" when the string stays
		sort       sort
	}{
		{"content", "short", "all", 0},
		{"content", plain, "", word},
		{"content", escaped, "", prose},
		{"content", nested, "", object},
		{"content", list, "", array},
		{"content", strings.Repeat(" \n\t", 20), "all", 0},
		{"content", "{" + plain, "", word},
		{"content", `{"broken": "` + plain, "", prose},
		{"arguments", nested, "", object},
		{"arguments", plain, "all", 0},
		{"arguments", list, "all", 0},
		{"arguments", `{"broken": "` + plain, "all", 0},
		{"tool_call_id", "call_0123456789012345678901234567890123456789", "all", 0},
		{"name", plain, "all", 0},
		{"message", plain, "all", 0},
		{"finishReason", "model_context_window_exceeded", "all", 0},
		{"url", "data:image/png;base64,", "all", 0},
		{"url", "https://img.test/" + strings.Repeat("a", 60) + ".png", "all", 0},
		{"url", "data:image/png;base64," + pixel, "data:image/png;base64,", word},
		{"url", "DATA:IMAGE/PNG;charset=utf-8;BASE64," + pixel, "DATA:IMAGE/PNG;charset=utf-8;BASE64,", word},
		{"url", "data:image/svg+xml;utf8,<svg xmlns=''></svg>", "all", 0},
		{"file_data", "data:text/plain;base64,aGVsbG8gaGVsbG8gaGVsbG8=", "all", 0},
		{"data", pixel, "", word},
	} {
		var texts Texts
		in := doc("role", "user", c.name, c.text, "after", "x")
		got := string(texts.Cut(nil, in, limit))
		if err := scan.Valid([]byte(got)); err != nil {
			t.Errorf("%s %.30q: %v in %s", c.name, c.text, err, got)
		}
		if c.head == "all" {
			if got != string(in) || texts.Any() {
				t.Errorf("%s %.30q: became %s", c.name, c.text, got)
			}
			continue
		}
		value := scan.GetString([]byte(got), c.name)
		if len(texts.kept) != 1 || texts.kept[0].sort != c.sort || !strings.HasPrefix(value, c.head) || len(value) > len(c.head)+30 {
			t.Errorf("%s %.30q: became %s", c.name, c.text, got)
		}
		if c.sort == object && scan.Kind([]byte(value)) != '{' || c.sort == array && scan.Kind([]byte(value)) != '[' {
			t.Errorf("%s %.30q: is no JSON any more: %s", c.name, c.text, value)
		}
		if out, err := texts.Restore(nil, []byte(got)); err != nil || string(out) != string(in) {
			t.Errorf("%s %.30q: %v, came back as %s", c.name, c.text, err, out)
		}
	}
}

// codecs are what plugins do to strings. Each must mean the same with tokens.
var codecs = map[string]func(doc []byte) []byte{
	"as it is": func(doc []byte) []byte { return doc },
	"moved": func(doc []byte) []byte {
		var out []byte
		scan.Members(doc, func(k, v []byte) bool { out = append(append(out, ','), v...); return true })
		return scan.CloseArray(out, 0)
	},
	"read and written": func(doc []byte) []byte { return scan.AppendString(nil, scan.GetString(doc, "a")) },
	"joined": func(doc []byte) []byte {
		return scan.AppendString(nil, scan.GetString(doc, "a")+"\n\\\""+scan.GetString(doc, "b")+scan.GetString(doc, "a"))
	},
	"within a string": func(doc []byte) []byte { return scan.AppendString(nil, doc) },
	"within a string twice": func(doc []byte) []byte {
		return scan.AppendString(nil, scan.AppendString(nil, doc))
	},
	"taken as JSON": func(doc []byte) []byte {
		text := []byte(scan.GetString(doc, "a"))
		if scan.Kind(text) != '{' || scan.Valid(text) != nil {
			return []byte("null")
		}
		return append(append([]byte(`{"input":`), text...), '}')
	},
	"taken as JSON and put in a string": func(doc []byte) []byte {
		text := []byte(scan.GetString(doc, "a"))
		if scan.Kind(text) != '{' {
			return []byte("null")
		}
		return scan.AppendString(nil, append(append([]byte(`{"input":`), text...), '}'))
	},
}

func TestTexts_Codecs(t *testing.T) {
	texts := []string{plain, escaped, nested, list, "short", "", `\`, strings.Repeat(`\"`, 30), `{"a":"` + strings.Repeat("é", 40) + `"}`}
	for name, codec := range codecs {
		for _, a := range texts {
			for _, b := range texts {
				in := doc("a", a, "b", b)
				var kept Texts
				got, err := kept.Restore(nil, codec(kept.Cut(nil, in, limit)))
				if err != nil {
					t.Errorf("%s of %q, %q: %v", name, a, b, err)
					continue
				}
				if want := codec(in); !same(got, want) {
					t.Errorf("%s of %q, %q:\n got %s\nwant %s", name, a, b, got, want)
				}
			}
		}
	}
}

// same compares what two documents say.
func same(a, b []byte) bool {
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && reflect.DeepEqual(x, y)
}

func TestTexts_Taken(t *testing.T) {
	var texts Texts
	cut := string(texts.Cut(nil, doc("a", plain, "b", escaped, "c", nested), limit))
	for name, spoil := range map[string]func() string{
		"a number that is not there": func() string { return strings.Replace(cut, "0001", "0999", 1) },
		"cut in two":                 func() string { return cut[:strings.Index(cut, "0000")+2] },
		"without its end":            func() string { return strings.Replace(cut, `0001\\.`, `0001`, 1) },
		"an odd end":                 func() string { return strings.Replace(cut, `0001\\.`, `0001\\\.`, 1) },
		"JSON without its braces":    func() string { return strings.Replace(cut, `:0}`, `:1}`, 1) },
	} {
		if out, err := texts.Restore(nil, []byte(spoil())); err == nil {
			t.Errorf("%s: %s", name, out)
		}
	}
	bomb := strings.Repeat(cut, 1<<20/len(plain)*10)
	if _, err := texts.Restore(nil, []byte(bomb)); err == nil || !strings.Contains(err.Error(), "eight times") {
		t.Errorf("a string a hundred thousand times: %v", err)
	}
	if got := texts.Hide("tool " + scan.GetString([]byte(cut), "b") + " is unknown"); got != "tool … is unknown" {
		t.Errorf("people read %q", got)
	}
}

// Who knows a mark cannot use it.
func TestTexts_Forged(t *testing.T) {
	var texts Texts
	in := doc("a", string(mark)+"0000", "b", plain)
	if got := texts.Cut(nil, in, limit); string(got) != string(in) || texts.Any() {
		t.Errorf("became %s", got)
	}
}

func FuzzTexts(f *testing.F) {
	for _, s := range []string{plain, escaped, nested, list} {
		f.Add(string(doc("a", s, "b", s)), uint64(1))
	}
	f.Add(`{"a" : "`+strings.Repeat(`\\`, 30)+`", "b":["`+strings.Repeat(`\"`, 30)+`"]}`, uint64(2))
	names := []string{"as it is", "moved", "read and written", "joined", "within a string", "within a string twice"}
	f.Fuzz(func(t *testing.T, in string, seed uint64) {
		if scan.Valid([]byte(in)) != nil || scan.Kind([]byte(in)) != '{' || !json.Valid([]byte(in)) {
			return
		}
		r := rand.New(rand.NewPCG(seed, 0))
		name := names[r.IntN(len(names))]
		var texts Texts
		out, err := texts.Restore(nil, codecs[name](texts.Cut(nil, []byte(in), 4+r.IntN(40))))
		if want := codecs[name]([]byte(in)); err != nil || !same(out, want) && json.Valid(want) {
			t.Errorf("%s: %v\n got %s\nwant %s", name, err, out, want)
		}
	})
}

// BenchmarkTexts is a conversation of 100 KB: what the host does around a codec.
func BenchmarkTexts(b *testing.B) {
	var body []byte
	for i := range 100 {
		body = append(body, ',')
		body = append(body, doc("role", "user", "content", strings.Repeat("line "+strconv.Itoa(i)+" of \"prose\"\n", 50))...)
	}
	body = scan.CloseArray(body, 0)
	var texts Texts
	var short, out []byte
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		texts.Reset()
		short = texts.Cut(short[:0], body, Limit)
		var err error
		if out, err = texts.Restore(out[:0], short); err != nil || len(out) != len(body) {
			b.Fatal(err, len(out))
		}
	}
	b.ReportMetric(float64(len(short)), "guest-bytes")
}

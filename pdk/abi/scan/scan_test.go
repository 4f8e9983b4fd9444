package scan

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"testing"
)

func TestValid(t *testing.T) {
	for _, c := range []struct {
		name, text, fault string
	}{
		{"object", ` {"a":[1,-0.5e+3,true,false,null,"x\n\u00e9\ud83d\ude00"]} `, ""},
		{"long plain string", `"` + strings.Repeat("abcdefgh", 100) + `"`, ""},
		{"utf-8", `"né世😀"`, ""},
		{"empty", ``, "unexpected end at byte 0"},
		{"broken", `{bad`, "expected a member name at byte 1"},
		{"two values", `1 2`, "unexpected text after the value at byte 2"},
		{"leading zero", `01`, "unexpected text after the value at byte 1"},
		{"no digit", `[1.]`, "expected a digit at byte 3"},
		{"lone surrogate", `"\ud800"`, "lone surrogate at byte 7"},
		{"low surrogate first", `"\udc00\ud800"`, "lone surrogate at byte 7"},
		{"bad utf-8", "\"a\xff\"", "invalid UTF-8 at byte 2"},
		{"control", "\"abcdefgh\x01\"", "control character in string at byte 9"},
		{"unended", `"abc`, "unexpected end of string at byte 4"},
		{"unended behind words", `"` + strings.Repeat("a", 35), "unexpected end of string at byte 36"},
		{"escape behind words", `"` + strings.Repeat("a", 37) + `\x"`, "bad escape at byte 39"},
		{"control beside what resembles it", "\" !#\x1f\x22aaaa", "control character in string at byte 4"},
		{"bad utf-8 behind runes", "\"é世\xff\"", "invalid UTF-8 at byte 6"},
		{"escape at end", `"\`, "bad escape at byte 2"},
		{"short unicode escape", `"\u12`, "bad \\u escape at byte 2"},
		{"trailing comma", `{"a":1,}`, "expected a member name at byte 7"},
		{"deep", strings.Repeat("[", 100_000), "nested too deep at byte 513"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := ""
			if err := Valid([]byte(c.text)); err != nil {
				got = err.Error()
			}
			if got != c.fault {
				t.Errorf("got %q, want %q", got, c.fault)
			}
		})
	}
}

func TestGet(t *testing.T) {
	doc := []byte(`{ "a" : {"b":[1,{"c":"x\"]}"}]}, "\u006dodel":"first", "model": "last", "n": 5e0 }`)
	if got := string(Get(doc, "a", "b")); got != `[1,{"c":"x\"]}"}]` {
		t.Errorf("a.b = %s", got)
	}
	if got := GetString(doc, "model"); got != "last" {
		t.Errorf("model = %q: of duplicates the last counts", got)
	}
	if n, ok := GetInt(doc, "n"); n != 5 || !ok {
		t.Errorf("n = %d, %v", n, ok)
	}
	if Get(doc, "nope") != nil || Get(doc, "n", "x") != nil {
		t.Error("an absent member was found")
	}
}

// TestGet_CutOff: what has no end is absent, so a string that is found has both quotes.
func TestGet_CutOff(t *testing.T) {
	for _, text := range []string{`{"a":"`, `{"a":"x`, `{"a":"x\"`, `{"a":["x"`, `{"a":["x]`, `{"a":{"b":"c"`, `{"a`, `{"a"`, `{"a":`} {
		if v := Get([]byte(text), "a"); v != nil {
			t.Errorf("%s: found %s", text, v)
		}
	}
	if v := Get([]byte(`{"b":"x","a":[1],"c":"`), "a"); string(v) != "[1]" {
		t.Errorf("found %s", v)
	}
}

func TestApply(t *testing.T) {
	for _, c := range []struct {
		name, obj, want string
		edits           []Edit
	}{
		{"set in place", `{"a": 1.0, "model" : "x" ,"z":[]}`, `{"a": 1.0, "model" : "y","z":[]}`, []Edit{{Key: "model", Value: []byte(`"y"`)}}},
		{"append", `{"a":1}`, `{"a":1,"b":2}`, []Edit{{Key: "b", Value: []byte(`2`)}}},
		{"append to empty", ` { } `, `{"b":2}`, []Edit{{Key: "b", Value: []byte(`2`)}}},
		{"remove first", `{"a":1,"b":2}`, `{"b":2}`, []Edit{{Key: "a"}}},
		{"remove last", `{"a":1,"b":2}`, `{"a":1}`, []Edit{{Key: "b"}}},
		{"remove all", `{"a":1}`, `{}`, []Edit{{Key: "a"}}},
		{"duplicates", `{"model":"a","x":1,"model":"b"}`, `{"model":"c","x":1}`, []Edit{{Key: "model", Value: []byte(`"c"`)}}},
		{"default kept", `{"a":1}`, `{"a":1}`, []Edit{{Key: "a", Value: []byte(`2`), OnlyIfAbsent: true}}},
		{"the last counts", `{"a":1,"b":2}`, `{"a":4}`, []Edit{{Key: "a", Value: []byte(`3`)}, {Key: "b", Value: []byte(`5`)}, {Key: "a", Value: []byte(`4`)}, {Key: "b"}}},
		{"the last counts of what is new", `{}`, `{"b":3}`, []Edit{{Key: "a", Value: []byte(`1`)}, {Key: "b", Value: []byte(`2`)}, {Key: "a"}, {Key: "b", Value: []byte(`3`)}}},
		{"escaped key", `{"\u0061":1}`, `{"\u0061":2}`, []Edit{{Key: "a", Value: []byte(`2`)}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := string(Apply(nil, []byte(c.obj), c.edits)); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestSame(t *testing.T) {
	for n := range 200 {
		a := bytes.Repeat([]byte("x"), n)
		if !Same(a, bytes.Clone(a)) || Same(a, append(bytes.Clone(a), 'x')) {
			t.Errorf("%d bytes are not the same", n)
		}
		for i := range a {
			b := bytes.Clone(a)
			if b[i] = 'y'; Same(a, b) {
				t.Errorf("%d bytes are the same, but for the one at %d", n, i)
			}
		}
	}
}

// FuzzNumbers: a number is what strconv reads.
func FuzzNumbers(f *testing.F) {
	for _, s := range []string{"0", "-0", "7", "0.7", "12.5", "1234567.1234567", "12345678.5", "999999999999999999", "9223372036854775807",
		"9223372036854775808", "5.0", "5e0", "0.5", "1e400", "123456789012345678.5", "0.10000000000000001", "-3"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		raw := []byte(s)
		if Valid(raw) != nil || raw[0] != '-' && (raw[0] < '0' || raw[0] > '9') || strings.TrimSpace(s) != s {
			return
		}
		want, err := strconv.ParseFloat(s, 64)
		if got, ok := Float(raw); ok != (err == nil) || ok && (got != want || math.Signbit(got) != math.Signbit(want)) {
			t.Errorf("%s is %v, %v", s, got, ok)
		}
		n, err := strconv.ParseInt(s, 10, 64)
		if got, ok := Int(raw); err == nil && (got != n || !ok) || ok && err != nil && float64(got) != want {
			t.Errorf("%s is %d, %v", s, got, ok)
		}
	})
}

// FuzzValid holds the scanner against encoding/json: what we accept it accepts,
// a string means the same to both, and an edit changes only what it names.
func FuzzValid(f *testing.F) {
	for _, s := range []string{`{"a":"\ud83d\ude00","b":[1e5,{}]}`, `"\u0041\\"`, `[]`, `{"":""}`, `{"a":1,"a":2}`, "\"\xc3\x28\""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		ours := Valid(b) == nil
		if ours && !json.Valid(b) {
			t.Fatalf("accepted what encoding/json refuses: %q", b)
		}
		// On any text at all the readers must stay within bounds.
		Members(b, func(_, v []byte) bool { Elements(v, func(int, []byte) bool { return true }); return true })
		edited := Apply(nil, b, []Edit{{Key: "a", Value: []byte(`7`)}})
		if !ours {
			return
		}
		if s, ok := String(bytes.TrimSpace(b)); ok {
			var want string
			if json.Unmarshal(b, &want) == nil && s != want {
				t.Fatalf("string %q, encoding/json reads %q", s, want)
			}
			var back string
			if err := json.Unmarshal(AppendString(nil, s), &back); err != nil || back != s {
				t.Fatalf("%q came back as %q, %v", s, back, err)
			}
		}
		var before, after map[string]json.RawMessage
		if json.Unmarshal(b, &before) != nil || before == nil {
			return
		}
		if err := json.Unmarshal(edited, &after); err != nil {
			t.Fatalf("edit broke %q: %q", b, edited)
		}
		before["a"] = json.RawMessage(`7`)
		if len(before) != len(after) {
			t.Fatalf("edit of %q lost members: %q", b, edited)
		}
		for k, v := range before {
			if !bytes.Equal(after[k], v) {
				t.Fatalf("edit of %q changed %q: %q", b, k, edited)
			}
		}
	})
}

func BenchmarkValid100KB(b *testing.B) {
	doc := []byte(`{"model":"m","messages":[{"role":"user","content":"` + strings.Repeat("the quick brown fox ", 5000) + `"}]}`)
	b.SetBytes(int64(len(doc)))
	for b.Loop() {
		if Valid(doc) != nil {
			b.Fatal("invalid")
		}
	}
}

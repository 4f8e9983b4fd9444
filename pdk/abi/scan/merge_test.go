package scan

import "testing"

// TestMerge has the examples of RFC 7396, appendix A, and what this package
// promises beyond: digits and the order of members stay.
func TestMerge(t *testing.T) {
	for _, c := range []struct{ a, patch, want string }{
		{`{"a":"b"}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"b"}`, `{"b":"c"}`, `{"a":"b","b":"c"}`},
		{`{"a":"b"}`, `{"a":null}`, `{}`},
		{`{"a":"b","b":"c"}`, `{"a":null}`, `{"b":"c"}`},
		{`{"a":["b"]}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"c"}`, `{"a":["b"]}`, `{"a":["b"]}`},
		{`{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`, `{"a":{"b":"d"}}`},
		{`{"a":[{"b":"c"}]}`, `{"a":[1]}`, `{"a":[1]}`},
		{`["a","b"]`, `["c","d"]`, `["c","d"]`},
		{`{"a":"b"}`, `["c"]`, `["c"]`},
		{`{"a":"foo"}`, `null`, `null`},
		{`{"a":"foo"}`, `"bar"`, `"bar"`},
		{`{"e":null}`, `{"a":1}`, `{"e":null,"a":1}`},
		{`[1,2]`, `{"a":"b","c":null}`, `{"a":"b"}`},
		{`{}`, `{"a":{"bb":{"ccc":null}}}`, `{"a":{"bb":{}}}`},
		{`{"b": 1.50, "a":{"x": 1e2,"y":2}}`, `{"a":{"y":3}}`, `{"b": 1.50, "a":{"x": 1e2,"y":3}}`},
		{`{}`, `{"a":1,"a":2}`, `{"a":2}`},
		{`{"a":1}`, `{"a":2,"a":null}`, `{}`},
		{`{"a\"b":1}`, `{"a\u0022b":2}`, `{"a\"b":2}`},
		{``, `{"a":1}`, `{"a":1}`},
		{`{"a":1}`, ``, `{"a":1}`},
	} {
		if got := string(Merge([]byte("> "), []byte(c.a), []byte(c.patch))); got != "> "+c.want {
			t.Errorf("%s with %s: %s, want %s", c.a, c.patch, got, c.want)
		}
	}
}

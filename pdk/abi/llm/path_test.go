package llm

import "testing"

func TestEscape(t *testing.T) {
	for _, c := range []struct{ s, also, want string }{
		{"a-Z0._~", "", "a-Z0._~"}, {"a b/c:d", "", "a%20b%2Fc%3Ad"}, {"a/b@c", "/@", "a/b@c"}, {"ü", "", "%C3%BC"}, {"../x?y#z%", "", "..%2Fx%3Fy%23z%25"}, {"", "", ""},
	} {
		if got := Escape(c.s, c.also); got != c.want {
			t.Errorf("%q with %q: %q, want %q", c.s, c.also, got, c.want)
		}
	}
}

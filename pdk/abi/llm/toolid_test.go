package llm

import (
	"strings"
	"testing"
)

func TestAppendToolID(t *testing.T) {
	for _, c := range []struct{ name, id, want string }{
		{"as it is", `"toolu_01-A"`, `"toolu_01-A"`},
		{"escaped, but the same", `"toolu_\u0030"`, `"toolu_0"`},
		{"a vendor's dots and colons", `"functions.get_weather:0"`, `"functions_get_weather_0-a4b6397d89af0b6d"`},
		{"a quote", `"a\"b"`, `"a_b-e646a119048964d8"`},
		{"letters elsewhere", `"é"`, `"__-0ac21707b7181e01"`},
		{"empty", `""`, `"-cbf29ce484222325"`},
		{"too long", `"` + strings.Repeat("x", 65) + `"`, `"` + strings.Repeat("x", 47) + `-7d70a52549704607"`},
	} {
		got := string(AppendToolID(nil, []byte(c.id), "", 64))
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
		if again := string(AppendToolID(nil, []byte(got), "", 64)); again != got || len(got) > 66 {
			t.Errorf("%s: %s becomes %s", c.name, got, again)
		}
	}
	if got := string(AppendToolID(nil, []byte(`"functions.f:0"`), ".:", 64)); got != `"functions.f:0"` {
		t.Errorf("with more bytes: %s", got)
	}
	if a, b := AppendToolID(nil, []byte(`"a.b"`), "", 64), AppendToolID(nil, []byte(`"a:b"`), "", 64); string(a) == string(b) {
		t.Errorf("two ids become %s", a)
	}
}

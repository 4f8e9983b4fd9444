package sse_test

import (
	"strings"
	"testing"

	"github.com/tokligence/gateway/core/sse"
)

func TestAppend(t *testing.T) {
	cases := []struct{ name, data, want string }{
		{"", `{"a":1}`, "data: {\"a\":1}\n\n"},
		{"ping", `{}`, "event: ping\ndata: {}\n\n"},
		{"", "a\nb", "data: a\ndata: b\n\n"},
		{"", "a\r\nb\rc\n", "data: a\ndata: b\ndata: c\ndata: \n\n"},
		{"", "\n", "data: \ndata: \n\n"},
		{"", " lead", "data:  lead\n\n"},
		{"bad\r\ndata: x", "1", "event: bad  data: x\ndata: 1\n\n"},
		{"", "", ""},
		{"named", "", ""},
	}
	for _, c := range cases {
		if got := string(sse.Append(nil, c.name, []byte(c.data))); got != c.want {
			t.Errorf("%q %q: got %q, want %q", c.name, c.data, got, c.want)
		}
	}
	if got := string(sse.Append([]byte("data: 0\n\n"), "", []byte("1"))); got != "data: 0\n\ndata: 1\n\n" {
		t.Errorf("not appended: %q", got)
	}
}

func TestKeepAlive_IsNoEvent(t *testing.T) {
	in := sse.KeepAlive + "data: 1\n\n" + sse.KeepAlive + sse.KeepAlive + "data: 2\n\n" + sse.KeepAlive
	events, err := readAll(t, sse.NewReader(strings.NewReader(in), 100))
	if err != nil || len(events) != 2 || events[1] != plain("2") {
		t.Errorf("got %+v, %v", events, err)
	}
}

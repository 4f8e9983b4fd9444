package llm

import (
	"errors"
	"strings"
	"testing"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

func TestFault_Under(t *testing.T) {
	for _, c := range []struct{ inner, outer, want string }{
		{"", "content", "content"}, {"[2].type", "content", "content[2].type"}, {"url", "image_url", "image_url.url"},
	} {
		var e *abi.Error
		if err := Refuse(c.inner, "is wrong").Under(c.outer).Named(); !errors.As(err, &e) || e.Param != c.want || e.Message != c.want+" is wrong" || e.Code != abi.InvalidRequest {
			t.Errorf("%q under %q: %v", c.inner, c.outer, err)
		}
	}
	if (*Fault)(nil).Under("x") != nil {
		t.Error("a fault came from nowhere")
	}
}

func TestEachMember(t *testing.T) {
	var seen, notices []string
	f := EachMember([]byte(`{"a":1,"b":null,"c":2,"d":3,"e":4}`), []string{"c", "b"}, &notices, func(key, _ []byte) *Fault {
		seen = append(seen, string(key))
		if string(key) == "d" {
			return Refuse(string(key), "is wrong")
		}
		return nil
	})
	if strings.Join(seen, "") != "ad" || strings.Join(notices, "") != "dropped c" || f == nil || f.param != "d" {
		t.Errorf("saw %v, notices %v, fault %v", seen, notices, f)
	}
}

func TestRead(t *testing.T) {
	var a, b, c []byte
	var seen, notices []string
	f := Read([]byte(`{"x":0,"a":1,"b":null,"c":2,"y":3,"z":4,"b":5}`), []string{"c", "x", "nope"}, &notices, scan.NewNames("a", "b", "c"), func(name string, _ []byte) *Fault {
		seen = append(seen, name)
		return Refuse(name, "is wrong")
	}, &a, &b, &c)
	if string(a) != "1" || string(b) != "5" || c != nil {
		t.Errorf("a %s, b %s, c %s", a, b, c)
	}
	if strings.Join(seen, "") != "y" || strings.Join(notices, ", ") != "dropped x, dropped c" || f == nil || f.param != "y" {
		t.Errorf("saw %v, notices %v, fault %v", seen, notices, f)
	}
}

func TestEachText(t *testing.T) {
	for content, want := range map[string]string{
		`"a"`: `"a" `, `null`: "", ``: "", `5`: " must be a string or an array of parts",
		`[{"type":"text","text":"a"},{"type":"refusal","refusal":"b","cache_control":{"type":"ephemeral"}}]`: `"a" "b"{"type":"ephemeral"} `,
		`[{"type":"text","text":"a"},{"type":"image_url"}]`:                                                  `"a" [1].type must be text here`,
		`[{"type":"text","text":5}]`: `[0].text must be a string`,
	} {
		got := ""
		if f := EachText([]byte(content), func(text, mark []byte) {
			got += string(text) + string(mark) + " "
		}); f != nil {
			got += f.param + " " + f.message
		}
		if got != want {
			t.Errorf("%s: %q, want %q", content, got, want)
		}
	}
}

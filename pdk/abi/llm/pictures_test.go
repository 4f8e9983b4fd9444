package llm

import (
	"strings"
	"testing"
)

func TestWholePicture(t *testing.T) {
	for _, c := range []struct{ key, value, want string }{
		{"response_format", `"b64_json"`, ""},
		{"response_format", `"url"`, "must be b64_json: Acme has no addresses of pictures"},
		{"background", `"opaque"`, ""},
		{"background", `"transparent"`, "must be opaque or auto with Acme"},
		{"stream", `false`, ""},
		{"stream", `true`, "is not supported: Acme's pictures come whole"},
		{"prompt", `"transparent"`, ""},
	} {
		f := WholePicture("Acme", c.key, []byte(c.value))
		if (f == nil) != (c.want == "") || f != nil && !strings.Contains(f.Named().Error(), c.key+" "+c.want) {
			t.Errorf("%s %s: %v, want %q", c.key, c.value, f, c.want)
		}
	}
}

func TestPictureSize(t *testing.T) {
	for size, want := range map[string][2]int{
		"1024x1536": {1024, 1536}, "1x1": {1, 1}, "auto": {}, "": {}, "1024": {}, "x": {}, "0x1": {}, "1x-1": {}, "1x2x3": {}, "1.5x2": {},
	} {
		w, h, ok := PictureSize(size)
		if ok != (want != [2]int{}) || ok && [2]int{w, h} != want {
			t.Errorf("%q: %d, %d, %v", size, w, h, ok)
		}
	}
}

func TestEachPicture(t *testing.T) {
	for _, c := range []struct{ value, seen, fault string }{
		{`{"data":"a"}`, `{"data":"a"}`, ""},
		{`["a","b"]`, `"a""b"`, ""},
		{`["a","bad","c"]`, `"a""bad"`, "image[1] is bad"},
		{`"bad"`, `"bad"`, "image is bad"},
	} {
		seen := ""
		f := EachPicture([]byte(c.value), func(v []byte) *Fault {
			if seen += string(v); string(v) == `"bad"` {
				return Refuse("", "is bad")
			}
			return nil
		}).Under("image")
		if seen != c.seen || (f == nil) != (c.fault == "") || f != nil && !strings.Contains(f.Named().Error(), c.fault) {
			t.Errorf("%s: saw %s, %v", c.value, seen, f)
		}
	}
}

func TestAppendPicture(t *testing.T) {
	list := AppendPicture(nil, []byte(`"QQ=="`), nil)
	list = AppendPicture(list, []byte(`"Qg=="`), []byte(`"a fox"`))
	list = AppendPicture(list, []byte(`""`), nil)
	list = AppendPicture(list, nil, []byte(`"a fox"`))
	if want := `,{"b64_json":"QQ=="},{"b64_json":"Qg==","revised_prompt":"a fox"}`; string(list) != want {
		t.Errorf("%s, want %s", list, want)
	}
}

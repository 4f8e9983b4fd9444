package llm

import "testing"

func TestDataURL(t *testing.T) {
	for _, c := range []struct {
		raw, mediaType, data string
		ok                   bool
	}{
		{`"data:image/png;base64,iVBO/+=="`, "image/png", "iVBO/+==", true},
		{`"data:image\/jpg;base64,\/9j\/"`, "image/jpeg", `\/9j\/`, true},
		{`"data:IMAGE/PNG;charset=utf-8;base64,iVBORw0KGgo="`, "image/png", "iVBORw0KGgo=", true},
		{`"DATA:;BASE64,QQ=="`, "", "QQ==", true},
		{`"data:image/png;base64,"`, "image/png", "", true},
		{`"data:image/png,abc"`, "", "", false},
		{`"https://img.test/a,b.png"`, "", "", false},
		{`"data:"`, "", "", false},
		{`","`, "", "", false},
		{`7`, "", "", false},
		{``, "", "", false},
	} {
		mediaType, data, ok := DataURL([]byte(c.raw))
		if mediaType != c.mediaType || string(data) != c.data || ok != c.ok {
			t.Errorf("%s: %q %q %v", c.raw, mediaType, data, ok)
		}
	}
}

func TestBlank(t *testing.T) {
	for raw, want := range map[string]bool{`""`: true, `"  \n\t\r"`: true, "\"\\f \"": true, ``: true, `" a"`: false, `"\\"`: false, `"\u0020"`: false} {
		if got := Blank([]byte(raw)); got != want {
			t.Errorf("%s: %v", raw, got)
		}
	}
}

func TestArguments(t *testing.T) {
	for _, c := range []struct {
		raw, object string
		ok          bool
	}{
		{`"{\"n\": 1.0}"`, `{"n": 1.0}`, true},
		{`" {} "`, `{}`, true},
		{`""`, `{}`, true},
		{`"[1]"`, `[1]`, false},
		{`"{\"n\":"`, `{"n":`, false},
		{`{}`, ``, false},
		{`null`, ``, false},
	} {
		object, ok := Arguments(nil, []byte(c.raw))
		if string(object) != c.object || ok != c.ok {
			t.Errorf("%s: %s %v", c.raw, object, ok)
		}
	}
}

func TestReadCall(t *testing.T) {
	for call, want := range map[string]string{
		`{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}`: `"c" "f" "{}"`,
		`{"id":"c","function":{"name":"f","arguments":""}}`:                     `"c" "f" `,
		`{"id":"c","function":{"name":"f"}}`:                                    `"c" "f" `,
		`{"id":"c","type":"custom","custom":{}}`:                                "type must be function with V",
		`{"function":{"name":"f"}}`:                                             "id must be a string",
		`{"id":"c","function":{"name":5}}`:                                      "function.name must be a string",
		`{"id":"c"}`:                                                            "function.name must be a string",
		`{"id":"c","function":{"name":"f","arguments":{}}}`:                     "function.arguments must be a string",
		`null`: "id must be a string",
	} {
		c, f := ReadCall("V", []byte(call))
		got := said(f)
		if f == nil {
			got = string(c.ID) + " " + string(c.Name) + " " + string(c.Arguments)
		}
		if got != want {
			t.Errorf("%s: %q, want %q", call, got, want)
		}
	}
}

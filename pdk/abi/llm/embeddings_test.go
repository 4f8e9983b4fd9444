package llm

import (
	"strings"
	"testing"
)

func TestEmbeddings_Read(t *testing.T) {
	for body, want := range map[string]string{
		`{"input":"a","model":"m","user":"u"}`: `"a" -  false`,
		`{"input":"a","dimensions":8,"encoding_format":"base64","input_type":"query","output_dtype":"int8","truncate":false,"own":1,"other":2}`: `"a" 8 int8 true, left out other`,
		`{"dimensions":0}`:                   "dimensions must be a positive whole number",
		`{"dimensions":1.5}`:                 "dimensions must be a positive whole number",
		`{"encoding_format":"hex"}`:          "encoding_format must be float or base64",
		`{"input_type":[]}`:                  "input_type must be a string",
		`{"output_dtype":""}`:                "output_dtype must be a string",
		`{"truncate":"END"}`:                 "truncate must be true or false",
		`{"dimensions":0,"input":"dropped"}`: "dimensions must be a positive whole number",
	} {
		var e Embeddings
		var notices []string
		got := said(e.Read([]byte(body), nil, &notices, func(name string, _ []byte) bool { return name == "own" }))
		if got == "" {
			dimensions := string(e.Dimensions)
			if e.Dimensions == nil {
				dimensions = "-"
			}
			got = string(e.Input) + " " + dimensions + " " + e.OutputType + " " + map[bool]string{true: "true", false: "false"}[e.Base64]
		}
		if len(notices) > 0 {
			got += ", " + strings.Join(notices, ", ")
		}
		if got != want {
			t.Errorf("%s: %q, want %q", body, got, want)
		}
	}
	var e Embeddings
	var notices []string
	if f := e.Read([]byte(`{"dimensions":0,"own":1}`), []string{"dimensions", "own"}, &notices, nil); f != nil || e.Dimensions != nil || len(notices) != 2 {
		t.Errorf("dropped: %v, %v", said(f), notices)
	}
}

func TestEmbeddings_EachInput(t *testing.T) {
	const tokens, parts = "must be a text and not empty: V takes no tokens", "must be a text with this model"
	for input, want := range map[string][2]string{ // without and with parts
		`"a"`:                  {`"a" `, `"a" `},
		`["a","b"]`:            {`"a" "b" `, `"a" "b" `},
		`""`:                   {"input " + tokens, "input " + tokens},
		`["a",""]`:             {`"a" input[1] ` + tokens, `"a" input[1] ` + tokens},
		`[1,2]`:                {"input " + tokens, "input " + tokens},
		`["a",[1]]`:            {`"a" input ` + tokens, `"a" input ` + tokens},
		`[]`:                   {"input must be a text or an array of texts", "input must be a text or an array of texts"},
		``:                     {"input " + tokens, "input " + tokens},
		`["a",{"content":[]}]`: {`"a" input[1] ` + parts, `"a" {"content":[]} `},
		`[{"image":"x"}]`:      {"input[0] " + parts, `{"image":"x"} `},
	} {
		for i, want := range want {
			e, got := Embeddings{Input: []byte(input)}, ""
			f := e.EachInput("V", i == 1, func(v []byte) *Fault { got += string(v) + " "; return nil })
			if got += said(f); got != want {
				t.Errorf("%s with parts %v: %q, want %q", input, i == 1, got, want)
			}
		}
	}
	e := Embeddings{Input: []byte(`["a","b","c"]`)}
	count := 0
	if f := e.EachInput("V", false, func([]byte) *Fault { count++; return Refuse("x", "is wrong") }); said(f) != "input[0].x is wrong" || count != 1 {
		t.Errorf("%q after %d", said(f), count)
	}
}

func TestEachPart(t *testing.T) {
	for content, want := range map[string]string{
		`[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"b"}},{"type":"image_url","image_url":"c"}]`: `text"a" picture"b" picture"c" `,
		`[]`: "content must be an array of parts", `"a"`: "content must be an array of parts",
		`[{"type":"text"}]`:                    "content[0].text must be a string",
		`[{"type":"image_url","image_url":5}]`: "content[0].image_url.url must be a string",
		`[{"type":"text","text":"a"},{}]`:      `text"a" content[1].type must be text or image_url`,
	} {
		got := ""
		f := EachPart([]byte(`{"content":`+content+`}`), func(text, picture []byte) *Fault {
			if text != nil {
				got += "text" + string(text) + " "
			} else {
				got += "picture" + string(picture) + " "
			}
			return nil
		})
		if got += said(f); got != want {
			t.Errorf("%s: %q, want %q", content, got, want)
		}
	}
}

func TestAppendVectors(t *testing.T) {
	for vectors, want := range map[string]string{
		`[[1.0],"AA=="]`: `{"object":"list","data":[{"object":"embedding","index":0,"embedding":[1.0]},{"object":"embedding","index":1,"embedding":"AA=="}]}`,
		`[]`:             "", ``: "", `[5]`: "", `[[1],{}]`: "",
	} {
		b, ok := AppendVectors(nil, []byte(vectors))
		if ok != (want != "") || ok && string(b) != want {
			t.Errorf("%s: %s, %v", vectors, b, ok)
		}
	}
}

func TestPicture(t *testing.T) {
	for url, want := range map[string]string{
		`"data:image/jpg;base64,QQ=="`: "image/jpeg QQ==", `"data:IMAGE/PNG;a=b;base64,QQ=="`: "image/png QQ==",
		`"data:image/svg+xml;base64,QQ=="`: "  must be a PNG, JPEG, GIF or WebP picture with V", `"data:image/png;base64,"`: "  holds no data",
		`"https://x"`: "  must be a base64 data URL or an https URL", ``: "  must be a base64 data URL or an https URL",
	} {
		mediaType, data, f := Picture("V", "or an https URL", []byte(url))
		got := mediaType + " " + string(data) + said(f)
		if got != want {
			t.Errorf("%s: %q, want %q", url, got, want)
		}
	}
}

func TestEmbeddings_Append(t *testing.T) {
	part := func(dst, text, picture []byte) ([]byte, *Fault) {
		if picture != nil && string(picture) != `"u"` {
			return dst, Refuse("", "is wrong")
		}
		return append(append(append(dst, ','), text...), picture...), nil
	}
	for _, c := range []struct{ input, texts, contents string }{
		{`"a"`, `-["a"]`, `-[{"content":["a"]}]`},
		{`["a","b"]`, `-["a","b"]`, `-[{"content":["a"]},{"content":["b"]}]`},
		{`["a",{"content":[{"type":"text","text":"b"},{"type":"image_url","image_url":"u"}]}]`, "input[1] must be a text with this model", `-[{"content":["a"]},{"content":["b","u"]}]`},
		{`[{"content":[{"type":"image_url","image_url":"x"}]}]`, "input[0] must be a text with this model", "input[0].content[0].image_url.url is wrong"},
		{`[1]`, "input must be a text and not empty: V takes no tokens", "input must be a text and not empty: V takes no tokens"},
	} {
		e := Embeddings{Input: []byte(c.input)}
		got, f := e.AppendTexts([]byte("-"), "V")
		if f != nil && said(f) != c.texts || f == nil && string(got) != c.texts {
			t.Errorf("texts of %s: %s, %q", c.input, got, said(f))
		}
		if got, f = e.AppendContents([]byte("-"), "V", part); f != nil && said(f) != c.contents || f == nil && string(got) != c.contents {
			t.Errorf("contents of %s: %s, %q", c.input, got, said(f))
		}
	}
}

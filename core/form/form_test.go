package form

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

const kind = "multipart/form-data; boundary=B"

// text writes a form: each part is its headers and its content.
func text(parts ...string) string {
	var b strings.Builder
	for i := 0; i+1 < len(parts); i += 2 {
		b.WriteString("--B\r\n" + strings.ReplaceAll(parts[i], "\n", "\r\n") + "\r\n\r\n" + parts[i+1] + "\r\n")
	}
	return b.String() + "--B--\r\n"
}

func part(name string) string { return `Content-Disposition: form-data; name="` + name + `"` }

func TestParse(t *testing.T) {
	file := part("file") + `; filename="a.wav"` + "\nContent-Type: audio/wav"
	image := part("image[]") + `; filename="p.png"`
	for _, c := range []struct{ name, form, want string }{
		{"fields in their order", text(part("model"), "m", file, "RIFF", part("language"), "de"),
			`{"model":"m","file":{"$file":0,"filename":"a.wav","content_type":"audio/wav","size":4},"language":"de"}`},
		{"arrays, bracketed and repeated", text(part("timestamp_granularities[]"), "word", image, "1", part("x"), "a", image, "22", part("x"), "b"),
			`{"timestamp_granularities":["word"],"image":[{"$file":0,"filename":"p.png","content_type":"","size":1},{"$file":1,"filename":"p.png","content_type":"","size":2}],"x":["a","b"]}`},
		{"what the API has as numbers and booleans", text(part("n"), "2", part("temperature"), "0.20", part("stream"), "true", part("user"), "7", part("prompt"), "true"),
			`{"n":2,"temperature":0.20,"stream":true,"user":"7","prompt":"true"}`},
		{"but not what is none", text(part("n"), "two", part("stream"), "1"), `{"n":"two","stream":"1"}`},
		{"a field that says it is a file", text(part("file"), `{"$file":0}`), `{"file":"{\"$file\":0}"}`},
		{"nested names stay", text(part("chunking_strategy[type]"), "server_vad"), `{"chunking_strategy[type]":"server_vad"}`},
		{"text of any sort", text(part("prompt")+"\nContent-Type: text/plain; charset=UTF-8", "\"ü\r\n--\r\n"), `{"prompt":"\"ü\r\n--\r\n"}`},
		{"nothing in a field", text(part("prompt"), ""), `{"prompt":""}`},
		{"no line break before an empty field's end", "--B\r\n" + part("p") + "\r\n\r\n--B--", `{"p":""}`},
		{"no part", "--B--", `{}`},
		{"padding, and something after the end", "\r\n--B \t\r\n" + part("p") + "\r\n\r\nx\r\n--B--\r\nafterwards", `{"p":"x"}`},
		{"names as browsers write them", text(`content-disposition: FORM-DATA; name=f; filename="a%22b\c.wav"`, "x"), `{"f":{"$file":0,"filename":"a%22b\\c.wav","content_type":"","size":1}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, err := Parse(kind, []byte(c.form))
			if err != nil {
				t.Fatal(err.Message)
			}
			if string(f.Body) != c.want {
				t.Errorf("got  %s\nwant %s", f.Body, c.want)
			}
		})
	}
}

func TestParse_Refused(t *testing.T) {
	field := text(part("p"), "x")
	for _, c := range []struct{ name, kind, form, says, param string }{
		{"no boundary", "multipart/form-data", field, "has no boundary", ""},
		{"a malformed type", "multipart/form-data; boundary=\"", field, "content-type of the form is malformed", ""},
		{"another boundary", "multipart/form-data; boundary=C", field, "does not begin with its boundary", ""},
		{"empty", kind, "", "does not begin with its boundary", ""},
		{"something before", kind, "hello\r\n" + field, "does not begin with its boundary", ""},
		{"cut off in a value", kind, strings.TrimSuffix(field, "\r\n--B--\r\n"), "cut off in part 0", ""},
		{"cut off in headers", kind, "--B\r\nContent-Dis", "cut off in part 0", ""},
		{"cut off behind a part", kind, strings.TrimSuffix(field, "--\r\n"), "cut off in part 1", ""},
		{"almost the boundary", kind, text(part("p"), "x\r\n--Bx"), "line that begins like the boundary", ""},
		{"line feeds alone", kind, strings.ReplaceAll(field, "\r", ""), "cut off", ""},
		{"no disposition", kind, text("Content-Type: text/plain", "x"), "part 0 of the form has no content-disposition", ""},
		{"no headers", kind, "--B\r\n\r\nx\r\n--B--", "part 0 of the form has no content-disposition", ""},
		{"an attachment", kind, text(`Content-Disposition: attachment; name="p"`, "x"), "malformed content-disposition", ""},
		{"two names", kind, text(part("p")+`; name="q"`, "x"), "malformed content-disposition", ""},
		{"no name", kind, text(`Content-Disposition: form-data`, "x"), "part 0 of the form has no name", ""},
		{"brackets alone", kind, text(part("[]"), "x"), "part 0 of the form has no name", ""},
		{"a header twice", kind, text(part("p")+"\n"+part("q"), "x"), "two headers content-disposition", ""},
		{"a folded header", kind, text(part("p")+"\n  folded", "x"), "malformed header", ""},
		{"a control character in a name", kind, text(`Content-Disposition: form-data; name*=UTF-8''a%0Db`, "x"), "control characters", ""},
		{"another charset", kind, text(part("p")+"\nContent-Type: text/plain; charset=iso-8859-1", "x"), "charset iso-8859-1", "p"},
		{"not UTF-8", kind, text(part("p"), "\xff"), "not UTF-8", "p"},
		{"a file without its name", kind, text(part("file")+"\nContent-Type: audio/wav", "x"), "a file needs one", "file"},
		{"base64", kind, text(part("p")+"\nContent-Transfer-Encoding: base64", "eA=="), "content-transfer-encoding", ""},
		{"long headers", kind, text(part("p")+"\nX: "+strings.Repeat("x", maxHead), "x"), "longer than", ""},
		{"too many parts", kind, strings.Repeat(strings.TrimSuffix(field, "--B--\r\n"), maxParts+1) + "--B--", "more than 256 parts", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, err := Parse(c.kind, []byte(c.form))
			if err == nil {
				t.Fatalf("taken as %s", f.Body)
			}
			if !strings.Contains(err.Message, c.says) || err.Param != c.param || err.Code != "invalid_request" {
				t.Errorf("%s: %s (param %q)", err.Code, err.Message, err.Param)
			}
		})
	}
}

// TestParse_NoCopies: a large file is not copied when it is read, and once when it is sent.
func TestParse_NoCopies(t *testing.T) {
	const size = 25 << 20
	body := []byte(text(part("file")+`; filename="a.mp3"`, strings.Repeat("\r\n-", size/3), part("model"), "m"))
	var f *Form
	if n := allocated(func() { f, _ = Parse(kind, body) }); f == nil || n > 32<<10 {
		t.Fatalf("reading allocates %d bytes", n)
	}
	if n := allocated(func() { _ = f.Rebuild(NewWriter(nil, f.Size()), f.Body) }); n > size+size/8 {
		t.Errorf("writing allocates %d bytes for %d", n, size)
	}
}

// allocated is how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func BenchmarkForm(b *testing.B) {
	body := []byte(text(part("file")+`; filename="a.mp3"`, strings.Repeat("\r\n-", 25<<20/3), part("model"), "m"))
	room := []byte(nil)
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		f, err := Parse(kind, body)
		if err != nil {
			b.Fatal(err)
		}
		w := NewWriter(room, f.Size())
		if err := f.Rebuild(w, f.Body); err != nil {
			b.Fatal(err)
		}
		room = w.Bytes
	}
}

// show lists what a form says, by the library's reader.
func show(t *testing.T, contentType string, body []byte) (list []string, err error) {
	t.Helper()
	_, b, _ := strings.Cut(contentType, "boundary=")
	r := multipart.NewReader(bytes.NewReader(body), b)
	for {
		p, err := r.NextRawPart()
		if err == io.EOF {
			return list, nil
		}
		if err != nil {
			return nil, err
		}
		content, err := io.ReadAll(p)
		if err != nil {
			return nil, err
		}
		list = append(list, fmt.Sprintf("%q %q %q %q", p.FormName(), p.FileName(), p.Header.Get("Content-Type"), content))
	}
}

func TestRebuild(t *testing.T) {
	f, err := Parse(kind, []byte(text(part("model"), "alias", part("image[]")+`; filename="a\"b.png"`+"\nContent-Type: image/png", "\x00\r\n--\xff",
		part("n"), "2", part("image[]")+`; filename=""`, "", part("x"), "1", part("x"), "2", part("gone"), "z")))
	if err != nil {
		t.Fatal(err.Message)
	}
	edited := scan.Apply(nil, f.Body, []scan.Edit{{Key: "model", Value: []byte(`"gpt-image-1"`)}, {Key: "gone"}, {Key: "added", Value: []byte(`true`)}, {Key: "nothing", Value: []byte(`null`)}})
	w := NewWriter(nil, f.Size())
	if err := f.Rebuild(w, edited); err != nil {
		t.Fatal(err.Message)
	}
	got, rerr := show(t, w.ContentType(), w.Bytes)
	want := []string{`"model" "" "" "gpt-image-1"`, `"image[]" "a%22b.png" "image/png" "\x00\r\n--\xff"`, `"image[]" "" "" ""`, `"n" "" "" "2"`, `"x" "" "" "1"`, `"x" "" "" "2"`, `"added" "" "" "true"`}
	if rerr != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v\ngot  %s\nwant %s", rerr, got, want)
	}
}

func TestRename(t *testing.T) {
	f, err := Parse(kind, []byte(text(part("file")+`; filename="secret.wav"`, "x", part("image[]")+`; filename="b"`, "y", part("image[]")+`; filename="secret"`, "z")))
	if err != nil {
		t.Fatal(err.Message)
	}
	f.Rename(bytes.ReplaceAll(f.Body, []byte("secret"), []byte("***")))
	if f.Files[0].Filename != "***.wav" || f.Files[1].Filename != "b" || f.Files[2].Filename != "***" {
		t.Errorf("%+v", f.Files)
	}
	(*Form)(nil).Rename([]byte(`{"file":{"$file":0}}`))
}

func TestWrite(t *testing.T) {
	f := &Form{Files: []File{{"a.wav", "audio/wav", []byte("RIFF")}}}
	w := NewWriter([]byte("old"), f.Size())
	err := f.Write(w, []abi.FormPart{{Name: "model_id", Value: "scribe_v2"}, {Name: "file", File: &abi.FileRef{}}, {Name: "again", File: &abi.FileRef{Filename: "b", ContentType: "x/y"}}})
	got, rerr := show(t, w.ContentType(), w.Bytes)
	want := []string{`"model_id" "" "" "scribe_v2"`, `"file" "a.wav" "audio/wav" "RIFF"`, `"again" "b" "x/y" "RIFF"`}
	if err != nil || rerr != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v %v\ngot  %s\nwant %s", err, rerr, got, want)
	}
	for _, form := range []*Form{f, nil} {
		if err := form.Write(NewWriter(nil, 0), []abi.FormPart{{Name: "file", File: &abi.FileRef{Number: 1}}}); err == nil || err.Code != "invalid_request" || !strings.Contains(err.Message, "no file 1") {
			t.Errorf("a file that is not there: %v", err)
		}
	}
}

// FuzzParse: what is taken, the library reads as the same parts; and the form
// that is made of it says the same again.
func FuzzParse(f *testing.F) {
	f.Add(text(part("model"), "m", part("file")+`; filename="a.wav"`+"\nContent-Type: audio/wav", "RI\r\n--FF", part("x[]"), ""))
	f.Add("--B\r\n" + part("p") + "\r\n\r\n--B--")
	f.Add(text(part("p"), "x\r\n--B-"))
	f.Add("--B \r\n\r\n\r\n--B--")
	f.Add("--B--0")
	f.Fuzz(func(t *testing.T, body string) {
		form, err := Parse(kind, []byte(body))
		if err != nil {
			return
		}
		if verr := scan.Valid(form.Body); verr != nil || !utf8.Valid(form.Body) {
			t.Fatalf("%v: %s", verr, form.Body)
		}
		if _, lerr := show(t, kind, []byte(body)); lerr != nil {
			t.Fatalf("the library refuses %q: %v", body, lerr)
		}
		w := NewWriter(nil, form.Size())
		if err := form.Rebuild(w, form.Body); err != nil {
			t.Fatal(err.Message)
		}
		again, err := Parse(w.ContentType(), w.Bytes)
		if err != nil {
			t.Fatalf("%s in %q", err.Message, w.Bytes)
		}
		if !bytes.Equal(again.Body, form.Body) || len(again.Files) != len(form.Files) {
			t.Errorf("got  %s\nwant %s", again.Body, form.Body)
		}
		for i := range form.Files {
			if !bytes.Equal(again.Files[i].Bytes, form.Files[i].Bytes) {
				t.Errorf("file %d is %q, was %q", i, again.Files[i].Bytes, form.Files[i].Bytes)
			}
		}
	})
}

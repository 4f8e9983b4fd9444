package form

import "testing"

// TestInline: files stand in the body, and all else is as it was.
func TestInline(t *testing.T) {
	f := &Form{Files: []File{{Bytes: []byte("abc")}, {Bytes: nil}}}
	for body, want := range map[string]string{
		`{"prompt":"a","n":1,"image":{"$file":0,"size":3}}`: `{"prompt":"a","n":1,"image":{"$file":0,"size":3,"data":"YWJj"}}`,
		`{"image":[{"$file":1},{"$file":0}],"a":["b","c"]}`: `{"image":[{"$file":1,"data":""},{"$file":0,"data":"YWJj"}],"a":["b","c"]}`,
		`{"image":{"$file":2},"x":{}}`:                      `{"image":{"$file":2},"x":{}}`,
		`{}`:                                                `{}`,
	} {
		if got := string(f.Inline([]byte(body))); got != want {
			t.Errorf("%s became %s", body, got)
		}
	}
}

package form

import (
	"bytes"
	"mime"
	"strings"
	"unicode/utf8"

	"github.com/tokligence/gateway/core"
)

// head is what the headers of a part say.
type head struct {
	name, filename, contentType string
	isFile                      bool
}

// readHead reads the headers of part n.
func readHead(n int, text []byte) (h head, err *core.Error) {
	disposed := false
	seen := map[string]bool{}
	for line := range bytes.SplitSeq(text, []byte("\r\n")) {
		if len(line) == 0 {
			continue
		}
		key, value, ok := bytes.Cut(line, []byte(":"))
		value = bytes.Trim(value, " \t")
		if !ok || !core.IsToken(key) || !core.IsFieldValue(value) { // a folded line has no name
			return h, core.Invalid("", "part %d of the form has a malformed header", n)
		}
		name := strings.ToLower(string(key))
		if seen[name] {
			return h, core.Invalid("", "part %d of the form has two headers %s", n, name)
		}
		seen[name] = true
		switch name {
		case "content-disposition":
			disposed = true
			err = h.disposition(n, string(value))
		case "content-type":
			h.contentType = string(value)
		case "content-transfer-encoding":
			if e := strings.ToLower(string(value)); e != "binary" && e != "8bit" && e != "7bit" {
				err = core.Invalid("", "part %d of the form has a content-transfer-encoding, which forms over HTTP have not", n)
			}
		}
		if err != nil {
			return h, err
		}
	}
	if !disposed {
		return h, core.Invalid("", "part %d of the form has no content-disposition", n)
	}
	return h, h.charset()
}

// disposition reads a part's name, and that of its file.
func (h *head) disposition(n int, value string) *core.Error {
	kind, params, err := mime.ParseMediaType(value)
	if err != nil || kind != "form-data" {
		return core.Invalid("", "part %d of the form has a malformed content-disposition", n)
	}
	h.name = params["name"]
	h.filename, h.isFile = params["filename"]
	for _, s := range [...]string{h.name, h.filename} {
		if !utf8.ValidString(s) || !core.IsFieldValue(s) {
			return core.Invalid("", "part %d of the form has a name that is not UTF-8 or has control characters", n)
		}
	}
	if strings.TrimSuffix(h.name, "[]") == "" {
		return core.Invalid("", "part %d of the form has no name", n)
	}
	return nil
}

// charset holds a value to UTF-8: another would be sent on as what it is not.
func (h *head) charset() *core.Error {
	if h.isFile || h.contentType == "" {
		return nil
	}
	kind, params, err := mime.ParseMediaType(h.contentType)
	if err != nil {
		return core.Invalid(h.name, "the content-type of the field %s is malformed", h.name)
	}
	if c := strings.ToLower(params["charset"]); c != "" && c != "utf-8" && c != "us-ascii" {
		return core.Invalid(h.name, "the field %s has the charset %s: forms are read as UTF-8", h.name, c)
	}
	if kind != "text/plain" && kind != "application/json" {
		return core.Invalid(h.name, "the field %s has the type %s but no filename: a file needs one", h.name, kind)
	}
	return nil
}

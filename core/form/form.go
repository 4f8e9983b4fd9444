// Package form reads and writes multipart forms (RFC 7578) of which the gateway
// acts on the fields and passes the files on. A form becomes the canonical JSON
// body of package llm, so that all that holds for JSON bodies holds for it.
package form

import (
	"bytes"
	"fmt"
	"mime"
	"strings"
	"unicode/utf8"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// Bounds of a form. No client of the APIs that take forms comes near them.
const (
	maxParts = 256
	maxHead  = 8 << 10 // bytes of one part's headers
)

// File is a file of a form.
type File struct {
	Filename    string // as the client wrote it; may be ""
	ContentType string // "" when the client gave none
	Bytes       []byte // a slice of the form
}

// Form is a form that was read.
type Form struct {
	// Body is the canonical JSON object.
	Body []byte
	// Files are those of the form, in their order: their number is what "$file" says.
	Files []File
	// bracketed are the fields that stand without their [] in Body.
	bracketed map[string]bool
}

// File returns the file of that number, nil when there is none. A nil form has none.
func (f *Form) File(number int) *File {
	if f == nil || number < 0 || number >= len(f.Files) {
		return nil
	}
	return &f.Files[number]
}

// Is reports whether a content-type is that of a form.
func Is(contentType string) bool {
	kind, _, _ := strings.Cut(contentType, ";")
	return strings.EqualFold(strings.TrimSpace(kind), "multipart/form-data")
}

// Parse reads a whole form. The files are slices of body. It is strict, since
// servers differ in what they make of a form that is not as RFC 7578 has it: an
// error is a *core.Error that names the part, for the client.
func Parse(contentType string, body []byte) (*Form, *core.Error) {
	delimiter, err := boundary(contentType)
	if err != nil {
		return nil, err
	}
	p := parser{rest: body, delimiter: delimiter, form: &Form{bracketed: map[string]bool{}}}
	if err := p.parts(); err != nil {
		return nil, err
	}
	p.form.Body = p.object()
	return p.form, nil
}

// boundary is the line that parts the form, with the line break before it.
func boundary(contentType string) ([]byte, *core.Error) {
	_, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return nil, core.Invalid("", "the content-type of the form is malformed")
	}
	b := params["boundary"]
	if b == "" {
		return nil, core.Invalid("", "the content-type of the form has no boundary")
	}
	if len(b) > 200 || strings.ContainsAny(b, "\r\n") {
		return nil, core.Invalid("", "the boundary of the form cannot be one")
	}
	return []byte("\r\n--" + b), nil
}

type parser struct {
	rest      []byte
	delimiter []byte
	form      *Form
	fields    []field
}

// field is one part: a value, or the file of that number.
type field struct {
	name  string
	value []byte
	file  int // -1 for a value
}

// parts reads every part of the form.
func (p *parser) parts() *core.Error {
	first := p.delimiter[2:] // the form may begin with it
	p.rest = bytes.TrimPrefix(p.rest, []byte("\r\n"))
	if !bytes.HasPrefix(p.rest, first) {
		return core.Invalid("", "the form does not begin with its boundary")
	}
	p.rest = p.rest[len(first):]
	for {
		last, err := p.lineEnd()
		if last || err != nil {
			return err
		}
		if len(p.fields) == maxParts {
			return core.Invalid("", "the form has more than %d parts", maxParts)
		}
		if err := p.part(); err != nil {
			return err
		}
	}
}

// lineEnd takes what follows a boundary: the end of its line, or of the form.
func (p *parser) lineEnd() (last bool, err *core.Error) {
	line, rest, ok := bytes.Cut(p.rest, []byte("\r\n"))
	if string(bytes.TrimRight(line, " \t")) == "--" {
		return true, nil // what follows means nothing
	}
	switch {
	case !ok:
		return false, p.cutOff()
	case len(bytes.Trim(line, " \t")) > 0:
		return false, core.Invalid("", "part %d of the form holds a line that begins like the boundary", len(p.fields))
	}
	p.rest = rest
	return false, nil
}

func (p *parser) cutOff() *core.Error {
	return core.Invalid("", "the form is cut off in part %d", len(p.fields))
}

// part reads a part's headers and what it holds, up to the next boundary.
func (p *parser) part() *core.Error {
	n := len(p.fields)
	var head []byte
	if rest, none := bytes.CutPrefix(p.rest, []byte("\r\n")); none {
		p.rest = rest
	} else {
		var ok bool
		if head, p.rest, ok = bytes.Cut(p.rest, []byte("\r\n\r\n")); !ok {
			return p.cutOff()
		}
	}
	if len(head) > maxHead {
		return core.Invalid("", "the headers of part %d of the form are longer than %d bytes", n, maxHead)
	}
	h, err := readHead(n, head)
	if err != nil {
		return err
	}
	// The line break of an empty part is that of its headers.
	to := bytes.Index(p.rest, p.delimiter)
	if bytes.HasPrefix(p.rest, p.delimiter[2:]) {
		to = -2
	}
	if to == -1 {
		return p.cutOff()
	}
	content := p.rest[:max(to, 0)]
	p.rest = p.rest[to+len(p.delimiter):]
	if h.isFile {
		p.fields = append(p.fields, field{h.name, nil, len(p.form.Files)})
		p.form.Files = append(p.form.Files, File{h.filename, h.contentType, content[:len(content):len(content)]})
		return nil
	}
	if !utf8.Valid(content) {
		return core.Invalid(h.name, "the field %s is not UTF-8", h.name)
	}
	p.fields = append(p.fields, field{h.name, content, -1})
	return nil
}

// object writes the fields as JSON, those of one name together.
func (p *parser) object() []byte {
	var dst []byte
	done := make([]bool, len(p.fields))
	for i := range p.fields {
		if done[i] {
			continue
		}
		name, list := strings.CutSuffix(p.fields[i].name, "[]")
		var same []int
		for j := i; j < len(p.fields); j++ {
			other, bracketed := strings.CutSuffix(p.fields[j].name, "[]")
			if other == name {
				same, done[j], list = append(same, j), true, list || bracketed
			}
		}
		p.form.bracketed[name] = list
		dst = append(scan.AppendString(append(dst, ','), name), ':')
		if !list && len(same) == 1 {
			dst = p.value(dst, name, same[0])
			continue
		}
		start := len(dst)
		for _, j := range same {
			dst = p.value(append(dst, ','), name, j)
		}
		dst = scan.CloseArray(dst, start)
	}
	return scan.CloseObject(dst, 0)
}

// typed are the members that are no strings in the API's JSON, by their kind there.
var typed = map[string]string{"n": "0", "max_tokens": "0", "temperature": "0", "partial_images": "0", "output_compression": "0", "stream": "tf"}

func (p *parser) value(dst []byte, name string, i int) []byte {
	f := p.fields[i]
	if f.file >= 0 {
		return appendFile(dst, f.file, &p.form.Files[f.file])
	}
	if kind := typed[name]; kind != "" && scan.Valid(f.value) == nil && strings.IndexByte(kind, scan.Kind(f.value)) >= 0 {
		return append(dst, bytes.TrimSpace(f.value)...)
	}
	return scan.AppendString(dst, f.value)
}

func appendFile(dst []byte, number int, f *File) []byte {
	dst = fmt.Appendf(dst, `{"$file":%d,"filename":`, number)
	dst = append(scan.AppendString(dst, f.Filename), `,"content_type":`...)
	dst = scan.AppendString(dst, f.ContentType)
	return fmt.Appendf(dst, `,"size":%d}`, len(f.Bytes))
}

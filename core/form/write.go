package form

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// Writer writes a form behind what is in Bytes already. Its boundary is made anew each time, so that
// no file can hold it but by chance (128 bits).
type Writer struct {
	Bytes    []byte
	boundary string
}

// NewWriter begins a form in room, with place for files of size bytes.
func NewWriter(room []byte, size int) *Writer {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	if cap(room) < size+1024 {
		room = make([]byte, 0, size+1024)
	}
	return &Writer{Bytes: room[:0], boundary: "tokligence-" + hex.EncodeToString(b[:])}
}

// ContentType is that of the form.
func (w *Writer) ContentType() string { return "multipart/form-data; boundary=" + w.boundary }

// Close ends the form.
func (w *Writer) Close() {
	w.Bytes = append(append(append(w.Bytes, "--"...), w.boundary...), "--\r\n"...)
}

// quoted writes names as browsers do.
// https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#multipart-form-data
var quoted = strings.NewReplacer(`"`, "%22", "\r", "%0D", "\n", "%0A")

func (w *Writer) begin(name string) {
	w.Bytes = append(append(append(w.Bytes, "--"...), w.boundary...), "\r\nContent-Disposition: form-data; name=\""...)
	w.Bytes = append(append(w.Bytes, quoted.Replace(name)...), '"')
}

// Value writes a field.
func (w *Writer) Value(name, value string) {
	w.begin(name)
	w.Bytes = append(append(append(w.Bytes, "\r\n\r\n"...), value...), "\r\n"...)
}

// File writes a file. What the reference leaves out is the client's.
func (w *Writer) File(name string, f *File, r *abi.FileRef) {
	filename, kind := f.Filename, f.ContentType
	if r.Filename != "" {
		filename = r.Filename
	}
	if r.ContentType != "" {
		kind = r.ContentType
	}
	w.begin(name)
	w.Bytes = append(append(append(w.Bytes, `; filename="`...), quoted.Replace(filename)...), '"')
	if kind != "" {
		w.Bytes = append(append(w.Bytes, "\r\nContent-Type: "...), kind...)
	}
	w.Bytes = append(append(append(w.Bytes, "\r\n\r\n"...), f.Bytes...), "\r\n"...)
}

// Size is the bytes of all files.
func (f *Form) Size() (n int) {
	if f != nil {
		for i := range f.Files {
			n += len(f.Files[i].Bytes)
		}
	}
	return n
}

// Rename gives the files the names that they have in the canonical body: what reads
// it may have changed them. A nil form has none.
func (f *Form) Rename(body []byte) {
	if f == nil {
		return
	}
	rename := func(v []byte) {
		n, _ := scan.GetInt(v, "$file")
		if file := f.File(int(n)); file != nil && scan.Kind(v) == '{' {
			file.Filename = scan.GetString(v, "filename")
		}
	}
	scan.Members(body, func(_, value []byte) bool {
		rename(value)
		scan.Elements(value, func(_ int, v []byte) bool { rename(v); return true })
		return true
	})
}

// Rebuild writes the form that the canonical body stands for, edited as it may
// be: the members in their order, arrays as the client wrote them.
func (f *Form) Rebuild(w *Writer, body []byte) *core.Error {
	var err *core.Error
	scan.Members(body, func(key, value []byte) bool {
		name := string(key)
		if scan.Kind(value) != '[' {
			err = f.rebuild(w, name, value)
			return err == nil
		}
		field := name
		if f.bracketed[name] {
			field += "[]"
		}
		scan.Elements(value, func(_ int, v []byte) bool {
			err = f.rebuild(w, field, v)
			return err == nil
		})
		return err == nil
	})
	w.Close()
	return err
}

func (f *Form) rebuild(w *Writer, name string, value []byte) *core.Error {
	switch scan.Kind(value) {
	case 'n': // a form has no null: what is not said is not there
	case '"':
		s, _ := scan.String(value)
		w.Value(name, s)
	case '{':
		if n, ok := scan.GetInt(value, "$file"); ok {
			file := f.File(int(n))
			if file == nil {
				return NoFile(int(n))
			}
			w.File(name, file, &abi.FileRef{})
			return nil
		}
		w.Value(name, string(value))
	default: // as JSON, where an edit has set it
		w.Value(name, string(value))
	}
	return nil
}

// Write writes the form that a provider plugin has made of the client's files.
func (f *Form) Write(w *Writer, parts []abi.FormPart) *core.Error {
	for i := range parts {
		part := &parts[i]
		if part.File == nil {
			w.Value(part.Name, part.Value)
			continue
		}
		file := f.File(part.File.Number)
		if file == nil {
			return NoFile(part.File.Number)
		}
		w.File(part.Name, file, part.File)
	}
	w.Close()
	return nil
}

// NoFile is the error of a reference to a file that the request has not: a client
// that sends JSON may name any.
func NoFile(number int) *core.Error {
	return core.Invalid("$file", "%s", fmt.Sprintf("the request has no file %d: files are sent as multipart/form-data", number))
}

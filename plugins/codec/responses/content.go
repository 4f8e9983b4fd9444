package responses

import (
	"bytes"

	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// parts appends an array of parts as what a model is given.
func parts(dst, content []byte) (_ []byte, f *llm.Fault) {
	start := len(dst)
	scan.Elements(content, func(i int, part []byte) bool {
		dst, f = given(dst, part)
		f = f.At("", i)
		return f == nil
	})
	return scan.CloseArray(dst, start), f
}

var (
	partFields = scan.NewNames("type", "text", "image_url", "file", "refusal", "cache_control", "citations")
	fileFields = scan.NewNames("filename", "file_data", "file_id")
)

// rest are the members of a part that nobody here knows: they are passed on.
type rest struct{ b []byte }

func (r *rest) other(key, v []byte) {
	r.b = append(append(scan.AppendString(append(r.b, ','), key), ':'), v...)
}

// given writes one part, after a comma.
func given(dst, part []byte) (_ []byte, f *llm.Fault) {
	var kind, text, picture, file, unused []byte
	var more rest
	if !partFields.Read(part, more.other, &kind, &text, &picture, &file, &unused, &unused, &unused) {
		return dst, llm.Refuse("", "must be an object")
	}
	switch {
	case scan.Is(kind, "text"):
		if scan.Kind(text) != '"' {
			return dst, llm.Refuse("text", "must be a string")
		}
		dst = wrapped(dst, `,{"type":"input_text","text":`, text, "")
	case scan.Is(kind, "image_url"):
		dst, f = image(dst, picture)
	case scan.Is(kind, "file"):
		dst, f = document(dst, file)
		f = f.Under("file")
	case scan.Is(kind, "input_audio"):
		return dst, llm.Refuse("input_audio", "is not supported by "+api)
	default:
		return dst, llm.Refuse("type", "must be text, image_url or file with "+api)
	}
	return append(append(dst, more.b...), '}'), f
}

// image begins a picture, which is at an address, in a data URL or held by the vendor.
func image(dst, picture []byte) ([]byte, *llm.Fault) {
	url, detail := picture, []byte(nil) // a bare string, as some clients write it
	if scan.Kind(picture) == '{' {
		url, detail = scan.Get(picture, "url"), scan.Get(picture, "detail")
	}
	if !filled(url) {
		return dst, llm.Refuse("image_url.url", "must be a string")
	}
	if scan.IsNull(detail) {
		detail = []byte(`"auto"`)
	}
	dst = wrapped(dst, `,{"type":"input_image","image_url":`, url, "")
	return wrapped(dst, `,"detail":`, detail, ""), nil
}

// document begins a file: with its data, at an address, or held by the vendor.
func document(dst, file []byte) ([]byte, *llm.Fault) {
	var title, data, id []byte
	fileFields.Read(file, nil, &title, &data, &id)
	dst = append(dst, `,{"type":"input_file"`...)
	switch {
	case filled(data) && isAddress(data):
		return wrapped(dst, `,"file_url":`, data, ""), nil // of which no name is told
	case filled(data):
		if !filled(title) {
			title = []byte(`"document.pdf"`) // without one it is refused
		}
		return wrapped(wrapped(dst, `,"filename":`, title, ""), `,"file_data":`, data, ""), nil
	case filled(id):
		return wrapped(dst, `,"file_id":`, id, ""), nil
	}
	return dst, llm.Refuse("file_data", "must be a string")
}

func isAddress(url []byte) bool {
	text := scan.Text(url)
	return bytes.HasPrefix(text, []byte("https://")) || bytes.HasPrefix(text, []byte("http://"))
}

// ownPart writes a part of what the assistant has said, after a comma.
func ownPart(dst, part []byte) ([]byte, *llm.Fault) {
	var kind, text, refusal, unused []byte
	partFields.Read(part, nil, &kind, &text, &unused, &unused, &refusal, &unused, &unused)
	switch {
	case scan.Is(kind, "text"):
		if scan.Kind(text) != '"' {
			return dst, llm.Refuse("text", "must be a string")
		}
		return wrapped(dst, `,{"type":"output_text","text":`, text, "}"), nil
	case scan.Is(kind, "refusal"):
		if scan.Kind(refusal) != '"' {
			return dst, llm.Refuse("refusal", "must be a string")
		}
		return wrapped(dst, `,{"type":"refusal","refusal":`, refusal, "}"), nil
	}
	return dst, llm.Refuse("type", "must be text here")
}

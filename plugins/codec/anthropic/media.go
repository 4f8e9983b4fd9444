package anthropic

import (
	"bytes"
	"encoding/base64"
	"unicode/utf8"

	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

var mediaFields = scan.NewNames("type", "image_url", "file")

// media appends the block that a part becomes which is no text.
func media(dst, part []byte) ([]byte, *llm.Fault) {
	var kind, picture, file []byte
	mediaFields.Read(part, nil, &kind, &picture, &file)
	switch {
	case scan.Is(kind, "image_url"):
		url := picture // a bare string, as some clients write it
		if scan.Kind(picture) == '{' {
			url = scan.Get(picture, "url")
		}
		dst, f := image(dst, url)
		return dst, f.Under("image_url.url")
	case scan.Is(kind, "file"):
		dst, f := document(dst, file)
		if on, _ := scan.Bool(scan.Get(part, "citations", "enabled")); on && f == nil {
			dst = append(dst[:len(dst)-1], `,"citations":{"enabled":true}}`...)
		}
		return dst, f.Under("file")
	}
	return dst, llm.Refuse("type", "must be text, image_url or file with Anthropic")
}

func image(dst, url []byte) ([]byte, *llm.Fault) {
	if isHTTPS(url) {
		return wrapped(dst, `{"type":"image","source":{"type":"url","url":`, url, `}}`), nil
	}
	mediaType, data, f := llm.Picture("Anthropic", "or an https URL", url)
	if f != nil {
		return dst, f
	}
	return closeWithData(append(dst, `{"type":"image"`...), mediaType, data), nil
}

// isHTTPS: Anthropic fetches nothing that is at another sort of address.
func isHTTPS(url []byte) bool { return bytes.HasPrefix(scan.Text(url), []byte("https://")) }

// closeWithData ends a block with its base64 source.
func closeWithData(dst []byte, mediaType string, data []byte) []byte {
	dst = append(append(dst, `,"source":{"type":"base64","media_type":"`...), mediaType...)
	return wrapped(dst, `","data":"`, data, `"}}`)
}

// document takes PDFs and plain text, addresses of PDFs, which Anthropic fetches, and ids of files that Anthropic holds.
func document(dst, file []byte) ([]byte, *llm.Fault) {
	dst = append(dst, `{"type":"document"`...)
	if name := scan.Get(file, "filename"); scan.Kind(name) == '"' && len(name) > 2 {
		dst = wrapped(dst, `,"title":`, name, "")
	}
	url := scan.Get(file, "file_data")
	if id := scan.Get(file, "file_id"); url == nil && scan.Kind(id) == '"' {
		return wrapped(dst, `,"source":{"type":"file","file_id":`, id, `}}`), nil
	}
	if isHTTPS(url) {
		return wrapped(dst, `,"source":{"type":"url","url":`, url, `}}`), nil
	}
	mediaType, data, ok := llm.DataURL(url)
	switch {
	case !ok:
		return dst, llm.Refuse("file_data", "must be a base64 data URL or an https URL")
	case len(data) == 0:
		return dst, llm.Refuse("file_data", "holds no data")
	case mediaType == "application/pdf":
		return closeWithData(dst, mediaType, data), nil
	case mediaType != "text/plain":
		return dst, llm.Refuse("file_data", "must be a PDF or plain text with Anthropic")
	}
	quoted := append(append([]byte{'"'}, data...), '"')
	text, err := base64.StdEncoding.AppendDecode(nil, scan.AppendUnescaped(nil, quoted))
	if err != nil || !utf8.Valid(text) {
		return dst, llm.Refuse("file_data", "must be base64 of UTF-8 text")
	}
	dst = append(dst, `,"source":{"type":"text","media_type":"text/plain","data":`...)
	return append(scan.AppendString(dst, text), `}}`...), nil
}

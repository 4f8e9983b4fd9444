package segment

import (
	"encoding/base64"
	"strings"

	"github.com/tokligence/gateway/pdk/abi/scan"
)

// media takes what stands where a picture, a recording or a document may: an
// address, or text that is written down there. Only base64 of what is no text
// is left out, and nothing that merely begins like it.
func (w *walker) media(name string, raw []byte, kind string) {
	text, _ := scan.String(raw)
	head, mime := "", ""
	switch {
	case len(text) > 5 && strings.EqualFold(text[:5], "data:"):
		comma := strings.IndexByte(text, ',')
		if comma < 0 || !strings.HasSuffix(strings.ToLower(text[:comma]), ";base64") {
			w.take(raw, kind)
			return
		}
		head = text[:comma+1]
		mime, _, _ = strings.Cut(head[5:], ";")
	case name != "data" && name != "file_data" || scan.GetString(w.object, "type") == "text":
		w.take(raw, kind)
		return
	default:
		if mime = w.mediaType(); mime == "" && len(text) <= shortData {
			w.take(raw, kind)
			return
		}
	}
	payload := text[len(head):]
	if !isBase64(payload) {
		w.take(raw, kind)
		return
	}
	if !textual(mime) {
		return
	}
	plain, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(payload, "="))
	if err != nil {
		w.take(raw, kind)
		return
	}
	f := w.add(raw, kind, strings.ToValidUTF8(string(plain), "\uFFFD"))
	f.encoded, f.head = true, head
}

// mediaType is what the object around the data says of it.
func (w *walker) mediaType() string {
	if mime := scan.GetString(w.object, "media_type"); mime != "" || !w.native {
		return mime
	}
	for _, name := range [...]string{"mimeType", "mime_type"} {
		if mime := scan.GetString(w.object, name); mime != "" {
			return mime
		}
	}
	format := scan.GetString(w.around, "format")
	if mime := documentTypes[format]; mime != "" || format == "" {
		return mime
	}
	return "application/" + format
}

// shortData is the length up to which data of an unknown sort is taken for text.
const shortData = 64

func isBase64(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '+', c == '/', c == '=':
		default:
			return false
		}
	}
	return true
}

// textual reports whether providers hand a document of the media type to a
// model as the text that it is.
func textual(mime string) bool {
	mime = strings.ToLower(strings.TrimSpace(mime))
	if strings.HasPrefix(mime, "text/") || strings.HasSuffix(mime, "+json") || strings.HasSuffix(mime, "+xml") {
		return true
	}
	switch strings.TrimPrefix(mime, "application/") {
	case "json", "xml", "csv", "yaml", "x-yaml", "javascript", "x-javascript", "x-python", "rtf", "x-ndjson", "jsonl", "toml", "sql", "typescript":
		return true
	}
	return false
}

func appendEncoded(dst []byte, head, text string) []byte {
	return scan.AppendString(dst, head+base64.StdEncoding.EncodeToString([]byte(text)))
}

package main

import (
	"strconv"
	"strings"

	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// images and documents are Converse's formats by media type.
var (
	images    = map[string]string{"image/png": "png", "image/jpeg": "jpeg", "image/gif": "gif", "image/webp": "webp"}
	documents = map[string]string{
		"application/pdf": "pdf", "text/csv": "csv", "text/html": "html", "text/plain": "txt", "text/markdown": "md",
		"application/msword": "doc", "application/vnd.ms-excel": "xls",
		"application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
		"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet":       "xlsx",
	}
)

// media makes a block of a part that is no text.
func (d *dialogue) media(part []byte) ([]byte, *llm.Fault) {
	switch string(scan.GetText(part, "type")) {
	case "image_url":
		url := scan.Get(part, "image_url", "url")
		if url == nil {
			url = scan.Get(part, "image_url") // a bare string, as some clients write it
		}
		b, f := image(url)
		return b, f.Under("image_url.url")
	case "input_audio":
		b, f := audio(scan.Get(part, "input_audio"))
		return b, f.Under("input_audio")
	case "file":
		b, f := d.document(scan.Get(part, "file", "file_data"))
		return b, f.Under("file.file_data")
	}
	return nil, llm.Refuse("type", "must be text, image_url, input_audio or file with Bedrock")
}

func image(url []byte) ([]byte, *llm.Fault) {
	mediaType, data, ok := llm.DataURL(url)
	if !ok {
		if s, _ := scan.String(url); strings.HasPrefix(s, "s3://") {
			format := strings.Replace(s[strings.LastIndexByte(s, '.')+1:], "jpg", "jpeg", 1)
			if images["image/"+format] == "" {
				return nil, llm.Refuse("", "must end in .png, .jpg, .jpeg, .gif or .webp")
			}
			b := append([]byte(`{"image":{"format":"`), format...)
			b = append(append(b, `","source":{"s3Location":{"uri":`...), url...)
			return append(b, `}}}}`...), nil
		}
		return nil, llm.Refuse("", "must be a base64 data URL or an s3 URL: Bedrock fetches no others, and the gateway does not either")
	}
	format := images[mediaType]
	switch {
	case format == "":
		return nil, llm.Refuse("", "must be a PNG, JPEG, GIF or WebP picture with Bedrock")
	case len(data) == 0:
		return nil, llm.Refuse("", "holds no data")
	}
	return withBytes(`{"image":{"format":"`, format, "", data), nil
}

// withBytes writes a block with a source of bytes.
func withBytes(open, format, more string, data []byte) []byte {
	b := make([]byte, 0, len(data)+len(open)+len(more)+64)
	b = append(append(append(append(b, open...), format...), '"'), more...)
	b = append(append(b, `,"source":{"bytes":"`...), data...)
	return append(b, `"}}}`...)
}

func audio(v []byte) ([]byte, *llm.Fault) {
	data, format := scan.Get(v, "data"), scan.GetString(v, "format")
	switch {
	case scan.Kind(data) != '"' || len(data) == 2:
		return nil, llm.Refuse("data", "must be base64 and not empty")
	case format == "" || strings.Trim(format, "abcdefghijklmnopqrstuvwxyz0123456789-") != "":
		return nil, llm.Refuse("format", "must be a format's name (wav, mp3)")
	}
	return withBytes(`{"audio":{"format":"`, format, "", data[1:len(data)-1]), nil
}

// document gives neutral names, as AWS advises: models read names, so the
// client's would be a way to speak to the model. They must differ.
func (d *dialogue) document(url []byte) ([]byte, *llm.Fault) {
	mediaType, data, ok := llm.DataURL(url)
	format := documents[mediaType]
	switch {
	case !ok:
		return nil, llm.Refuse("", "must be a base64 data URL: Bedrock knows no file ids")
	case format == "":
		return nil, llm.Refuse("", "must be a PDF, CSV, HTML, text, Markdown, Word or Excel file with Bedrock")
	case len(data) == 0:
		return nil, llm.Refuse("", "holds no data")
	}
	d.documents++
	return withBytes(`{"document":{"format":"`, format, `,"name":"document-`+strconv.Itoa(d.documents)+`"`, data), nil
}

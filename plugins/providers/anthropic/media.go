package main

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"

	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// media makes a block of a part that is no text.
func media(part []byte) ([]byte, *llm.Fault) {
	switch kind := scan.GetString(part, "type"); kind {
	case "image_url":
		url := scan.Get(part, "image_url", "url")
		if url == nil {
			url = scan.Get(part, "image_url") // a bare string, as some clients write it
		}
		b, f := image(url)
		return b, f.Under("image_url.url")
	case "file":
		b, f := document(scan.Get(part, "file"))
		return b, f.Under("file")
	}
	return nil, llm.Refuse("type", "must be text, image_url or file with Anthropic")
}

func image(url []byte) ([]byte, *llm.Fault) {
	mediaType, data, ok := llm.DataURL(url)
	if !ok {
		if s, _ := scan.String(url); strings.HasPrefix(s, "https://") {
			return append(append([]byte(`{"type":"image","source":{"type":"url","url":`), url...), `}}`...), nil
		}
		return nil, llm.Refuse("", "must be a base64 data URL or an https URL")
	}
	switch mediaType {
	case "image/png", "image/jpeg", "image/gif", "image/webp":
	default:
		return nil, llm.Refuse("", "must be a PNG, JPEG, GIF or WebP picture with Anthropic")
	}
	if len(data) == 0 {
		return nil, llm.Refuse("", "holds no data")
	}
	return withData(`{"type":"image"`, mediaType, data), nil
}

// withData writes a block with a base64 source, still open at its end.
func withData(open, mediaType string, data []byte) []byte {
	b := make([]byte, 0, len(data)+len(open)+96)
	b = append(append(append(b, open...), `,"source":{"type":"base64","media_type":"`...), mediaType...)
	b = append(append(b, `","data":"`...), data...)
	return append(b, `"}}`...)
}

// document takes PDFs and plain text, and ids of files that Anthropic holds.
func document(file []byte) ([]byte, *llm.Fault) {
	open := []byte(`{"type":"document"`)
	if name := scan.Get(file, "filename"); scan.Kind(name) == '"' && len(name) > 2 {
		open = append(append(open, `,"title":`...), name...)
	}
	url := scan.Get(file, "file_data")
	if id := scan.Get(file, "file_id"); url == nil && scan.Kind(id) == '"' {
		return append(append(append(open, `,"source":{"type":"file","file_id":`...), id...), `}}`...), nil
	}
	mediaType, data, ok := llm.DataURL(url)
	switch {
	case !ok:
		return nil, llm.Refuse("file_data", "must be a base64 data URL")
	case len(data) == 0:
		return nil, llm.Refuse("file_data", "holds no data")
	case mediaType == "application/pdf":
		return withData(string(open), mediaType, data), nil
	case mediaType != "text/plain":
		return nil, llm.Refuse("file_data", "must be a PDF or plain text with Anthropic")
	}
	quoted := append(append([]byte{'"'}, data...), '"')
	text, err := base64.StdEncoding.AppendDecode(nil, scan.AppendUnescaped(nil, quoted))
	if err != nil || !utf8.Valid(text) {
		return nil, llm.Refuse("file_data", "must be base64 of UTF-8 text")
	}
	b := append(open, `,"source":{"type":"text","media_type":"text/plain","data":`...)
	return append(scan.AppendString(b, text), `}}`...), nil
}

package main

import (
	"strconv"
	"strings"

	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// images, videos and documents are Converse's formats by media type.
var (
	images = map[string]string{"image/png": "png", "image/jpeg": "jpeg", "image/gif": "gif", "image/webp": "webp"}
	videos = map[string]string{
		"video/mp4": "mp4", "video/quicktime": "mov", "video/x-matroska": "mkv", "video/webm": "webm", "video/x-flv": "flv",
		"video/mpeg": "mpeg", "video/x-ms-wmv": "wmv", "video/3gpp": "three_gp",
	}
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
	case "video_url":
		b, f := video(scan.Get(part, "video_url", "url"))
		return b, f.Under("video_url.url")
	case "input_audio":
		b, f := audio(scan.Get(part, "input_audio"))
		return b, f.Under("input_audio")
	case "file":
		b, f := d.document(scan.Get(part, "file", "file_data"))
		if on, _ := scan.Bool(scan.Get(part, "citations", "enabled")); on && d.citing && f == nil {
			b = append(b[:len(b)-2], `,"citations":{"enabled":true}}}`...)
		}
		return b, f.Under("file.file_data")
	}
	return nil, llm.Refuse("type", "must be text, image_url, video_url, input_audio or file with Bedrock")
}

func image(url []byte) ([]byte, *llm.Fault) {
	mediaType, data, ok := llm.DataURL(url)
	if !ok {
		format, ok := stored(url)
		format = strings.Replace(format, "jpg", "jpeg", 1)
		switch {
		case !ok:
			return nil, llm.Refuse("", unfetched)
		case images["image/"+format] == "":
			return nil, llm.Refuse("", "must end in .png, .jpg, .jpeg, .gif or .webp")
		}
		return withObject(`{"image":{"format":"`, format, url), nil
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

const unfetched = "must be a base64 data URL or an s3 URL: Bedrock fetches no others, and the gateway does not either"

// stored is how the name of an object in S3 ends; ok says that the URL is one.
func stored(url []byte) (suffix string, ok bool) {
	s, _ := scan.String(url)
	return s[strings.LastIndexByte(s, '.')+1:], strings.HasPrefix(s, "s3://")
}

// withObject writes a block whose source is an object in S3.
func withObject(open, format string, url []byte) []byte {
	b := append(append([]byte(open), format...), `","source":{"s3Location":{"uri":`...)
	return append(append(b, url...), `}}}}`...)
}

// video takes vLLM's part, which others have as well: OpenAI has none.
func video(url []byte) ([]byte, *llm.Fault) {
	mediaType, data, ok := llm.DataURL(url)
	if !ok {
		suffix, ok := stored(url)
		if !ok {
			return nil, llm.Refuse("", unfetched)
		}
		for _, format := range videos {
			if format == strings.Replace(suffix, "3gp", "three_gp", 1) {
				return withObject(`{"video":{"format":"`, format, url), nil
			}
		}
		return nil, llm.Refuse("", "must end in .mp4, .mov, .mkv, .webm, .flv, .mpeg, .wmv or .3gp")
	}
	format := videos[mediaType]
	switch {
	case format == "":
		return nil, llm.Refuse("", "must be an MP4, QuickTime, Matroska, WebM, FLV, MPEG, WMV or 3GPP video with Bedrock")
	case len(data) == 0:
		return nil, llm.Refuse("", "holds no data")
	}
	return withBytes(`{"video":{"format":"`, format, "", data), nil
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

package gemini

import (
	"strings"

	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// mediaPart makes inlineData of a data URL and fileData of any other.
func mediaPart(part []byte) ([]byte, *llm.Fault) {
	switch kind := scan.GetString(part, "type"); kind {
	case "image_url":
		url := scan.Get(part, "image_url", "url")
		if url == nil {
			url = scan.Get(part, "image_url") // a bare string, as some clients write it
		}
		data, f := fromURL(url)
		return data, f.Under("url").Under("image_url")
	case "input_audio":
		return audio(scan.Get(part, "input_audio"))
	case "file":
		return file(scan.Get(part, "file"))
	default:
		return nil, llm.Refuse("type", "must be text, image_url, input_audio or file with Gemini")
	}
}

func fromURL(url []byte) ([]byte, *llm.Fault) {
	mediaType, data, ok := llm.DataURL(url)
	if ok {
		switch {
		case len(data) == 0:
			return nil, llm.Refuse("", "holds no data")
		case mediaType == "":
			return nil, llm.Refuse("", "has no media type")
		case strings.HasPrefix(mediaType, "image/svg"):
			return nil, llm.Refuse("", "is an SVG picture, which Gemini does not read")
		}
		return inline(mediaType, data), nil
	}
	s, ok := scan.String(url)
	if !ok || !strings.HasPrefix(s, "https://") && !strings.HasPrefix(s, "http://") && !strings.HasPrefix(s, "gs://") {
		return nil, llm.Refuse("", "must be a base64 data URL, or an http, https or gs URL")
	}
	b := append([]byte(`{"fileData":{"fileUri":`), url...)
	if t := typeOf(s); t != "" {
		b = scan.AppendString(append(b, `,"mimeType":`...), t)
	}
	return append(b, '}', '}'), nil
}

func inline(mediaType string, data []byte) []byte {
	b := make([]byte, 0, len(data)+len(mediaType)+48)
	b = scan.AppendString(append(b, `{"inlineData":{"mimeType":`...), mediaType)
	b = append(append(b, `,"data":"`...), data...)
	return append(b, `"}}`...)
}

// extensions are the media types that fileData must name, by the URL's ending.
var extensions = map[string]string{
	"png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "webp": "image/webp", "gif": "image/gif",
	"heic": "image/heic", "heif": "image/heif", "pdf": "application/pdf", "txt": "text/plain",
	"mp3": "audio/mp3", "mpga": "audio/mp3", "wav": "audio/wav", "ogg": "audio/ogg", "oga": "audio/ogg", "opus": "audio/ogg", "flac": "audio/flac",
	"aac": "audio/aac", "aiff": "audio/aiff", "m4a": "audio/m4a", "mp4": "video/mp4", "webm": "video/webm", "mov": "video/mov",
}

func typeOf(url string) string {
	url, _, _ = strings.Cut(url, "?")
	return extensions[strings.ToLower(url[strings.LastIndexByte(url, '.')+1:])]
}

func audio(v []byte) ([]byte, *llm.Fault) {
	data, format := scan.Get(v, "data"), scan.GetString(v, "format")
	if scan.Kind(data) != '"' || len(data) == 2 {
		return nil, llm.Refuse("input_audio.data", "must be base64 and not empty")
	}
	if format == "" {
		return nil, llm.Refuse("input_audio.format", "is missing")
	}
	return inline("audio/"+format, data[1:len(data)-1]), nil
}

func file(v []byte) ([]byte, *llm.Fault) {
	if data := scan.Get(v, "file_data"); !scan.IsNull(data) {
		b, f := fromURL(data)
		return b, f.Under("file_data").Under("file")
	}
	b, f := fromURL(scan.Get(v, "file_id"))
	if f != nil {
		return nil, llm.Refuse("file.file_id", "must be the URI of a file of Google's Files API")
	}
	return b, nil
}

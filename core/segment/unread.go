package segment

import (
	"cmp"
	"strings"

	"github.com/tokligence/gateway/pdk/abi/scan"
)

// seen are parts that a model sees or hears.
var seen = set("image", "image_url", "input_image", "input_audio", "audio_url", "video_url", "video", "audio", "computer_screenshot")

// Media reports whether a request has what is no text: pictures, recordings,
// documents that are not text, files, also those that it only points to. What
// stands in a document is text where its media type says so.
func Media(body []byte) (found bool) {
	// The body was found valid when the request came.
	_ = scan.Visit(body, func(name, value []byte) {
		found = found || isMedia(name, value)
	})
	return found
}

func isMedia(name, value []byte) bool {
	if scan.IsNull(value) {
		return false
	}
	text, isText := scan.String(value)
	key := string(name)
	if strings.Contains(key, `\`) { // it is compared as its reader sees it
		key, _ = scan.String([]byte(`"` + key + `"`))
	}
	switch key {
	case "type":
		return isText && seen[text]
	case "$file", "file_id", "image_url", "file_url", "audio_url", "video_url", "b64_json", "image_base64", "video_base64", "fileData", "fileUri", "file_uri":
		return true
	case "images": // Ollama's
		found := false
		scan.Elements(value, func(_ int, v []byte) bool { one, _ := scan.String(v); found = pointsTo(one); return !found })
		return found
	case "inlineData", "inline_data": // Gemini's
		return !textual(cmp.Or(scan.GetString(value, "mimeType"), scan.GetString(value, "mime_type")))
	case "image", "video", "audio", "document":
		return isText && pointsTo(text) || scan.Get(value, "source") != nil && documentTypes[scan.GetString(value, "format")] == "" // Converse's
	case "url", "data":
		return len(text) > 5 && strings.EqualFold(text[:5], "data:") && !readable(text)
	case "file_data":
		return !readable(text)
	case "source": // of a document
		switch scan.GetString(value, "type") {
		case "url", "file":
			return true
		case "base64":
			return !textual(scan.GetString(value, "media_type"))
		}
	}
	return false
}

// pointsTo reports whether a text is an address, or data in the place of one, and not words.
func pointsTo(text string) bool {
	scheme, _, ok := strings.Cut(text, ":")
	return ok && (strings.EqualFold(scheme, "data") || strings.EqualFold(scheme, "http") || strings.EqualFold(scheme, "https") || strings.EqualFold(scheme, "gs") || strings.EqualFold(scheme, "s3")) ||
		len(text) > shortData && isBase64(text)
}

// readable reports whether file data are text: written down, or a data URL of a
// type that is.
func readable(text string) bool {
	if len(text) < 5 || !strings.EqualFold(text[:5], "data:") {
		return false
	}
	mime, _, _ := strings.Cut(text[5:], ",")
	mime, _, _ = strings.Cut(mime, ";")
	return textual(mime)
}

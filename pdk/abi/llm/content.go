package llm

import (
	"bytes"
	"slices"
	"strings"

	"github.com/tokligence/gateway/pdk/abi/scan"
)

// DataURL takes the raw JSON string of a base64 data URL (RFC 2397) apart: the
// media type, lower-cased, without parameters and with image/jpg as image/jpeg,
// and the data as it stands between quotes, base64 and ready to be put between
// quotes again. ok is false for any other string: not a data URL, not base64.
// The data may be empty.
func DataURL(raw []byte) (mediaType string, data []byte, ok bool) {
	if len(raw) < 2 || raw[0] != '"' {
		return "", nil, false
	}
	comma := bytes.IndexByte(raw, ',')
	if comma < 0 || comma > 256 {
		return "", nil, false
	}
	head, _ := scan.String(append(raw[:comma:comma], '"'))
	if len(head) < len("data:") || !strings.EqualFold(head[:5], "data:") {
		return "", nil, false
	}
	parts := strings.Split(head[5:], ";")
	if len(parts) < 2 || !strings.EqualFold(strings.TrimSpace(parts[len(parts)-1]), "base64") {
		return "", nil, false
	}
	mediaType = strings.ToLower(strings.TrimSpace(parts[0]))
	if mediaType == "image/jpg" {
		mediaType = "image/jpeg"
	}
	return mediaType, raw[comma+1 : len(raw)-1], true
}

// PictureURL is the raw URL of a part of type image_url, which some clients write
// as a bare string; nil when it has none.
func PictureURL(part []byte) []byte {
	picture := scan.Get(part, "image_url")
	if scan.Kind(picture) == '{' {
		return scan.Get(picture, "url")
	}
	return picture
}

// Picture takes the raw base64 data URL of a picture apart, as [DataURL] does,
// and refuses for the vendor what is none that models see, and one without data.
// others are the addresses that it takes beside, "or an https URL".
func Picture(vendor, others string, url []byte) (mediaType string, data []byte, fault *Fault) {
	mediaType, data, ok := DataURL(url)
	if !ok {
		return "", nil, Refuse("", strings.TrimSpace("must be a base64 data URL "+others))
	}
	switch mediaType {
	case "image/png", "image/jpeg", "image/gif", "image/webp":
	default:
		return "", nil, Refuse("", "must be a PNG, JPEG, GIF or WebP picture with "+vendor)
	}
	if len(data) == 0 {
		return "", nil, Refuse("", "holds no data")
	}
	return mediaType, data, nil
}

// Blank reports whether a raw string has nothing but white space in it.
func Blank(raw []byte) bool {
	if len(raw) < 2 {
		return true
	}
	for i := 1; i < len(raw)-1; i++ {
		switch raw[i] {
		case ' ', '\t', '\n', '\r':
		case '\\':
			if i++; strings.IndexByte("nrtf", raw[i]) < 0 {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// Call is a tool call of a message's history. Values are raw strings; Arguments is
// nil when there are none.
type Call struct{ ID, Name, Arguments []byte }

var (
	callFields     = scan.NewNames("type", "id", "function")
	functionFields = scan.NewNames("name", "arguments")
)

// ReadCall reads an element of tool_calls for a vendor that calls functions only.
func ReadCall(vendor string, raw []byte) (c Call, fault *Fault) {
	var kind, function []byte
	callFields.Read(raw, nil, &kind, &c.ID, &function)
	functionFields.Read(function, nil, &c.Name, &c.Arguments)
	switch {
	case kind != nil && !scan.Is(kind, "function"):
		return c, Refuse("type", "must be function with "+vendor)
	case scan.Kind(c.ID) != '"':
		return c, Refuse("id", "must be a string")
	case scan.Kind(c.Name) != '"':
		return c, Refuse("function.name", "must be a string")
	case c.Arguments != nil && scan.Kind(c.Arguments) != '"':
		return c, Refuse("function.arguments", "must be a string")
	case len(c.Arguments) <= 2:
		c.Arguments = nil
	}
	return c, nil
}

// Arguments is the JSON object that the raw string of a tool call's arguments
// holds; an empty string is an empty object. ok is false for anything else. The
// object is built in the memory of room.
func Arguments(room, raw []byte) (object []byte, ok bool) {
	if scan.Kind(raw) != '"' {
		return room, false
	}
	if Blank(raw) {
		return append(room[:0], "{}"...), true
	}
	object = bytes.TrimSpace(scan.AppendUnescaped(slices.Grow(room[:0], len(raw)), raw))
	return object, scan.Kind(object) == '{' && scan.Valid(object) == nil
}

package llm

import (
	"strconv"
	"strings"

	"github.com/tokligence/gateway/pdk/abi/scan"
)

// WholePicture refuses what a vendor cannot do that answers a request for pictures
// (OpenAI's /v1/images) with their data: give their addresses, leave their background
// out, or stream them. key is response_format, background or stream.
func WholePicture(vendor, key string, v []byte) *Fault {
	switch key {
	case "response_format":
		if !scan.Is(v, "b64_json") {
			return Refuse(key, "must be b64_json: "+vendor+" has no addresses of pictures")
		}
	case "background":
		if scan.Is(v, "transparent") {
			return Refuse(key, "must be opaque or auto with "+vendor)
		}
	case "stream":
		if on, _ := scan.Bool(v); on {
			return Refuse(key, "is not supported: "+vendor+"'s pictures come whole")
		}
	}
	return nil
}

// PictureSize reads OpenAI's WIDTHxHEIGHT, in pixels; ok is false for anything else, of
// which "auto" is the one that the API knows.
func PictureSize(size string) (width, height int, ok bool) {
	w, h, ok := strings.Cut(size, "x")
	width, err := strconv.Atoi(w)
	height, failed := strconv.Atoi(h)
	return width, height, ok && err == nil && failed == nil && width > 0 && height > 0
}

// EachPicture calls f with each of the pictures that are to be drawn upon, until it
// finds a fault: v is one, or an array.
func EachPicture(v []byte, f func(picture []byte) *Fault) (fault *Fault) {
	if scan.Kind(v) != '[' {
		return f(v)
	}
	scan.Elements(v, func(i int, one []byte) bool {
		fault = f(one).At("", i)
		return fault == nil
	})
	return fault
}

// AppendPicture appends an element of an answer's data after a comma: data is a string
// of base64, without which there is nothing to append, prompt the one that was drawn,
// if it is a string.
func AppendPicture(list, data, prompt []byte) []byte {
	if scan.Kind(data) != '"' || len(data) == 2 {
		return list
	}
	list = append(append(list, `,{"b64_json":`...), data...)
	if scan.Kind(prompt) == '"' {
		list = append(scan.AppendName(list, "revised_prompt"), prompt...)
	}
	return append(list, '}')
}

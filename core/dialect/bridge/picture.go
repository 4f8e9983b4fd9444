package bridge

import (
	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// Picture is one that a model made: base64 of the media type, raw and without quotes,
// or a raw string with its address.
type Picture struct {
	MediaType string
	Data      []byte
	URL       []byte
}

// Pictures are those of a message or delta: see images in package llm.
func Pictures(message []byte) (list []Picture) {
	scan.Elements(scan.Get(message, "images"), func(_ int, one []byte) bool {
		url := llm.PictureURL(one)
		if mediaType, data, ok := llm.DataURL(url); ok && len(data) > 0 {
			list = append(list, Picture{MediaType: mediaType, Data: data})
		} else if !ok && filled(url) {
			list = append(list, Picture{URL: url})
		}
		return true
	})
	return list
}

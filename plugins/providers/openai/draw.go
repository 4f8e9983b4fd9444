package main

import (
	"strconv"
	"strings"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// draw makes a JSON request of an edit of pictures: the files of the client's form
// become data URLs, one as image, several as images. The state is how many they are.
// https://docs.x.ai/developers/rest-api-reference/inference/images
func draw(t *translation) *llm.Fault {
	var b, pictures []byte
	f := t.each(func(key, name string, v []byte) *llm.Fault {
		switch key {
		case "image", "images":
			return llm.EachPicture(v, func(one []byte) *llm.Fault {
				picture, f := appendPicture(append(pictures, ','), one)
				pictures = picture
				return f
			}).Under(key)
		case "mask":
			picture, f := appendPicture(scan.AppendName(b, name), v)
			b = picture
			return f.Under(key)
		case "stream":
			if on, _ := scan.Bool(v); on {
				return llm.Refuse(key, "is not supported: the provider's pictures come whole")
			}
			return nil
		}
		b = append(scan.AppendName(b, name), v...)
		return nil
	})
	if f != nil {
		return f
	}
	if pictures == nil {
		return llm.Refuse("image", "is required")
	}
	list := scan.CloseArray(pictures, 0)
	drawn := scan.Len(list)
	if drawn == 1 {
		b = append(scan.AppendName(b, "image"), list[1:len(list)-1]...)
	} else {
		b = append(scan.AppendName(b, "images"), list...)
	}
	t.reply.State = strconv.Itoa(drawn)
	t.reply.Body = scan.CloseObject(appendOthers(b, scan.Get(t.words, "members"), t.request.Body), 0)
	return nil
}

// appendPicture appends a file as a data URL, or a picture that a JSON request names
// by its URL.
func appendPicture(dst, v []byte) ([]byte, *llm.Fault) {
	url := scan.Get(v, "image_url")
	if data := scan.Get(v, "data"); scan.Kind(data) == '"' && scan.Get(v, "$file") != nil {
		kind := scan.GetString(v, "content_type")
		if !strings.HasPrefix(kind, "image/") || len(data) == 2 {
			return dst, llm.Refuse("", "must be a picture that is not empty, with its content type")
		}
		url = append([]byte(`"data:`+kind+`;base64,`), data[1:]...)
	}
	if scan.Kind(url) != '"' {
		return dst, llm.Refuse("", "must be a picture, or its image_url")
	}
	return append(append(append(dst, `{"url":`...), url...), `,"type":"image_url"}`...), nil
}

// decodePictures passes an answer on. What was drawn upon is billed as what was made:
// https://docs.x.ai/developers/model-capabilities/images
func decodePictures(r *abi.DecodeRequest) (*abi.DecodeReply, error) {
	drawn, _ := strconv.Atoi(r.State)
	made := int64(scan.Len(scan.Get(r.Body, "data")) + drawn)
	return &abi.DecodeReply{Body: r.Body, Usage: &abi.Usage{Images: &made}}, nil
}

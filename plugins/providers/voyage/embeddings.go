package main

import (
	"bytes"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

func encode(r *abi.EncodeRequest) (*abi.EncodeReply, error) {
	o, f := readOptions(r.Deployment.Options)
	if f == nil {
		var reply *abi.EncodeReply
		if reply, f = embed(r, o); f == nil {
			return reply, nil
		}
	}
	return nil, f.Named()
}

// embed makes the body of /embeddings or /multimodalembeddings.
func embed(r *abi.EncodeRequest, o options) (*abi.EncodeReply, *llm.Fault) {
	var e llm.Embeddings
	var notices []string
	if f := e.Read(r.Body, r.DropParams, &notices, nil); f != nil {
		return nil, f
	}
	b := scan.AppendString(scan.AppendName(make([]byte, 0, len(r.Body)+256), "model"), r.Deployment.Model)
	purpose := o.inputType
	if e.InputType != nil {
		var f *llm.Fault
		if purpose, f = inputType(e.InputType); f != nil {
			return nil, f
		}
	}
	if e.Truncate == nil {
		e.Truncate = o.truncate
	}
	for _, m := range [...]struct {
		name  string
		value []byte
	}{{"input_type", purpose}, {"truncation", e.Truncate}, {"output_dimension", e.Dimensions}} {
		if m.value != nil {
			b = append(scan.AppendName(b, m.name), m.value...)
		}
	}
	if e.OutputType != "" {
		b = scan.AppendString(scan.AppendName(b, "output_dtype"), e.OutputType)
	}
	// Only numbers of the usual kind are base64 as clients understand it.
	if e.Base64 && (e.OutputType == "" || e.OutputType == "float") {
		b = append(scan.AppendName(b, "encoding_format"), `"base64"`...)
	}
	b, f := appendInputs(b, &e, isMultimodal(r.Deployment.Model))
	if f != nil {
		return nil, f
	}
	return &abi.EncodeReply{Body: scan.CloseObject(b, 0), Notices: notices}, nil
}

func appendInputs(b []byte, e *llm.Embeddings, multimodal bool) ([]byte, *llm.Fault) {
	if !multimodal {
		return e.AppendTexts(scan.AppendName(b, "input"), "Voyage")
	}
	return e.AppendContents(scan.AppendName(b, "inputs"), "Voyage", appendPart)
}

func appendPart(b, text, picture []byte) ([]byte, *llm.Fault) {
	switch {
	case text != nil:
		b = append(append(b, `,{"type":"text","text":`...), text...)
	case bytes.HasPrefix(scan.Text(picture), []byte("https://")):
		b = append(append(b, `,{"type":"image_url","image_url":`...), picture...)
	default:
		mediaType, data, f := llm.Picture("Voyage", "or an https URL", picture)
		if f != nil {
			return b, f
		}
		b = append(append(append(b, `,{"type":"image_base64","image_base64":"data:`...), mediaType...), ";base64,"...)
		b = append(append(b, data...), '"')
	}
	return append(b, '}'), nil
}

// decode takes the usage of multimodal embeddings out for the host to write.
// Voyage counts pictures by pixels, and in total_tokens a token for every 560.
// https://docs.voyageai.com/docs/pricing
func decode(r *abi.DecodeRequest) (*abi.DecodeReply, error) {
	if scan.Len(scan.Get(r.Body, "data")) == 0 {
		return nil, &abi.Error{Code: abi.UpstreamUnavailable, Message: "Voyage answered without embeddings"}
	}
	reply := &abi.DecodeReply{Model: scan.GetString(r.Body, "model")}
	reply.Body = scan.Apply(make([]byte, 0, len(r.Body)), r.Body, []scan.Edit{{Key: "usage"}})
	total, ok := scan.GetInt(r.Body, "usage", "total_tokens")
	if !ok || total < 0 {
		return reply, nil
	}
	text, ok := scan.GetInt(r.Body, "usage", "text_tokens")
	if !ok || text < 0 {
		text = total
	}
	seen := max(total-text, 0)
	reply.Usage = &abi.Usage{Input: &text, ImageInput: &seen}
	return reply, nil
}

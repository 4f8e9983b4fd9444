package main

import (
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// inputTypes are Cohere's words for what text is for; any other word goes over as
// it is.
var inputTypes = map[string]string{"query": `"search_query"`, "document": `"search_document"`}

// encodeEmbeddings makes a v2/embed request: texts, or inputs when one of them is
// of several parts.
func encodeEmbeddings(r *abi.EncodeRequest, o options) (*abi.EncodeReply, *llm.Fault) {
	var e llm.Embeddings
	var notices []string
	b := make([]byte, 0, len(r.Body)+256)
	b = scan.AppendString(scan.AppendName(b, "model"), r.Deployment.Model)
	if f := e.Read(r.Body, r.DropParams, &notices, func(name string, v []byte) bool {
		if name == "max_tokens" || name == "priority" {
			b = append(scan.AppendName(b, name), v...)
			return true
		}
		return false
	}); f != nil {
		return nil, f
	}
	purpose := o.inputType
	if e.InputType != nil {
		purpose = e.InputType
	}
	if word := inputTypes[string(scan.Text(purpose))]; word != "" {
		purpose = []byte(word)
	}
	b = append(scan.AppendName(b, "input_type"), purpose...)
	// As float32 in base64 the numbers take a third of the room.
	kind := e.OutputType
	switch {
	case kind == "" && e.Base64, kind == "float" && e.Base64:
		kind = "base64"
	case kind == "":
		kind = "float"
	}
	b = append(scan.AppendString(append(scan.AppendName(b, "embedding_types"), '['), kind), ']')
	if e.Dimensions != nil {
		b = append(scan.AppendName(b, "output_dimension"), e.Dimensions...)
	}
	if cut, _ := scan.Bool(e.Truncate); e.Truncate != nil {
		b = scan.AppendString(scan.AppendName(b, "truncate"), map[bool]string{true: "END", false: "NONE"}[cut])
	}
	b, f := appendInputs(b, &e)
	if f != nil {
		return nil, f
	}
	return &abi.EncodeReply{Body: scan.CloseObject(b, 0), Notices: notices}, nil
}

func appendInputs(b []byte, e *llm.Embeddings) ([]byte, *llm.Fault) {
	parts := llm.IsParts(e.Input)
	scan.Elements(e.Input, func(_ int, v []byte) bool { parts = parts || llm.IsParts(v); return !parts })
	if !parts {
		return e.AppendTexts(scan.AppendName(b, "texts"), "Cohere")
	}
	return e.AppendContents(scan.AppendName(b, "inputs"), "Cohere", func(b, text, picture []byte) (_ []byte, f *llm.Fault) {
		if text != nil {
			return appendText(b, text), nil
		}
		b, f = appendPicture(append(b, `,{"type":"image_url","image_url":{"url":`...), picture)
		return append(b, '}', '}'), f
	})
}

// decodeEmbeddings: the answer has a member for the one type that was asked for.
func decodeEmbeddings(r *abi.DecodeRequest) (*abi.DecodeReply, error) {
	var vectors []byte
	scan.Members(scan.Get(r.Body, "embeddings"), func(_, v []byte) bool {
		vectors = v
		return scan.Len(v) == 0
	})
	b, ok := llm.AppendVectors(make([]byte, 0, len(r.Body)+256), vectors)
	if !ok {
		return nil, &abi.Error{Code: abi.UpstreamUnavailable, Message: "Cohere answered without embeddings"}
	}
	return &abi.DecodeReply{Body: b, Usage: embedUsage(scan.Get(r.Body, "meta"))}, nil
}

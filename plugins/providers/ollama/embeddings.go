package main

import (
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// embed makes the body of /api/embed.
func (q *request) embed(r *abi.EncodeRequest) *llm.Fault {
	var e llm.Embeddings
	var options []byte
	q.body.drop("think", "shift") // of models that write
	f := e.Read(r.Body, r.DropParams, &q.notices, func(name string, v []byte) bool {
		switch name {
		case "options":
			options = v
		case "keep_alive":
			q.body.set(name, v)
		default:
			return false
		}
		return true
	})
	switch {
	case f != nil:
		return f
	case e.OutputType != "" && e.OutputType != "float":
		return llm.Refuse("output_dtype", "must be float with Ollama")
	case e.InputType != nil:
		q.notices = append(q.notices, "left out input_type")
	}
	if q.content, f = e.AppendTexts(scan.AppendName(q.content, "input"), "Ollama"); f != nil {
		return f
	}
	q.put("dimensions", e.Dimensions)
	if e.Truncate != nil {
		q.body.set("truncate", e.Truncate)
	}
	return q.own(options)
}

func decodeEmbeddings(r *abi.DecodeRequest) (*abi.DecodeReply, error) {
	b, ok := llm.AppendVectors(make([]byte, 0, len(r.Body)+256), scan.Get(r.Body, "embeddings"))
	if !ok {
		return nil, &abi.Error{Code: abi.UpstreamUnavailable, Message: "Ollama answered without embeddings"}
	}
	a := readAnswer(r.Body)
	return &abi.DecodeReply{Body: b, Usage: a.usage, Model: a.model}, nil
}

package main

import (
	"bytes"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// own are Jina's own members, which go over as they are.
var own = map[string]bool{"late_chunking": true, "normalized": true, "return_multivector": true, "prompt_name": true}

// tasks are Jina's words for what text is for; any other word goes over as it is.
var tasks = map[string]string{"query": `"retrieval.query"`, "search_query": `"retrieval.query"`,
	"document": `"retrieval.passage"`, "search_document": `"retrieval.passage"`}

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

func embed(r *abi.EncodeRequest, o options) (*abi.EncodeReply, *llm.Fault) {
	var e llm.Embeddings
	var notices []string
	var task, kind []byte
	late := o.lateChunking
	b := scan.AppendString(scan.AppendName(make([]byte, 0, len(r.Body)+256), "model"), r.Deployment.Model)
	f := e.Read(r.Body, r.DropParams, &notices, func(name string, v []byte) bool {
		switch {
		case name == "task":
			task = v
		case name == "embedding_type":
			kind = v
		case own[name]:
			if b = append(scan.AppendName(b, name), v...); name == "late_chunking" {
				late = nil
			}
		default:
			return false
		}
		return true
	})
	if f != nil {
		return nil, f
	}
	if e.Truncate == nil {
		e.Truncate = o.truncate
	}
	for _, m := range [...]struct {
		name  string
		value []byte
	}{{"task", purpose(task, e.InputType, o.task)}, {"embedding_type", embeddingType(kind, &e)}, {"dimensions", e.Dimensions},
		{"truncate", e.Truncate}, {"late_chunking", late}} {
		if m.value != nil {
			b = append(scan.AppendName(b, m.name), m.value...)
		}
	}
	b = scan.AppendName(b, "input")
	start := len(b)
	f = e.EachInput("Jina", true, func(input []byte) (f *llm.Fault) {
		if llm.IsParts(input) && scan.Get(input, "content") != nil {
			b, f = appendPart(b, input)
		} else { // a text, or an object of Jina's own
			b = append(append(b, ','), input...)
		}
		return f
	})
	if f != nil {
		return nil, f
	}
	b = scan.CloseArray(b, start)
	return &abi.EncodeReply{Body: scan.CloseObject(b, 0), Notices: notices}, nil
}

// purpose is the task: what the client says in Jina's words, in everybody's, or what
// the operator says. Nil is none.
func purpose(task, inputType, option []byte) []byte {
	switch {
	case task != nil:
		return task
	case inputType == nil:
		return option
	}
	if word := tasks[string(scan.Text(inputType))]; word != "" {
		return []byte(word)
	}
	return inputType
}

// embeddingType: as float32 in base64 the numbers take a third of the room.
func embeddingType(own []byte, e *llm.Embeddings) []byte {
	switch {
	case own != nil:
		return own
	case e.Base64 && (e.OutputType == "" || e.OutputType == "float"):
		return []byte(`"base64"`)
	case e.OutputType != "":
		return scan.AppendString(nil, e.OutputType)
	}
	return nil
}

// appendPart: Jina has an object for a text or a picture, and none for several.
func appendPart(b, input []byte) ([]byte, *llm.Fault) {
	if scan.Len(scan.Get(input, "content")) > 1 {
		return b, llm.Refuse("content", "must hold one part with Jina")
	}
	f := llm.EachPart(input, func(text, picture []byte) *llm.Fault {
		switch {
		case text != nil:
			b = append(append(b, `,{"text":`...), text...)
		case bytes.HasPrefix(scan.Text(picture), []byte("https://")):
			b = append(append(b, `,{"image":`...), picture...)
		default:
			_, data, f := llm.Picture("Jina", "or an https URL", picture)
			if f != nil {
				return f
			}
			b = append(append(append(b, `,{"image":"`...), data...), '"')
		}
		b = append(b, '}')
		return nil
	})
	return b, f
}

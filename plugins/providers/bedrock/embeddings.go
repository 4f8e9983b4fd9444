package main

import (
	"strconv"
	"strings"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// embedder is a family of embedding models. InvokeModel passes bodies on, so that
// each has a form of its own:
// https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html,
// …/model-parameters-embed.html (Cohere), and
// https://docs.aws.amazon.com/nova/latest/userguide/embeddings-schema.html
type embedder struct {
	part  string // of the model's name
	many  bool   // takes several texts
	sizes bool   // takes dimensions
	body  func(e *embedding) []byte
}

var embedders = [...]embedder{
	{"amazon.titan-embed-text-v2", false, true, (*embedding).titan},
	{"amazon.titan-embed", false, false, (*embedding).titan},
	{"cohere.embed-v4", true, true, (*embedding).cohere},
	{"cohere.embed", true, false, (*embedding).cohere},
	{"amazon.nova-2-multimodal-embeddings", false, true, (*embedding).nova},
}

// embedderOf is nil for a model that is none.
func embedderOf(name string) *embedder {
	for i := range embedders {
		if strings.Contains(name, embedders[i].part) {
			return &embedders[i]
		}
	}
	return nil
}

// embedding is a request with the members that are a model's own. Raw, nil when absent.
type embedding struct {
	llm.Embeddings
	texts                         [][]byte
	normalize, purpose, truncated []byte
}

func (e *embedding) own(name string, v []byte) bool {
	switch name {
	case "normalize":
		e.normalize = v
	case "embedding_purpose":
		e.purpose = v
	case "truncation":
		e.truncated = v
	default:
		return false
	}
	return true
}

func encodeEmbeddings(r *abi.EncodeRequest) (*abi.EncodeReply, error) {
	var e embedding
	reply, model := &abi.EncodeReply{}, embedderOf(r.Deployment.Model)
	f := e.Read(r.Body, r.DropParams, &reply.Notices, e.own)
	if f == nil && model == nil {
		f = llm.Refuse("model", "is no embedding model of Bedrock")
	}
	if f == nil && e.Dimensions != nil && !model.sizes {
		f = llm.Refuse("dimensions", "is not supported by this model")
	}
	if f == nil {
		f = e.EachInput("Bedrock", false, func(text []byte) *llm.Fault {
			e.texts = append(e.texts, text)
			if !model.many && len(e.texts) > 1 {
				return llm.Refuse("", "is one too many: this model embeds one text at a time")
			}
			return nil
		})
	}
	if f != nil {
		return nil, f.Named()
	}
	reply.Body = model.body(&e)
	return reply, nil
}

// either is v, or what stands for it.
func either(v []byte, usual string) []byte {
	if v == nil {
		return []byte(usual)
	}
	return v
}

func (e *embedding) titan() []byte {
	return scan.CloseObject(scan.AppendMember(scan.AppendMember(scan.AppendMember(nil, "inputText", e.texts[0]), "dimensions", e.Dimensions), "normalize", e.normalize), 0)
}

// cohere demands a type of input: documents are what most texts are.
func (e *embedding) cohere() []byte {
	var list []byte
	for _, text := range e.texts {
		list = llm.AppendElement(list, text)
	}
	b := scan.AppendMember(nil, "texts", scan.CloseArray(list, 0))
	b = scan.AppendMember(b, "input_type", either(e.InputType, `"search_document"`))
	b = scan.AppendMember(b, "embedding_types", []byte(`["float"]`))
	truncate := e.truncated
	if on, given := scan.Bool(e.Truncate); truncate == nil && given {
		truncate = []byte(`"NONE"`)
		if on {
			truncate = []byte(`"END"`)
		}
	}
	return scan.CloseObject(scan.AppendMember(scan.AppendMember(b, "truncate", truncate), "output_dimension", e.Dimensions), 0)
}

func (e *embedding) nova() []byte {
	text := scan.AppendMember(scan.AppendMember(nil, "truncationMode", either(e.truncated, `"END"`)), "value", e.texts[0])
	p := scan.AppendMember(nil, "embeddingPurpose", either(e.purpose, `"GENERIC_INDEX"`))
	p = scan.AppendMember(scan.AppendMember(p, "embeddingDimension", e.Dimensions), "text", scan.CloseObject(text, 0))
	b := scan.AppendMember(nil, "taskType", []byte(`"SINGLE_EMBEDDING"`))
	return scan.CloseObject(scan.AppendMember(b, "singleEmbeddingParams", scan.CloseObject(p, 0)), 0)
}

// decodeEmbeddings reads the forms of all: "embedding", a list of lists, lists by
// type, or objects with one each.
func decodeEmbeddings(r *abi.DecodeRequest) (*abi.DecodeReply, error) {
	var vectors []byte
	list := scan.Get(r.Body, "embeddings")
	if scan.Kind(list) == '{' {
		list = scan.Get(list, "float")
	}
	scan.Elements(list, func(_ int, v []byte) bool {
		if scan.Kind(v) == '{' {
			v = scan.Get(v, "embedding")
		}
		vectors = llm.AppendElement(vectors, v)
		return true
	})
	if one := scan.Get(r.Body, "embedding"); one != nil {
		vectors = llm.AppendElement(vectors, one)
	}
	body, ok := llm.AppendVectors(make([]byte, 0, len(r.Body)+256), scan.CloseArray(vectors, 0))
	if !ok {
		return nil, &abi.Error{Code: abi.UpstreamUnavailable, Message: "Bedrock answered without embeddings"}
	}
	return &abi.DecodeReply{Body: body, Usage: invokeUsage(r)}, nil
}

// invokeUsage is what Titan counts in its body and Bedrock for the others in a header.
func invokeUsage(r *abi.DecodeRequest) *abi.Usage {
	n, ok := scan.GetInt(r.Body, "inputTextTokenCount")
	if !ok {
		var err error
		n, err = strconv.ParseInt(r.Headers["x-amzn-bedrock-input-token-count"], 10, 64)
		ok = err == nil
	}
	if !ok || n < 0 {
		return nil
	}
	return &abi.Usage{Input: &n}
}

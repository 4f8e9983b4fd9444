package main

import (
	"strings"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// content reports whether the model embeds one content at a time (:embedContent);
// the others take a list of instances (:predict).
func (m model) content() bool {
	return strings.HasPrefix(m.name, "gemini-embedding-") && m.name != "gemini-embedding-001"
}

func planEmbeddings(r *abi.PlanRequest, m model) *abi.PlanReply {
	verb := ":predict"
	if m.content() {
		verb = ":embedContent"
	}
	return &abi.PlanReply{
		Supported: true,
		URL:       r.Deployment.BaseURL + "/models/" + llm.Escape(m.name, "@") + verb,
		Request:   abi.RequestPlan{Mode: abi.Transform},
		Response:  abi.ResponsePlan{Mode: abi.Transform},
	}
}

// embed is a request with the members that are Vertex AI's own. Raw, nil when absent.
type embed struct {
	llm.Embeddings
	task, title []byte
}

func (e *embed) own(name string, v []byte) bool {
	switch name {
	case "task_type":
		e.task = v
	case "title":
		e.title = v
	case "auto_truncate":
		e.Truncate = v
	default:
		return false
	}
	return true
}

func encodeEmbeddings(r *abi.EncodeRequest, m model) (*abi.EncodeReply, error) {
	var e embed
	var texts [][]byte
	reply := &abi.EncodeReply{}
	f := e.Read(r.Body, r.DropParams, &reply.Notices, e.own)
	if f == nil {
		f = e.EachInput("Vertex AI", false, func(text []byte) *llm.Fault {
			texts = append(texts, text)
			if m.content() && len(texts) > 1 {
				return llm.Refuse("", "is one too many: this model embeds one text at a time on Vertex AI")
			}
			return nil
		})
	}
	if f != nil {
		return nil, f.Named()
	}
	if m.content() {
		reply.Body = e.content(texts[0])
	} else {
		reply.Body = e.instances(texts)
	}
	return reply, nil
}

func (e *embed) instances(texts [][]byte) []byte {
	b := []byte(`{"instances":`)
	start := len(b)
	for _, text := range texts {
		b = append(append(b, `,{"content":`...), text...)
		b = append(scan.AppendMember(scan.AppendMember(b, "task_type", e.task), "title", e.title), '}')
	}
	b = scan.CloseArray(b, start)
	if p := scan.AppendMember(scan.AppendMember(nil, "outputDimensionality", e.Dimensions), "autoTruncate", e.Truncate); p != nil {
		b = append(append(b, `,"parameters":`...), scan.CloseObject(p, 0)...)
	}
	return append(b, '}')
}

func (e *embed) content(text []byte) []byte {
	b := append(append([]byte(`{"content":{"parts":[{"text":`), text...), `}]}`...)
	c := scan.AppendMember(scan.AppendMember(scan.AppendMember(scan.AppendMember(nil, "taskType", e.task), "title", e.title), "outputDimensionality", e.Dimensions), "autoTruncate", e.Truncate)
	if c != nil {
		b = append(append(b, `,"embedContentConfig":`...), scan.CloseObject(c, 0)...)
	}
	return append(b, '}')
}

// decodeEmbeddings reads both forms of answer.
func decodeEmbeddings(r *abi.DecodeRequest) (*abi.DecodeReply, error) {
	reply := &abi.DecodeReply{}
	var vectors []byte
	tokens := int64(0)
	note := func(v []byte) {
		if n, ok := scan.Int(v); ok && n >= 0 {
			tokens += n
			reply.Usage = &abi.Usage{Input: &tokens}
		}
	}
	scan.Elements(scan.Get(r.Body, "predictions"), func(_ int, v []byte) bool {
		vectors = llm.AppendElement(vectors, scan.Get(v, "embeddings", "values"))
		note(scan.Get(v, "embeddings", "statistics", "token_count"))
		return true
	})
	if one := scan.Get(r.Body, "embedding"); one != nil {
		vectors = llm.AppendElement(vectors, scan.Get(one, "values"))
		note(scan.Get(r.Body, "usageMetadata", "promptTokenCount"))
	}
	var ok bool
	if reply.Body, ok = llm.AppendVectors(make([]byte, 0, len(r.Body)+256), scan.CloseArray(vectors, 0)); !ok {
		return nil, &abi.Error{Code: abi.UpstreamUnavailable, Message: "Vertex AI answered without embeddings"}
	}
	return reply, nil
}

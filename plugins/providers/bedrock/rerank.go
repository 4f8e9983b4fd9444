package main

import (
	"strings"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// isReranker: Cohere's and Amazon's take nearly the canonical body, and answer in its form.
// https://docs.aws.amazon.com/bedrock/latest/userguide/rerank-supported.html
func isReranker(model string) bool {
	return strings.Contains(model, "cohere.rerank") || strings.Contains(model, "amazon.rerank")
}

func encodeRerank(r *abi.EncodeRequest) (*abi.EncodeReply, error) {
	reply := &abi.EncodeReply{}
	cohere := strings.Contains(r.Deployment.Model, "cohere.")
	var b []byte
	documents := 0
	f := llm.EachMember(r.Body, r.DropParams, &reply.Notices, func(key, v []byte) *llm.Fault {
		switch name := string(key); {
		case name == "model":
		case name == "query" && scan.Kind(v) != '"':
			return llm.Refuse(name, "must be a string")
		case name == "documents" && scan.Kind(v) != '[':
			return llm.Refuse(name, "must be an array")
		case name == "documents":
			documents = scan.Len(v)
			b = scan.AppendMember(b, name, v)
		case name == "max_tokens_per_doc" && !cohere: // the host counts pieces of documents up to it
			return llm.Refuse(name, "is not supported by Amazon's reranker")
		case name == "query", name == "top_n", name == "max_tokens_per_doc":
			b = scan.AppendMember(b, name, v)
		default:
			reply.Notices = append(reply.Notices, "left out "+name)
		}
		return nil
	})
	if f == nil && documents == 0 {
		f = llm.Refuse("documents", "must hold at least one document")
	}
	if f != nil {
		return nil, f.Named()
	}
	if cohere {
		b = scan.AppendMember(b, "api_version", []byte("2"))
	}
	reply.Body = scan.CloseObject(b, 0)
	return reply, nil
}

// decodeRerank reports no usage: Bedrock tells none, and a plugin does not see long
// documents. The host counts the pieces that they are sold by.
func decodeRerank(r *abi.DecodeRequest) (*abi.DecodeReply, error) {
	if scan.Kind(scan.Get(r.Body, "results")) != '[' {
		return nil, &abi.Error{Code: abi.UpstreamUnavailable, Message: "Bedrock answered without results"}
	}
	return &abi.DecodeReply{Body: r.Body}, nil
}

package gemini

import (
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// encodeEmbeddings makes a batchEmbedContents request, one request a text.
func encodeEmbeddings(r *abi.EncodeRequest) (*abi.EncodeReply, error) {
	var e llm.Embeddings
	var task []byte
	reply := &abi.EncodeReply{}
	f := e.Read(r.Body, r.DropParams, &reply.Notices, func(name string, v []byte) bool {
		if name == "task_type" {
			task = v
		}
		return name == "task_type"
	})
	if f == nil {
		each := scan.AppendString([]byte(`,{"model":`), modelPath(r.Deployment.Model))
		if task != nil {
			each = append(scan.AppendName(each, "taskType"), task...)
		}
		if e.Dimensions != nil {
			each = append(scan.AppendName(each, "outputDimensionality"), e.Dimensions...)
		}
		b := []byte(`{"requests":`)
		start := len(b)
		f = e.EachInput("Gemini", false, func(text []byte) *llm.Fault {
			b = append(append(append(b, each...), `,"content":{"parts":[{"text":`...), text...)
			b = append(b, `}]}}`...)
			return nil
		})
		reply.Body = append(scan.CloseArray(b, start), '}')
	}
	if f != nil {
		return nil, f.Named()
	}
	return reply, nil
}

// decodeEmbeddings keeps the numbers' digits; the host makes base64 of them for
// clients that ask.
func decodeEmbeddings(r *abi.DecodeRequest) (*abi.DecodeReply, error) {
	var vectors []byte
	scan.Elements(scan.Get(r.Body, "embeddings"), func(_ int, v []byte) bool {
		vectors = llm.AppendElement(vectors, scan.Get(v, "values"))
		return true
	})
	body, ok := llm.AppendVectors(make([]byte, 0, len(r.Body)+256), scan.CloseArray(vectors, 0))
	if !ok {
		return nil, &abi.Error{Code: abi.UpstreamUnavailable, Message: "Gemini answered without embeddings"}
	}
	return &abi.DecodeReply{Body: body, Usage: readUsage(scan.Get(r.Body, "usageMetadata"))}, nil
}

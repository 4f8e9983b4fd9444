package gemini

import (
	"slices"
	"strconv"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// encodeEmbeddings makes a batchEmbedContents request, one request a text.
func encodeEmbeddings(r *abi.EncodeRequest) (*abi.EncodeReply, error) {
	var input, dimensions, taskType []byte
	var notices []string
	var f *llm.Fault
	scan.Members(r.Body, func(key, v []byte) bool {
		switch {
		case scan.Kind(v) == 'n':
		case slices.Contains(r.DropParams, string(key)):
			notices = append(notices, "dropped "+string(key))
		default:
			switch string(key) {
			case "model", "user":
			case "input":
				input = v
			case "dimensions":
				if n, ok := scan.Int(v); !ok || n < 1 {
					f = llm.Refuse("dimensions", "must be a positive whole number")
				}
				dimensions = v
			case "task_type":
				taskType = v
			case "encoding_format":
				if s, _ := scan.String(v); s != "float" && s != "base64" {
					f = llm.Refuse("encoding_format", "must be float or base64")
				}
			default:
				notices = append(notices, "left out "+string(key))
			}
		}
		return f == nil
	})
	var body []byte
	if f == nil {
		each := scan.AppendString([]byte(`,{"model":`), modelPath(r.Deployment.Model))
		if taskType != nil {
			each = append(scan.AppendName(each, "taskType"), taskType...)
		}
		if dimensions != nil {
			each = append(scan.AppendName(each, "outputDimensionality"), dimensions...)
		}
		body, f = embedRequests(each, input)
	}
	if f != nil {
		return nil, f.Named()
	}
	return &abi.EncodeReply{Body: body, Notices: notices}, nil
}

// embedRequests: the API takes texts and nothing else. Tokens are refused: their
// digits as text would mean another thing.
func embedRequests(each, input []byte) ([]byte, *llm.Fault) {
	b := []byte(`{"requests":`)
	start := len(b)
	add := func(path string, text []byte) *llm.Fault {
		if scan.Kind(text) != '"' || len(text) == 2 {
			return llm.Refuse(path, "must be a text and not empty: Gemini takes no tokens")
		}
		b = append(append(append(b, each...), `,"content":{"parts":[{"text":`...), text...)
		b = append(b, `}]}}`...)
		return nil
	}
	var f *llm.Fault
	switch {
	case scan.Kind(input) != '[':
		f = add("input", input)
	case scan.Len(input) == 0:
		f = llm.Refuse("input", "must be a text or an array of texts")
	default:
		scan.Elements(input, func(i int, text []byte) bool {
			path := "input"
			if scan.Kind(text) == '"' {
				path += "[" + strconv.Itoa(i) + "]"
			}
			f = add(path, text)
			return f == nil
		})
	}
	return append(scan.CloseArray(b, start), '}'), f
}

// decodeEmbeddings keeps the numbers' digits; the host makes base64 of them for
// clients that ask.
func decodeEmbeddings(r *abi.DecodeRequest) (*abi.DecodeReply, error) {
	b := append(make([]byte, 0, len(r.Body)+256), `{"object":"list","data":`...)
	start, bad := len(b), false
	scan.Elements(scan.Get(r.Body, "embeddings"), func(i int, v []byte) bool {
		values := scan.Get(v, "values")
		bad = bad || scan.Kind(values) != '['
		b = strconv.AppendInt(append(b, `,{"object":"embedding","index":`...), int64(i), 10)
		b = append(append(append(b, `,"embedding":`...), values...), '}')
		return true
	})
	if bad || len(b) == start {
		return nil, &abi.Error{Code: abi.UpstreamUnavailable, Message: "Gemini answered without embeddings"}
	}
	return &abi.DecodeReply{Body: append(scan.CloseArray(b, start), '}'), Usage: readUsage(scan.Get(r.Body, "usageMetadata"))}, nil
}

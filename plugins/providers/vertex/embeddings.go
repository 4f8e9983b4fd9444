package main

import (
	"slices"
	"strconv"
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
		URL:       r.Deployment.BaseURL + "/models/" + escape(m.name) + verb,
		Request:   abi.RequestPlan{Mode: abi.Transform},
		Response:  abi.ResponsePlan{Mode: abi.Transform},
	}
}

// embed collects what a request asks for. Raw, nil when absent.
type embed struct {
	input, dimensions, task, title, truncate []byte
	notices                                  []string
}

func (e *embed) member(key string, v []byte) *llm.Fault {
	switch key {
	case "model", "user":
	case "input":
		e.input = v
	case "dimensions":
		if n, ok := scan.Int(v); !ok || n < 1 {
			return llm.Refuse(key, "must be a positive whole number")
		}
		e.dimensions = v
	case "task_type":
		e.task = v
	case "title":
		e.title = v
	case "auto_truncate":
		e.truncate = v
	case "encoding_format":
		if s, _ := scan.String(v); s != "float" && s != "base64" {
			return llm.Refuse(key, "must be float or base64")
		}
	default:
		e.notices = append(e.notices, "left out "+key)
	}
	return nil
}

func encodeEmbeddings(r *abi.EncodeRequest, m model) (*abi.EncodeReply, error) {
	e, f := embed{}, (*llm.Fault)(nil)
	scan.Members(r.Body, func(key, v []byte) bool {
		switch {
		case scan.Kind(v) == 'n':
		case slices.Contains(r.DropParams, string(key)):
			e.notices = append(e.notices, "dropped "+string(key))
		default:
			f = e.member(string(key), v)
		}
		return f == nil
	})
	var texts [][]byte
	if f == nil {
		texts, f = e.texts()
	}
	if f == nil && m.content() && len(texts) > 1 {
		f = llm.Refuse("input", "must be one text: this model embeds one at a time on Vertex AI")
	}
	if f != nil {
		return nil, f.Named()
	}
	body := e.instances(texts)
	if m.content() {
		body = e.content(texts[0])
	}
	return &abi.EncodeReply{Body: body, Notices: e.notices}, nil
}

// texts: tokens are refused, their digits as text would mean another thing.
func (e *embed) texts() (texts [][]byte, f *llm.Fault) {
	add := func(path string, text []byte) {
		if scan.Kind(text) != '"' || len(text) == 2 {
			f = llm.Refuse(path, "must be a text and not empty: Vertex AI takes no tokens")
		}
		texts = append(texts, text)
	}
	if scan.Kind(e.input) != '[' {
		add("input", e.input)
		return texts, f
	}
	scan.Elements(e.input, func(i int, text []byte) bool {
		path := "input"
		if scan.Kind(text) == '"' {
			path += "[" + strconv.Itoa(i) + "]"
		}
		add(path, text)
		return f == nil
	})
	if f == nil && len(texts) == 0 {
		f = llm.Refuse("input", "must be a text or an array of texts")
	}
	return texts, f
}

func put(b []byte, name string, v []byte) []byte {
	if v == nil {
		return b
	}
	return append(scan.AppendName(b, name), v...)
}

func (e *embed) instances(texts [][]byte) []byte {
	b := []byte(`{"instances":`)
	start := len(b)
	for _, text := range texts {
		b = append(append(b, `,{"content":`...), text...)
		b = append(put(put(b, "task_type", e.task), "title", e.title), '}')
	}
	b = scan.CloseArray(b, start)
	if p := put(put(nil, "outputDimensionality", e.dimensions), "autoTruncate", e.truncate); p != nil {
		b = append(append(b, `,"parameters":`...), scan.CloseObject(p, 0)...)
	}
	return append(b, '}')
}

func (e *embed) content(text []byte) []byte {
	b := append(append([]byte(`{"content":{"parts":[{"text":`), text...), `}]}`...)
	c := put(put(put(put(nil, "taskType", e.task), "title", e.title), "outputDimensionality", e.dimensions), "autoTruncate", e.truncate)
	if c != nil {
		b = append(append(b, `,"embedContentConfig":`...), scan.CloseObject(c, 0)...)
	}
	return append(b, '}')
}

// decodeEmbeddings reads both forms of answer and keeps the numbers' digits.
func decodeEmbeddings(r *abi.DecodeRequest) (*abi.DecodeReply, error) {
	b := append(make([]byte, 0, len(r.Body)+256), `{"object":"list","data":`...)
	start, count, tokens, bad, counted := len(b), int64(0), int64(0), false, false
	add := func(values []byte) {
		bad = bad || scan.Kind(values) != '['
		b = strconv.AppendInt(append(b, `,{"object":"embedding","index":`...), count, 10)
		b = append(append(append(b, `,"embedding":`...), values...), '}')
		count++
	}
	note := func(v []byte) {
		if n, ok := scan.Int(v); ok && n >= 0 {
			tokens, counted = tokens+n, true
		}
	}
	scan.Elements(scan.Get(r.Body, "predictions"), func(_ int, v []byte) bool {
		add(scan.Get(v, "embeddings", "values"))
		note(scan.Get(v, "embeddings", "statistics", "token_count"))
		return true
	})
	if one := scan.Get(r.Body, "embedding"); one != nil {
		add(scan.Get(one, "values"))
		note(scan.Get(r.Body, "usageMetadata", "promptTokenCount"))
	}
	if bad || count == 0 {
		return nil, &abi.Error{Code: abi.UpstreamUnavailable, Message: "Vertex AI answered without embeddings"}
	}
	reply := &abi.DecodeReply{Body: append(scan.CloseArray(b, start), '}')}
	if counted {
		reply.Usage = &abi.Usage{Input: &tokens}
	}
	return reply, nil
}

package main

import (
	"strconv"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

func encode(r *abi.EncodeRequest) (*abi.EncodeReply, error) {
	q := &request{model: r.Deployment.Model, stream: r.Stream, streams: r.Endpoint != abi.Embeddings}
	var f *llm.Fault
	if q.options, f = readOptions(r.Deployment.Options); f == nil {
		switch r.Endpoint {
		case abi.Embeddings:
			f = q.embed(r)
		case abi.Completions:
			f = q.generate(r)
		default:
			f = q.chat(r)
		}
	}
	if f != nil {
		return nil, f.Named()
	}
	return &abi.EncodeReply{Body: q.finish(), State: q.state, Notices: q.notices}, nil
}

// request is a body that is being made: what stands in it beside model, stream and
// the operator's wishes is in content.
type request struct {
	options          // what the operator says; of the body also what the client says
	theirs  settings // the client's own "options"
	said    settings // model options that the client means in OpenAI's words
	model   string
	stream  bool
	streams bool   // the endpoint can
	content []byte // members, each after a comma
	state   string // for decode
	notices []string
}

// put appends a member of the body; nil is none.
func (q *request) put(name string, raw []byte) {
	if raw != nil {
		q.content = append(scan.AppendName(q.content, name), raw...)
	}
}

func (q *request) finish() []byte {
	b := make([]byte, 0, len(q.content)+256)
	b = scan.AppendString(scan.AppendName(b, "model"), q.model)
	if q.streams { // Ollama does unless told
		b = strconv.AppendBool(scan.AppendName(b, "stream"), q.stream)
	}
	b = q.body.append(append(b, q.content...))
	parameters := q.options.model
	for _, m := range append(q.theirs, q.said...) {
		if m.name != "num_predict" || !q.raises(m.value) {
			parameters.set(m.name, m.value)
		}
	}
	if len(parameters) > 0 {
		b = scan.AppendName(b, "options")
		start := len(b)
		b = scan.CloseObject(parameters.append(b), start)
	}
	return scan.CloseObject(b, 0)
}

// raises reports whether an output cap is above the one of the client's own "options":
// the gateway adds max_tokens where a budget needs a bound, and must not ask for more
// than the client does. Ollama's numbers below 1 are no bound.
func (q *request) raises(most []byte) bool {
	for _, m := range q.theirs {
		if m.name == "num_predict" {
			own, _ := scan.Int(m.value)
			n, _ := scan.Int(most)
			return own > 0 && n > own
		}
	}
	return false
}

// samplers are members of OpenAI's, and some of Ollama's, that are model options.
var samplers = map[string]bool{"temperature": true, "top_p": true, "top_k": true, "min_p": true, "seed": true, "presence_penalty": true,
	"frequency_penalty": true, "repeat_penalty": true}

// other takes a member that chat and generate have in common.
func (q *request) other(key string, v []byte) *llm.Fault {
	kinds, ofBody := bodyOptions[key]
	switch {
	case samplers[key]:
		q.said.set(key, v)
		return wantKind(key, v, "0")
	case ofBody:
		q.body.set(key, v)
		return wantKind(key, v, kinds)
	}
	return llm.Foreign("Ollama", key, v, &q.notices)
}

// own takes Ollama's "options" of the client. What the client also says in
// OpenAI's words counts more: those are what the gateway reckons with.
func (q *request) own(options []byte) (f *llm.Fault) {
	if options == nil {
		return nil
	}
	scan.Members(options, func(key, v []byte) bool {
		if !modelOptions[string(key)] {
			f = llm.Refuse("options."+string(key), "is not a model parameter of Ollama's")
		}
		q.theirs.set(string(key), v)
		return f == nil
	})
	if f == nil {
		f = wantKind("options", options, "{")
	}
	return f
}

// capped sets the output cap.
func (q *request) capped(name string, v []byte) *llm.Fault {
	if v == nil {
		return nil
	}
	if n, ok := scan.Int(v); !ok || n < 1 {
		return llm.Refuse(name, "must be a positive whole number")
	}
	q.said.set("num_predict", v)
	return nil
}

func (q *request) stops(stop []byte) *llm.Fault {
	list, f := llm.Stops("Ollama", stop, 0, &q.notices)
	if list != nil {
		q.said.set("stop", list)
	}
	return f
}

// logprobs takes OpenAI's pair of members.
func (q *request) logprobs(on, top []byte) *llm.Fault {
	wanted, ok := scan.Bool(on)
	if on != nil && !ok {
		return llm.Refuse("logprobs", "must be true or false")
	}
	if wanted {
		q.put("logprobs", on)
	}
	if top == nil {
		return nil
	}
	n, ok := scan.Int(top)
	if !ok || n < 0 || n > 20 {
		return llm.Refuse("top_logprobs", "must be a whole number from 0 to 20")
	}
	if wanted && n > 0 {
		q.put("top_logprobs", top)
	}
	return nil
}

// levels are Ollama's words for how long to think.
var levels = map[string]string{"none": "false", "minimal": `"low"`, "low": `"low"`, "medium": `"medium"`, "high": `"high"`, "xhigh": `"max"`, "max": `"max"`}

// think: Ollama's own member counts first, then thinking, then reasoning_effort.
// A client that leaves the measure to the model asks for thoughts and no more.
func (q *request) think(own, thinking, effort []byte) *llm.Fault {
	if own != nil {
		q.body.set("think", own)
		return wantKind("think", own, bodyOptions["think"])
	}
	word, budget, f := llm.Thinking(thinking, effort)
	switch {
	case f != nil || word == "":
		return f
	case budget == 0 && word != "none":
		q.body.set("think", []byte("true"))
	default:
		q.body.set("think", []byte(levels[word]))
	}
	return nil
}

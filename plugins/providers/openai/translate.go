package main

import (
	"slices"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// An endpoint whose words are not OpenAI's has translate in its profile: which they
// are. Only what has it comes here; all else passes the plugin by.

// planTranslated makes the plan one by which the plugin is asked.
func planTranslated(p *abi.PlanReply, endpoint abi.Endpoint, words []byte) {
	switch endpoint {
	case abi.Chat:
		planResponses(p)
		return
	case abi.Realtime:
		planSessions(p)
		return
	}
	p.Request = abi.RequestPlan{Mode: abi.Transform, Inline: endpoint == abi.ImageEdits}
	if endpoint != abi.Speech || scan.Get(words, "sound") != nil {
		p.Response.Mode = abi.Transform
	}
}

func (c *codec) encode(r *abi.EncodeRequest) (*abi.EncodeReply, error) {
	if r.Endpoint == abi.Chat {
		return c.encodeResponses(r)
	}
	profile := c.of(&r.Deployment)
	o, err := readOptions(r.Deployment.Options, profile)
	if err != nil {
		return nil, err
	}
	e := scan.Get(profile, "endpoints", string(r.Endpoint))
	into := translated[r.Endpoint]
	if into == nil {
		return nil, untranslated(r.Endpoint)
	}
	t := &translation{request: r, words: scan.Get(e, "translate"), unsupported: texts(scan.Get(e, "unsupported")), voices: o.voices, reply: &abi.EncodeReply{}}
	if f := into(t); f != nil {
		return nil, f.Named()
	}
	return t.reply, nil
}

func untranslated(e abi.Endpoint) error {
	return refuse(string(e), "has OpenAI's words: there is nothing to translate")
}

// translated are the endpoints that may have words of their own. Chat may have those of
// responses, see respond.go, and realtime sessions theirs, see hear.go.
var translated = map[abi.Endpoint]func(*translation) *llm.Fault{abi.Speech: speak, abi.Transcriptions: listen, abi.ImageEdits: draw}

func (c *codec) decode(r *abi.DecodeRequest) (*abi.DecodeReply, error) {
	switch r.Endpoint {
	case abi.Chat:
		return c.responses.Decode(r)
	case abi.Speech:
		return decodeSpeech(r, scan.Get(c.of(&r.Deployment), "endpoints", string(r.Endpoint), "translate"))
	case abi.Transcriptions:
		return decodeTranscript(r)
	}
	return decodePictures(r)
}

// translation is one request on its way into a vendor's words.
type translation struct {
	request     *abi.EncodeRequest
	words       []byte // translate of the profile
	unsupported []string
	voices      []byte // the option voices
	reply       *abi.EncodeReply
}

// each calls f with the members of the request that the vendor takes, each under
// the vendor's name for it.
func (t *translation) each(f func(key, name string, v []byte) *llm.Fault) *llm.Fault {
	names := scan.Get(t.words, "names")
	return llm.EachMember(t.request.Body, t.request.DropParams, &t.reply.Notices, func(k, v []byte) *llm.Fault {
		key := string(k)
		if slices.Contains(t.unsupported, key) {
			return llm.Refuse(key, "is not supported by the provider")
		}
		name, renamed := scan.String(scan.Get(names, key))
		if !renamed {
			name = key
		}
		if ours := keyOf(names, key); ours != "" && scan.Get(t.request.Body, ours) != nil {
			return llm.Refuse(key, "cannot stand beside "+ours+", which becomes it")
		}
		if key == "model" {
			v = scan.AppendString(nil, t.request.Deployment.Model)
		}
		if name == "" {
			return nil
		}
		return f(key, name, v)
	})
}

// keyOf is the member that has the name, "" for none.
func keyOf(names []byte, name string) (key string) {
	scan.Members(names, func(k, v []byte) bool {
		if scan.Is(v, name) {
			key = string(k)
		}
		return key == ""
	})
	return key
}

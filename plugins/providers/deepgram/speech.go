package main

import (
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// formats are Deepgram's parameters for OpenAI's response formats.
var formats = map[string][][2]string{
	"":     {{"encoding", "mp3"}},
	"mp3":  {{"encoding", "mp3"}},
	"opus": {{"encoding", "opus"}, {"container", "ogg"}},
	"aac":  {{"encoding", "aac"}},
	"flac": {{"encoding", "flac"}},
	"wav":  {{"encoding", "linear16"}, {"container", "wav"}, {"sample_rate", "24000"}},
	"pcm":  {{"encoding", "linear16"}, {"container", "none"}, {"sample_rate", "24000"}},
}

// speak makes the request of speech. Deepgram's model is the voice: the
// deployment's is spoken with, and what the client says beside it counts for nothing.
func speak(r *abi.EncodeRequest) (*abi.EncodeReply, *llm.Fault) {
	reply := &abi.EncodeReply{}
	var q query
	var text []byte
	format := ""
	q.add("model", r.Deployment.Model)
	f := llm.EachMember(r.Body, r.DropParams, &reply.Notices, func(key, v []byte) *llm.Fault {
		switch name := string(key); name {
		case "model", "stream", "user":
		case "voice":
			if s, _ := scan.String(v); s != r.Deployment.Model {
				reply.Notices = append(reply.Notices, "the voice is that of the model")
			}
		case "input":
			text = v
		case "response_format":
			format, _ = scan.String(v)
		case "speed", "bit_rate", "mip_opt_out", "tag":
			q.addAll(name, v)
		case "stream_format":
			if s, _ := scan.String(v); s != "audio" {
				return llm.Refuse(name, "must be audio: Deepgram streams sound and no events")
			}
		default:
			return llm.Refuse(name, "is not supported by Deepgram")
		}
		return nil
	})
	pairs, known := formats[format]
	if f == nil && !known {
		f = llm.Refuse("response_format", "must be mp3, opus, aac, flac, wav or pcm")
	}
	for _, p := range pairs {
		q.add(p[0], p[1])
	}
	reply.URL = address(&r.Deployment) + "/v1/speak" + string(q)
	reply.Body = scan.CloseObject(append(scan.AppendName(nil, "text"), text...), 0)
	return reply, f
}

package main

import (
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// listen makes the form of a transcription. What the vendor knows beside OpenAI's
// members (diarize, num_speakers, keyterms …) goes over as it is.
func listen(r *abi.EncodeRequest) (*abi.EncodeReply, *llm.Fault) {
	reply := &abi.EncodeReply{Form: []abi.FormPart{{Name: "model_id", Value: r.Deployment.Model}}}
	format, words := "", false
	f := llm.EachMember(r.Body, r.DropParams, &reply.Notices, func(key, v []byte) *llm.Fault {
		name := string(key)
		switch name {
		case "model", "user":
		case "stream":
			if on, _ := scan.Bool(v); on {
				return llm.Refuse(name, "is not supported: ElevenLabs answers with whole transcripts")
			}
		case "response_format":
			if format, _ = scan.String(v); !llm.TranscriptFormats[format] {
				return llm.Refuse(name, "must be json, verbose_json, text, srt or vtt with ElevenLabs")
			}
		case "timestamp_granularities":
			scan.Elements(v, func(_ int, g []byte) bool { s, _ := scan.String(g); words = words || s == "word"; return true })
		case "prompt", "include", "chunking_strategy":
			return llm.Refuse(name, "is not supported by ElevenLabs")
		case "model_id", "language_code": // the gateway's to say
			return llm.Refuse(name, "is model or language in the gateway's API")
		case "cloud_storage_url", "source_url", "webhook", "webhook_id", "webhook_metadata", "token", "use_multi_channel":
			return llm.Refuse(name, "is not supported: a transcript is made of the request's file, of all its channels together, and is its answer")
		case "language":
			reply.Form = append(reply.Form, llm.FormPart("language_code", v))
		default:
			if scan.Kind(v) != '[' {
				reply.Form = append(reply.Form, llm.FormPart(name, v))
				return nil
			}
			scan.Elements(v, func(_ int, one []byte) bool { reply.Form = append(reply.Form, llm.FormPart(name, one)); return true })
		}
		return nil
	})
	reply.State = llm.TranscriptState(format, words)
	return reply, f
}

func decode(r *abi.DecodeRequest) (*abi.DecodeReply, error) {
	return llm.ReadTranscript(r, "ElevenLabs", "language_code", "audio_duration_secs")
}

package main

import (
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// formats are ElevenLabs' words for OpenAI's response formats, of like quality.
var formats = map[string]string{"": "mp3_44100_128", "mp3": "mp3_44100_128", "opus": "opus_48000_64", "pcm": "pcm_24000", "wav": "wav_24000"}

// speak makes the request of speech. What the vendor knows beside OpenAI's members
// (seed, previous_text, language_code …) goes over as it is.
func speak(r *abi.EncodeRequest, voices []byte) (*abi.EncodeReply, *llm.Fault) {
	reply := &abi.EncodeReply{}
	var voice, format string
	var text, settings, speed []byte
	b := scan.AppendString(scan.AppendName(nil, "model_id"), r.Deployment.Model)
	f := llm.EachMember(r.Body, r.DropParams, &reply.Notices, func(key, v []byte) *llm.Fault {
		switch name := string(key); {
		case name == "model" || name == "stream" || name == "user":
		case name == "input":
			text = v
		case name == "voice":
			if voice, _ = scan.String(v); voice == "" {
				voice = scan.GetString(v, "id")
			}
		case name == "response_format":
			format, _ = scan.String(v)
		case name == "speed":
			speed = v
		case name == "voice_settings":
			settings = v
		case name == "instructions":
			return llm.Refuse(name, "is not supported by ElevenLabs: a voice is steered by voice_settings and marks in the text")
		case name == "stream_format":
			if s, _ := scan.String(v); s != "audio" {
				return llm.Refuse(name, "must be audio: ElevenLabs streams sound and no events")
			}
		case name == "model_id" || name == "text": // the gateway's to say
			return llm.Refuse(name, "is model or input in the gateway's API")
		default:
			b = append(append(scan.AppendString(append(b, ','), name), ':'), v...) // any name
		}
		return nil
	})
	output, known := formats[format]
	switch {
	case f != nil:
		return nil, f
	case voice == "":
		return nil, llm.Refuse("voice", "is required: the id of a voice, or a name of the deployment's voices")
	case !known:
		return nil, llm.Refuse("response_format", "must be mp3, opus, wav or pcm with ElevenLabs")
	}
	if speed != nil {
		settings = scan.Apply(nil, object(settings), []scan.Edit{{Key: "speed", Value: speed}})
	}
	if settings != nil {
		b = append(scan.AppendName(b, "voice_settings"), settings...)
	}
	if id := scan.GetString(voices, voice); id != "" {
		voice = id
	}
	path := "/stream?output_format="
	if format == "wav" { // its head tells the length
		path = "?output_format="
	}
	reply.URL = address(&r.Deployment) + "/v1/text-to-speech/" + string(llm.AppendEscaped(nil, voice)) + path + output
	reply.Body = scan.CloseObject(append(scan.AppendName(b, "text"), text...), 0)
	return reply, nil
}

func object(v []byte) []byte {
	if scan.Kind(v) != '{' {
		return []byte("{}")
	}
	return v
}

package main

import (
	"strings"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// sounds are the media types of OpenAI's response formats.
// https://platform.openai.com/docs/api-reference/audio/createSpeech
var sounds = map[string]string{"mp3": "audio/mpeg", "opus": "audio/opus", "aac": "audio/aac", "flac": "audio/flac", "wav": "audio/wav", "pcm": "audio/pcm"}

// speak makes a request of speech in the vendor's words. The state is the format.
func speak(t *translation) *llm.Fault {
	t.reply.State = "mp3" // as in OpenAI's API
	var b []byte
	f := t.each(func(key, name string, v []byte) *llm.Fault {
		switch key {
		case "voice":
			voice := t.voice(v)
			if voice == "" {
				return llm.Refuse(key, "must be a name, or an object with an id")
			}
			v = scan.AppendString(nil, voice)
		case "response_format":
			t.reply.State = scan.GetString(v)
			return nil
		case "stream_format":
			if !scan.Is(v, "audio") && !scan.Is(v, "sse") {
				return llm.Refuse(key, "must be audio or sse")
			}
			return nil
		case "stream", "user":
			return nil
		}
		b = append(scan.AppendName(b, name), v...)
		return nil
	})
	if f != nil {
		return f
	}
	if b, f = t.appendFormat(b); f != nil {
		return f
	}
	if events := scan.Get(t.words, "events"); t.request.Stream && events == nil {
		return llm.Refuse("stream_format", "must be audio: the provider has no events of speech")
	} else if t.request.Stream {
		b = appendOthers(b, events, nil)
	}
	t.reply.Body = scan.CloseObject(appendOthers(b, scan.Get(t.words, "members"), t.request.Body), 0)
	return nil
}

// voice is the vendor's voice of a name that clients use, or an id; "" for neither.
func (t *translation) voice(v []byte) string {
	name, ok := scan.String(v)
	if !ok {
		name = scan.GetString(v, "id")
	}
	if id := scan.GetString(t.voices, name); id != "" {
		return id
	}
	return name
}

// appendFormat appends the format of the sound, unless the client says it in the
// vendor's own way.
func (t *translation) appendFormat(b []byte) ([]byte, *llm.Fault) {
	name, formats := scan.GetString(t.words, "format"), scan.Get(t.words, "formats")
	if name != "response_format" && !scan.IsNull(scan.Get(t.request.Body, name)) {
		return b, nil
	}
	value := scan.Get(formats, t.reply.State)
	if value == nil {
		var known []string
		scan.Members(formats, func(key, _ []byte) bool { known = append(known, string(key)); return true })
		return b, llm.Refuse("response_format", "must be "+strings.Join(known, ", ")+" with this provider")
	}
	return append(scan.AppendName(b, name), value...), nil
}

// appendOthers appends the members that stand in none of the request.
func appendOthers(b, members, request []byte) []byte {
	scan.Members(members, func(key, v []byte) bool {
		if scan.IsNull(scan.Get(request, string(key))) {
			b = append(scan.AppendName(b, string(key)), v...)
		}
		return true
	})
	return b
}

// decodeSpeech takes the sound out of an answer that is JSON.
func decodeSpeech(r *abi.DecodeRequest, words []byte) (*abi.DecodeReply, error) {
	sound := scan.Get(r.Body, scan.GetString(words, "sound"))
	if scan.Kind(sound) != '"' || len(sound) == 2 {
		return nil, &abi.Error{Code: abi.UpstreamUnavailable, Message: "the provider answered without sound"}
	}
	return &abi.DecodeReply{Body: sound, Base64: true, ContentType: sounds[r.State]}, nil
}

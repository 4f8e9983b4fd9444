package gemini

import (
	"strings"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// What a model is asked for before it hears a recording.
const (
	transcribe = `Transcribe the speech in this recording word for word, in the language that is spoken. `
	translate  = `Translate the speech in this recording into English, sentence by sentence. `
	alone      = `Answer with that text alone: no comments, labels or times, and nothing at all where nobody speaks.`
)

// sounds are Google's names of media types that have several.
// https://ai.google.dev/gemini-api/docs/audio#supported-formats
var sounds = map[string]string{"audio/mpeg": "audio/mp3", "audio/mpga": "audio/mp3", "audio/x-wav": "audio/wav", "audio/wave": "audio/wav", "audio/vnd.wave": "audio/wav",
	"audio/x-flac": "audio/flac", "audio/x-aiff": "audio/aiff", "audio/x-m4a": "audio/m4a", "audio/opus": "audio/ogg"}

// listen makes a generateContent request of a recording. The state is the format.
func listen(r *abi.EncodeRequest, _ *options) (*abi.EncodeReply, error) {
	reply := &abi.EncodeReply{State: "json"}
	ask := transcribe
	if r.Endpoint == abi.Translations {
		ask = translate
	}
	var recording, language, hint, config []byte
	f := llm.EachMember(r.Body, r.DropParams, &reply.Notices, func(key, v []byte) (f *llm.Fault) {
		switch name := string(key); name {
		case "model", "user", "chunking_strategy":
		case "file":
			recording, f = fromFile(v, "audio/")
			return f.Under("file")
		case "response_format":
			if reply.State, _ = scan.String(v); reply.State != "json" && reply.State != "text" {
				return llm.Refuse(name, "must be json or text with Gemini, which tells no times")
			}
		case "language":
			language = v
		case "prompt":
			hint = v
		case "temperature":
			config = append(scan.AppendName(config, "temperature"), v...)
		case "max_tokens", "max_completion_tokens":
			config, f = capOutput(config, name, v)
			return f
		case "stream":
			if on, _ := scan.Bool(v); on {
				return llm.Refuse(name, "is not supported: Gemini's transcripts come whole")
			}
		case "include", "timestamp_granularities", "known_speaker_names", "known_speaker_references":
			return llm.Refuse(name, "is not supported by Gemini")
		default:
			reply.Notices = append(reply.Notices, "left out "+name)
		}
		return nil
	})
	if !strings.Contains(r.Deployment.Model, "transcribe") { // such models do nothing else, and do not think
		c := chat{model: familyOf(r.Deployment.Model)}
		c.think("none", 0)
		config = append(config, c.config...)
	}
	if f == nil && recording == nil {
		f = llm.Refuse("file", "is required")
	}
	if f != nil {
		return nil, f.Named()
	}
	b := append([]byte(`{"contents":[{"role":"user","parts":[{"text":"`), ask...)
	b = phrase(b, `It is spoken in the language `, language, `. `)
	b = phrase(b, `Spell names and terms as here: `, hint, `. `)
	b = append(append(append(append(b, alone...), `"},`...), recording...), `]}]`...)
	if config != nil {
		b = append(append(b, `,"generationConfig":`...), scan.CloseObject(config, 0)...)
	}
	reply.Body = append(b, '}')
	return reply, nil
}

// capOutput caps what a model makes of a recording, of a text or as a picture. OpenAI's API has no
// such member there: it is the gateway's, under a budget.
func capOutput(config []byte, name string, v []byte) ([]byte, *llm.Fault) {
	if n, ok := scan.Int(v); !ok || n < 1 {
		return config, llm.Refuse(name, "must be a positive whole number")
	}
	return append(scan.AppendName(config, "maxOutputTokens"), v...), nil
}

// phrase puts a client's words into a string.
func phrase(b []byte, before string, s []byte, after string) []byte {
	if scan.Kind(s) != '"' || len(s) == 2 {
		return b
	}
	return append(append(append(b, before...), s[1:len(s)-1]...), after...)
}

func decodeTranscript(r *abi.DecodeRequest) (*abi.DecodeReply, error) {
	resp := readResponse(r.Body)
	if err := resp.blocked(); err != nil {
		return nil, err
	}
	var c candidate
	scan.Elements(resp.candidates, func(i int, raw []byte) bool {
		c = readCandidate(raw, int64(i))
		c.readParts(resp.id, 0)
		return false
	})
	switch finish, err := c.finish(false, c.answered()); {
	case err != nil:
		return nil, err
	case finish == "length":
		return nil, &abi.Error{Code: abi.ContextWindow, Message: "Gemini ended before all was written: the recording is too long for one answer"}
	case c.reason == "":
		return nil, &abi.Error{Code: abi.UpstreamUnavailable, Message: "Gemini answered without a whole transcript"}
	case finish == "content_filter":
		return nil, &abi.Error{Code: abi.ContentPolicy, Message: "Gemini made no transcript: " + c.reason}
	}
	t := llm.Transcript{Text: appendQuoted(nil, c.text)}
	reply := t.Answer(r.State, false)
	reply.Usage, reply.Model = readUsage(resp.usage), resp.served()
	return reply, nil
}

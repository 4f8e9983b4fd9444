package gemini

import (
	"strconv"
	"strings"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// sampleRate is that of Gemini's sound where it tells none: 16 bits, one channel.
// https://ai.google.dev/gemini-api/docs/speech-generation
const sampleRate = 24000

// rateOf is the rate of samples of a media type ("audio/L16;codec=pcm;rate=24000"), 0
// for sound that is no samples.
func rateOf(mediaType string) int64 {
	kind, more, _ := strings.Cut(mediaType, ";")
	if kind = strings.ToLower(kind); kind != "audio/l16" && kind != "audio/pcm" {
		return 0
	}
	for p := range strings.SplitSeq(more, ";") {
		if n, err := strconv.ParseInt(strings.TrimPrefix(strings.TrimSpace(p), "rate="), 10, 64); err == nil && n > 0 {
			return n
		}
	}
	return sampleRate
}

// speak makes a generateContent request of sound. The state is the format.
func speak(r *abi.EncodeRequest, o *options) (*abi.EncodeReply, error) {
	reply := &abi.EncodeReply{State: "wav"}
	var input, manner, config, bound []byte
	voice, asked := "", false
	f := llm.EachMember(r.Body, r.DropParams, &reply.Notices, func(key, v []byte) (f *llm.Fault) {
		switch name := string(key); name {
		case "model", "user":
		case "input":
			input = v
		case "instructions":
			if scan.Kind(v) != '"' {
				return llm.Refuse(name, "must be a string")
			}
			manner = v
		case "voice":
			if voice, _ = scan.String(v); voice == "" {
				voice = scan.GetString(v, "id")
			}
		case "response_format":
			asked = true
			if reply.State, _ = scan.String(v); reply.State != "wav" && reply.State != "pcm" {
				return llm.Refuse(name, "must be wav or pcm with Gemini, which makes no other sound; wav is what comes without it")
			}
		case "speed":
			if n, ok := scan.Float(v); !ok || n != 1 {
				return llm.Refuse(name, "must be 1 with Gemini: say in instructions how fast it shall speak")
			}
		case "stream_format":
			if !scan.Is(v, "audio") {
				return llm.Refuse(name, "must be audio with Gemini")
			}
		case "max_tokens", "max_completion_tokens":
			bound, f = capOutput(bound, name, v)
			return f
		case "language_code":
			config = append(scan.AppendName(config, "languageCode"), v...)
		default:
			reply.Notices = append(reply.Notices, "left out "+name)
		}
		return nil
	})
	if !asked {
		reply.Notices = append(reply.Notices, "response_format: Gemini makes no mp3, wav comes")
	}
	switch {
	case f != nil:
		return nil, f.Named()
	case scan.Kind(input) != '"':
		return nil, llm.Refuse("input", "must be a string").Named()
	case voice == "":
		return nil, llm.Refuse("voice", "is required: one of Gemini's, or a name of the deployment's voices").Named()
	}
	if id := scan.GetString(o.voices, voice); id != "" {
		voice = id
	}
	b := []byte(`{"contents":[{"role":"user","parts":[{"text":"`)
	if len(manner) > 2 {
		b = append(append(b, manner[1:len(manner)-1]...), `:\n`...)
	}
	b = append(append(b, input[1:]...), `}]}],"generationConfig":{"responseModalities":["AUDIO"]`...)
	b = append(append(b, bound...), `,"speechConfig":`...)
	config = append(scan.AppendString(append(scan.AppendName(config, "voiceConfig"), `{"prebuiltVoiceConfig":{"voiceName":`...), voice), '}', '}')
	reply.Body = append(append(b, scan.CloseObject(config, 0)...), '}', '}')
	return reply, nil
}

// decodeSpeech gives the samples to the host, which writes the head of a WAV file. What
// is one already stays as it is.
func decodeSpeech(r *abi.DecodeRequest) (*abi.DecodeReply, error) {
	resp := readResponse(r.Body)
	if err := resp.blocked(); err != nil {
		return nil, err
	}
	reply := &abi.DecodeReply{Usage: made(readUsage(resp.usage), ofAudio), Model: resp.served(), Base64: true, ContentType: "audio/wav"}
	reason, pieces := "", 0
	scan.Elements(resp.candidates, func(i int, raw []byte) bool {
		c := readCandidate(raw, int64(i))
		reason = c.reason
		eachInline(c.content, func(mediaType string, data []byte) {
			reply.Body, pieces = data, pieces+1
			if reply.WaveRate = rateOf(mediaType); reply.WaveRate == 0 {
				reply.ContentType = mediaType
			}
		})
		return false
	})
	asked := reply.WaveRate > 0 || r.State == "wav" && (reply.ContentType == "audio/wav" || reply.ContentType == "audio/x-wav")
	if r.State == "pcm" { // OpenAI's has no head to say another rate
		asked = reply.WaveRate == sampleRate
		reply.ContentType, reply.WaveRate = "audio/pcm", 0
	}
	switch {
	case reason == "MAX_TOKENS":
		return nil, &abi.Error{Code: abi.ContextWindow, Message: "Gemini ended before all was spoken: the text is too long for one answer"}
	case pieces == 1 && asked:
		return reply, nil
	case pieces == 1:
		return nil, &abi.Error{Code: abi.UpstreamUnavailable, Message: "Gemini answered with another sort of sound than was asked for"}
	case pieces > 1:
		return nil, &abi.Error{Code: abi.UpstreamUnavailable, Message: "Gemini answered with several pieces of sound"}
	case reason == "" || failures[reason]:
		return nil, &abi.Error{Code: abi.UpstreamUnavailable, Message: "Gemini answered without sound"}
	}
	return nil, &abi.Error{Code: abi.ContentPolicy, Message: "Gemini did not speak: " + reason}
}

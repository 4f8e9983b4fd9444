package main

import (
	"testing"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/plugins/internal/vectortest"
)

// FuzzEncode: what a client asks of an endpoint with words of its own is refused or
// becomes JSON.
func FuzzEncode(f *testing.F) {
	vectortest.FuzzEncode(f, configured(f, "xai"), vectortest.Targets{Endpoints: []abi.Endpoint{abi.Chat, abi.Speech, abi.ImageEdits}},
		`{"input":"x","voice":{"id":"y"},"response_format":"pcm","output_format":null,"language":"de"}`,
		`{"prompt":"x","image":[{"$file":0,"content_type":"image/png","data":"AA=="}],"mask":{"image_url":"https://a.example"},"n":2}`)
}

// FuzzDecode: what a vendor answers to it is a failure or becomes JSON.
func FuzzDecode(f *testing.F) {
	vectortest.FuzzDecode(f, configured(f, "mistral"), vectortest.Targets{Endpoints: []abi.Endpoint{abi.Speech, abi.Transcriptions, abi.ImageEdits}}, "srt",
		`{"audio_data":"AA=="}`, `{"text":"a. b","duration":1.5,"words":[{"text":"a.","start":0.1,"end":1},{"text":"b","start":2,"end":3e9}]}`, `{"data":[{},{}]}`)
}

// FuzzConverse: what is said in a session that only transcribes is refused or becomes JSON.
func FuzzConverse(f *testing.F) {
	vectortest.FuzzConverse(f, configured(f, "vllm"), "voxtral", []string{
		`{"type":"session.update","session":{"type":"transcription","audio":{"input":{"format":{"type":"audio/pcm","rate":16000},"transcription":{"model":"voxtral"}}}}}`,
		`{"type":"input_audio_buffer.append","audio":"AAABAAIAAwA="}`, `{"type":"input_audio_buffer.commit"}`, `{"type":"input_audio_buffer.clear"}`,
	}, []string{
		`{"type":"transcription.delta","delta":"a"}`, `{"type":"transcription.done","text":"\u0041","usage":null}`, `{"type":"error","error":{},"code":"processing_error"}`,
	})
}

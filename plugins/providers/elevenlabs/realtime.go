package main

import (
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/plugins/codec/transcribe"
)

// Sessions that write down what they hear while it is said.
// https://elevenlabs.io/docs/api-reference/speech-to-text/v-1-speech-to-text-realtime

// planSession makes the plan that of a session: the client says where a turn ends, and the
// sound is that of OpenAI's.
func planSession(p *abi.PlanReply, r *abi.PlanRequest) {
	p.Method = "GET"
	p.URL += "/realtime?model_id=" + llm.Escape(r.Deployment.Model, "") + "&audio_format=pcm_24000&commit_strategy=manual"
	p.Response = abi.ResponsePlan{}
	p.Usage.Seconds = []string{"usage.seconds"}
	p.Realtime = &abi.RealtimePlan{LongText: true} // for its length
}

// words are ElevenLabs'. What it hears in part it may revise, so that only what is committed
// is told.
var words = transcribe.Words{
	Rate:   24000,
	Kind:   "message_type",
	Append: []byte(`{"message_type":"input_audio_chunk","audio_base_64":"$audio","commit":false,"sample_rate":24000}`),
	End:    []byte(`{"message_type":"input_audio_chunk","audio_base_64":"","commit":true,"sample_rate":24000}`),
	Done:   []byte(`{"committed_transcript":"text"}`),
	Failed: []byte(`{"error":"error","auth_error":"error","quota_exceeded":"error","commit_throttled":"error","transcriber_error":"error",` +
		`"unaccepted_terms":"error","rate_limited":"error","input_error":"error","invalid_request":"error","queue_overflow":"error",` +
		`"resource_exhausted":"error","session_time_limit_exceeded":"error","chunk_size_exceeded":"error","insufficient_audio_activity":"error"}`),
}

func converse(r *abi.ConverseRequest) (*abi.ConverseReply, error) {
	return transcribe.Converse(r, &words)
}

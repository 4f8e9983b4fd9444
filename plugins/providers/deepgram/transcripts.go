package main

import (
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// own are Deepgram's parameters that a client may set: those that change what
// the transcript is, and not where it goes, what it costs or how it is shaped.
var own = map[string]bool{"smart_format": true, "punctuate": true, "numerals": true, "measurements": true, "dictation": true, "filler_words": true,
	"profanity_filter": true, "redact": true, "replace": true, "keyterm": true, "keywords": true, "version": true, "encoding": true, "tag": true, "mip_opt_out": true}

// listen makes the request of a transcription: the file as it came, and all else in
// the address.
func listen(r *abi.EncodeRequest) (*abi.EncodeReply, *llm.Fault) {
	reply := &abi.EncodeReply{}
	var q query
	format, words, language, smart := "", false, false, false
	q.add("model", r.Deployment.Model)
	f := llm.EachMember(r.Body, r.DropParams, &reply.Notices, func(key, v []byte) *llm.Fault {
		name := string(key)
		switch {
		case name == "model" || name == "user":
		case name == "file":
			n, _ := scan.GetInt(v, "$file")
			reply.File = &abi.FileRef{Number: int(n)}
		case name == "stream":
			if on, _ := scan.Bool(v); on {
				return llm.Refuse(name, "is not supported: Deepgram answers a file with a whole transcript")
			}
		case name == "response_format":
			if format, _ = scan.String(v); !llm.TranscriptFormats[format] {
				return llm.Refuse(name, "must be json, verbose_json, text, srt or vtt with Deepgram")
			}
		case name == "timestamp_granularities":
			scan.Elements(v, func(_ int, g []byte) bool { s, _ := scan.String(g); words = words || s == "word"; return true })
		case name == "language":
			language = true
			q.addAll(name, v)
		case own[name]:
			smart = smart || name == "smart_format"
			q.addAll(name, v)
		default:
			return llm.Refuse(name, "is not supported by Deepgram")
		}
		return nil
	})
	if !smart { // OpenAI's transcripts have punctuation and numbers in digits
		q.add("smart_format", "true")
	}
	if !language {
		q.add("detect_language", "true")
	}
	reply.URL = address(&r.Deployment) + "/v1/listen" + string(q)
	reply.State = llm.TranscriptState(format, words)
	return reply, f
}

// decode reads the first alternative of the first channel; more channels than
// one are not asked for.
func decode(r *abi.DecodeRequest) (*abi.DecodeReply, error) {
	channel := first(scan.Get(r.Body, "results", "channels"))
	heard := first(scan.Get(channel, "alternatives"))
	t := llm.Transcript{Text: scan.Get(heard, "transcript"), Language: scan.GetString(channel, "detected_language")}
	if scan.Kind(t.Text) != '"' {
		return nil, &abi.Error{Code: abi.UpstreamUnavailable, Message: "Deepgram answered without a transcript"}
	}
	t.Duration, _ = scan.Float(scan.Get(r.Body, "metadata", "duration"))
	scan.Elements(scan.Get(heard, "words"), func(_ int, w []byte) bool {
		text := scan.GetString(w, "punctuated_word")
		if text == "" {
			text = scan.GetString(w, "word")
		}
		start, _ := scan.Float(scan.Get(w, "start"))
		end, _ := scan.Float(scan.Get(w, "end"))
		if text != "" {
			t.Words = append(t.Words, llm.Word{Text: text, Start: start, End: end})
		}
		return true
	})
	return t.AnswerAs(r.State), nil
}

func first(list []byte) (v []byte) {
	scan.Elements(list, func(_ int, one []byte) bool { v = one; return false })
	return v
}

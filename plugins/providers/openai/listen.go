package main

import (
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// listen makes the form of a transcription in the vendor's words, with its files at
// the end, as some vendors want them. The state is what is to be answered.
func listen(t *translation) *llm.Fault {
	var files []abi.FormPart
	format, words := "", false
	f := t.each(func(key, name string, v []byte) *llm.Fault {
		switch key {
		case "response_format":
			if format = scan.GetString(v); !llm.TranscriptFormats[format] {
				return llm.Refuse(key, "must be json, verbose_json, text, srt or vtt with this provider")
			}
			return nil
		case "timestamp_granularities":
			scan.Elements(v, func(_ int, g []byte) bool { words = words || scan.Is(g, "word"); return true })
			return nil
		case "stream":
			if on, _ := scan.Bool(v); on {
				return llm.Refuse(key, "is not supported: the provider answers with whole transcripts")
			}
			return nil
		case "user":
			return nil
		}
		if scan.Kind(v) != '[' {
			t.part(&files, name, v)
		}
		scan.Elements(v, func(_ int, one []byte) bool { t.part(&files, name, one); return true })
		return nil
	})
	if f == nil && len(files) == 0 {
		f = llm.Refuse("file", "is required")
	}
	t.reply.Form = append(t.reply.Form, files...)
	t.reply.State = llm.TranscriptState(format, words)
	return f
}

// part adds a field to the form, or a file to those that follow.
func (t *translation) part(files *[]abi.FormPart, name string, v []byte) {
	p := llm.FormPart(name, v)
	if p.File != nil {
		*files = append(*files, p)
		return
	}
	t.reply.Form = append(t.reply.Form, p)
}

// decodeTranscript reads a transcript with its words: text, language, duration and words.
func decodeTranscript(r *abi.DecodeRequest) (*abi.DecodeReply, error) {
	return llm.ReadTranscript(r, "the provider", "language", "duration")
}

package main

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"strconv"
	"strings"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// pixel is a PNG of one transparent pixel.
const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

// media makes the LocalAnswer of speech, transcripts and pictures: a quarter of a
// second of silence, what file came, and pixels.
func media(w *wish, r *abi.EncodeRequest) ([]byte, error) {
	format := scan.GetString(r.Body, "response_format")
	b := append(w.begin(200), `,"body":{"answer":`...)
	switch r.Endpoint {
	case abi.Speech:
		if format != "" && format != "wav" {
			return nil, refuse("response_format", "must be wav: echo makes nothing else")
		}
		if r.Stream {
			return nil, refuse("stream_format", "must be audio: echo makes no events of speech")
		}
		b = append(base64.StdEncoding.AppendEncode(append(b, '"'), silence()), '"')
	case abi.Transcriptions, abi.Translations:
		if !llm.TranscriptFormats[format] || r.Stream {
			return nil, refuse("response_format", "must be json, verbose_json, text, srt or vtt, whole")
		}
		file := scan.Get(r.Body, "file")
		size, _ := scan.GetInt(file, "size")
		b = scan.AppendString(b, "I heard "+scan.GetString(file, "filename")+", "+strconv.FormatInt(size, 10)+" bytes.")
		b = scan.AppendString(append(b, `,"format":`...), format)
	default:
		n, err := pictures(r)
		if err != nil {
			return nil, err
		}
		b = append(b, `{"created":0,"data":[`...)
		for i := range n {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(append(append(b, `{"b64_json":"`...), pixel...), `"}`...)
		}
		b = append(b, `]}`...)
	}
	return append(b, `,"usage":{}}}`...), nil
}

// maxPictures is OpenAI's. https://platform.openai.com/docs/api-reference/images/create
const maxPictures = 10

// pictures reads how many are asked for.
func pictures(r *abi.EncodeRequest) (n int64, err error) {
	if r.Stream {
		return 0, refuse("stream", "must be false: echo makes pictures at once")
	}
	if format := scan.GetString(r.Body, "response_format"); format != "" && format != "b64_json" {
		return 0, refuse("response_format", "must be b64_json: echo has no place to keep a picture")
	}
	n = 1
	if raw := scan.Get(r.Body, "n"); !scan.IsNull(raw) {
		return wholeNumber("n", raw, 1, maxPictures)
	}
	return n, nil
}

// silence is a WAV file of 8 kHz, 8 bits, mono.
// http://soundfile.sapp.org/doc/WaveFormat/
func silence() []byte {
	const samples = 2000
	b := binary.LittleEndian.AppendUint32([]byte("RIFF"), 36+samples)
	b = append(b, "WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x40\x1f\x00\x00\x01\x00\x08\x00data"...)
	b = binary.LittleEndian.AppendUint32(b, samples)
	return append(b, bytes.Repeat([]byte{0x80}, samples)...)
}

// decodeMedia takes apart what media has made.
func decodeMedia(r *abi.DecodeRequest) *abi.DecodeReply {
	answer := scan.Get(r.Body, "answer")
	switch r.Endpoint {
	case abi.Speech:
		return &abi.DecodeReply{Body: answer, ContentType: "audio/wav", Base64: true}
	case abi.Transcriptions, abi.Translations:
		t := llm.Transcript{Text: answer, Language: "en"}
		text, _ := scan.String(answer)
		for i, word := range strings.Fields(text) {
			t.Words = append(t.Words, llm.Word{Text: word, Start: float64(i) / 2, End: float64(i+1) / 2})
		}
		return t.Answer(scan.GetString(r.Body, "format"), true)
	}
	return &abi.DecodeReply{Body: answer}
}

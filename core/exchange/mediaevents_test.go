package exchange_test

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/pdk/abi"
)

const eventHead = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nConnection: close\r\n\r\n"

// joined is what a member of the events says, one after another: how a guarded text is cut into events depends on when they arrive.
func joined(events, member string) string {
	text := ""
	for _, m := range regexp.MustCompile(`"`+member+`":"([^"]*)"`).FindAllStringSubmatch(events, -1) {
		text += m[1]
	}
	return text
}

func TestMedia_Events(t *testing.T) {
	const delta = "event: transcript.text.delta\ndata: {\"type\":\"transcript.text.delta\",\"delta\":%q,\"logprobs\":[{\"token\":%q}]}\n\n"
	const end = "event: transcript.text.done\ndata: {\"type\":\"transcript.text.done\",\"text\":\"to zanzibar\",\"usage\":{\"input_tokens\":14,\"output_tokens\":45}}\n\n"
	first, second := fmt.Sprintf(delta, "to zanzibar", "zan"), fmt.Sprintf(delta, " now", " now")
	t.Run("as they came", func(t *testing.T) {
		r := newStudio(t, map[string]string{"input": "100.00", "output": "10.00"}, nil)
		r.answer(r.raw(eventHead, first, second, end))
		got, entries := r.form(r.key("1.00", core.Limits{}), abi.Transcriptions, "model", "m", "file!a.wav", wave(1), "stream", "true")
		if got.body.String() != first+second+end {
			t.Errorf("got %s", got.body.String())
		}
		if e := entries[0]; len(entries) != 1 || !e.Stream || e.Outcome != core.OutcomeOK || e.Usage.Input != 14 || e.Usage.Output != 45 || e.Amount.String() != "0.00185" || e.Unpriced || e.FirstByte == 0 {
			t.Errorf("%+v", entries[0])
		}
	})
	t.Run("guarded", func(t *testing.T) {
		r := newStudio(t, map[string]string{"second": "1.00"}, swapping("zanzibar", "***"))
		r.answer(r.raw(eventHead, first, second, end))
		got, _ := r.form(r.key("", core.Limits{}), abi.Transcriptions, "model", "m", "file!a.wav", wave(1), "stream", "true")
		text := got.body.String()
		if strings.Contains(text, "zan") || strings.Count(text, "***") != 2 || joined(text, "delta") != "to *** now" || !strings.Contains(text, `"text":"to ***"`) || !strings.Contains(text, `"output_tokens":45`) || strings.Contains(text, "[DONE]") {
			t.Errorf("got %s", text)
		}
	})
	t.Run("speakers guarded", func(t *testing.T) {
		const piece = "event: transcript.text.segment\ndata: {\"type\":\"transcript.text.segment\",\"id\":\"seg\",\"speaker\":\"A\",\"start\":0.50,\"text\":%q}\n\n"
		r := newStudio(t, map[string]string{"second": "1.00"}, swapping("zanzibar", "***"))
		r.answer(r.raw(eventHead, fmt.Sprintf(piece, "to zanz"), fmt.Sprintf(piece, "ibar now"), end))
		got, _ := r.form(r.key("", core.Limits{}), abi.Transcriptions, "model", "m", "file!a.wav", wave(1), "stream", "true")
		if text := got.body.String(); strings.Contains(text, "zan") || strings.Contains(text, "ibar") || !strings.HasPrefix(joined(text, "text"), "to *** now") {
			t.Errorf("got %s", text)
		}
	})
	t.Run("cut before the end", func(t *testing.T) {
		r := newStudio(t, map[string]string{"second": "1.00"}, nil)
		r.answer(r.raw(eventHead, first))
		got, entries := r.form(r.key("", core.Limits{}), abi.Transcriptions, "model", "m", "file!a.wav", wave(2), "stream", "true")
		if text := got.body.String(); !strings.HasPrefix(text, first+`data: {"error":`) || entries[0].Outcome != core.OutcomeFailed || entries[0].Usage.Milliseconds != 2000 {
			t.Errorf("got %s, %+v", text, entries[0])
		}
	})
	t.Run("of a model that cannot stream", func(t *testing.T) {
		r := newStudio(t, map[string]string{"second": "1.00"}, nil)
		r.answer(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"text":"x"}`)
		})
		if got, _ := r.form(r.key("", core.Limits{}), abi.Transcriptions, "model", "m", "file!a.wav", wave(1), "stream", "true"); got.status != 200 || got.body.String() != `{"text":"x"}` {
			t.Errorf("%d %s", got.status, got.body.String())
		}
	})
	t.Run("of speech", func(t *testing.T) {
		r := newStudio(t, map[string]string{"input": "1.00", "output": "1.00"}, nil)
		text := "data: {\"type\":\"speech.audio.delta\",\"audio\":\"AAAA\"}\n\ndata: {\"type\":\"speech.audio.done\",\"usage\":{\"input_tokens\":3,\"output_tokens\":7}}\n\n"
		r.answer(r.raw(eventHead, text))
		got, entries := r.ask(r.key("", core.Limits{}), abi.Speech, `{"model":"m","voice":"v","input":"hi there","stream_format":"sse"}`)
		if e := entries[0]; got.body.String() != text || e.Usage.Input != 3 || e.Usage.Output != 7 || e.Usage.Characters != 8 || e.Unpriced || e.Amount.String() != "0.00001" {
			t.Errorf("%s %+v", got.body.String(), entries[0])
		}
	})
	t.Run("of speech, guarded", func(t *testing.T) {
		r := newStudio(t, map[string]string{"character": "1.00"}, swapping("zanzibar", "***"))
		text := "data: {\"type\":\"speech.audio.delta\",\"audio\":\"AAzanzibarAA\"}\n\ndata: {\"type\":\"speech.audio.done\",\"usage\":{\"input_tokens\":3,\"output_tokens\":7}}\n\n"
		r.answer(r.raw(eventHead, text))
		if got, _ := r.ask(r.key("", core.Limits{}), abi.Speech, `{"model":"m","voice":"v","input":"hi","stream_format":"sse"}`); got.body.String() != text {
			t.Errorf("the sound has changed: %s", got.body.String())
		}
	})
	t.Run("of pictures", func(t *testing.T) {
		r := newStudio(t, map[string]string{"input": "1.00", "output": "1.00"}, nil)
		text := "event: image_edit.partial_image\ndata: {\"type\":\"image_edit.partial_image\",\"b64_json\":\"AAAA\"}\n\n" +
			"event: image_edit.completed\ndata: {\"type\":\"image_edit.completed\",\"b64_json\":\"BBBB\",\"usage\":{\"input_tokens\":3,\"output_tokens\":7}}\n\n"
		r.answer(r.raw(eventHead, text))
		got, entries := r.form(r.key("", core.Limits{}), abi.ImageEdits, "model", "m", "image[]!a.png", "P", "prompt", "p", "stream", "true")
		if got.body.String() != text || entries[0].Outcome != core.OutcomeOK || entries[0].Usage.Output != 7 {
			t.Errorf("%s %+v", got.body.String(), entries[0])
		}
	})
}

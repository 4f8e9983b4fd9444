package exchange_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/exchange"
	"github.com/tokligence/gateway/core/guard"
	"github.com/tokligence/gateway/core/routing"
	"github.com/tokligence/gateway/pdk/abi"
)

// studio is a provider of OpenAI's endpoints of sound and pictures.
type studio struct{ passthrough }

func (p studio) Plan(_ context.Context, r *abi.PlanRequest) (*abi.PlanReply, error) {
	return &abi.PlanReply{Supported: true, URL: p.base, Auth: abi.Auth{Scheme: abi.AuthBearer},
		Request:  abi.RequestPlan{Mode: abi.Passthrough, Form: true},
		Response: abi.ResponsePlan{Mode: abi.Passthrough}, Stream: abi.StreamPlan{Mode: abi.Passthrough},
		Usage: abi.UsagePaths{Input: []string{"usage.input_tokens"}, Output: []string{"usage.output_tokens"}, Seconds: []string{"usage.seconds"}}}, nil
}

// newStudio is a rig with a studio, whose model has the rates in dollars per million.
func newStudio(t *testing.T, rates map[string]string, guards *guard.Chain) *rig {
	t.Helper()
	r := newRig(t, core.Deployment{}, nil)
	price := &core.Price{ID: "p"}
	for name, dollars := range rates {
		rate, err := core.ParseRate(dollars)
		if err != nil {
			t.Fatal(err)
		}
		*map[string]**core.Rate{"input": &price.Rates.Input, "output": &price.Rates.Output, "audio_input": &price.Rates.AudioInput, "audio_output": &price.Rates.AudioOutput,
			"image_input": &price.Rates.ImageInput, "image_output": &price.Rates.ImageOutput, "character": &price.Rates.Character, "second": &price.Rates.Second, "image": &price.Rates.Image}[name] = &rate
	}
	d := &core.Deployment{Name: "dep", Provider: "provider.test", Model: "vendor-model", AllowPrivate: true, Retries: 1, Timeouts: core.Timeouts{StreamIdle: 200 * time.Millisecond}}
	target, err := exchange.NewTarget(t.Context(), exchange.Target{Deployment: d, Price: price, State: new(routing.States).Of("dep"), AllowPrivate: true,
		Credential: &core.Credential{Name: "c", Fields: map[string]string{"api_key": "k"}}}, studio{passthrough{base: r.url}})
	if err != nil {
		t.Fatal(err)
	}
	r.exchanger.Swap(&exchange.Snapshot{Routes: map[string]*exchange.Route{"m": exchange.NewRoute(core.Model{Name: "m"}, []*exchange.Target{target}, nil, guards)}})
	return r
}

// wave is a WAV file of whole seconds, 16,000 bytes each.
func wave(seconds int) string {
	b := []byte("RIFF\x00\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x80\x3e\x00\x00\x02\x00\x10\x00data")
	return string(binary.LittleEndian.AppendUint32(b, uint32(seconds*16000))) + strings.Repeat("\x00", seconds*16000)
}

// parts writes a form of names and values; a name with a ! is a file of that name.
func parts(fields ...string) (contentType, body string) {
	var b strings.Builder
	w := multipart.NewWriter(&b)
	for i := 0; i < len(fields); i += 2 {
		var part io.Writer
		var err error
		if name, filename, ok := strings.Cut(fields[i], "!"); ok {
			part, err = w.CreateFormFile(name, filename)
		} else {
			part, err = w.CreateFormField(fields[i])
		}
		if err != nil {
			panic(err)
		}
		_, _ = io.WriteString(part, fields[i+1]) // a Builder takes everything
	}
	_ = w.Close()
	return w.FormDataContentType(), b.String()
}

// form sends a form and returns what the client saw and the entries.
func (r *rig) form(p *core.Principal, endpoint abi.Endpoint, fields ...string) (*recorder, []*core.LedgerEntry) {
	kind, body := parts(fields...)
	c := &recorder{}
	r.exchanger.Do(context.Background(), p, &exchange.Request{Endpoint: endpoint, Body: []byte(body), Arrived: time.Now(),
		Header: func(name string) string { return map[string]string{"content-type": kind}[name] }}, c)
	return c, r.entries(p)
}

// heard is what a vendor read of a form, a part a line.
func heard(t *testing.T, req *http.Request, body string) (list string) {
	t.Helper()
	_, boundary, _ := strings.Cut(req.Header.Get("Content-Type"), "boundary=")
	reader := multipart.NewReader(strings.NewReader(body), boundary)
	for {
		p, err := reader.NextRawPart()
		if err == io.EOF {
			return list
		}
		if err != nil {
			t.Fatalf("%v in %.300q", err, body)
		}
		content, err := io.ReadAll(p)
		if err != nil {
			t.Fatal(err)
		}
		if len(content) > 40 {
			content = fmt.Appendf(nil, "%d bytes", len(content))
		}
		list += fmt.Sprintf("%s %q %s %s\n", p.FormName(), p.FileName(), p.Header.Get("Content-Type"), content)
	}
}

func TestMedia_FormIsMadeAnew(t *testing.T) {
	r := newStudio(t, map[string]string{"second": "100.00"}, nil)
	var seen []string
	r.answer(func(w http.ResponseWriter, req *http.Request) {
		seen = append(seen, heard(t, req, <-r.bodies))
		if len(seen) == 1 {
			w.WriteHeader(500)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"text":"hello","usage":{"type":"duration","seconds":2.4}}`)
	})
	got, entries := r.form(r.key("1.00", core.Limits{}), abi.Transcriptions, "model", "m", "file!a.wav", wave(3), "timestamp_granularities[]", "word", "timestamp_granularities[]", "segment", "temperature", "0.20", "future", "x")
	want := "model \"\"  vendor-model\nfile \"a.wav\" application/octet-stream 48044 bytes\ntimestamp_granularities[] \"\"  word\ntimestamp_granularities[] \"\"  segment\ntemperature \"\"  0.20\nfuture \"\"  x\n"
	if len(seen) != 2 || seen[0] != want || seen[1] != want {
		t.Errorf("sent\n%s\nwant\n%s", strings.Join(seen, "\n"), want)
	}
	if got.status != 200 || got.body.String() != `{"text":"hello","usage":{"type":"duration","seconds":2.4}}` || got.head.ContentType != "" {
		t.Errorf("got %d %q %s", got.status, got.head.ContentType, got.body.String())
	}
	if len(entries) != 1 || entries[0].Usage.Milliseconds != 2400 || entries[0].Amount.String() != "0.00024" || entries[0].Unpriced || entries[0].Usage.Estimated() {
		t.Errorf("%+v", entries[0])
	}
}

func TestMedia_Refused(t *testing.T) {
	file := []string{"file!a.wav", "x"}
	for _, c := range []struct {
		name     string
		endpoint abi.Endpoint
		fields   []string
		says     string
	}{
		{"no file", abi.Transcriptions, []string{"model", "m"}, "file is required"},
		{"a file that is none", abi.Transcriptions, []string{"model", "m", "file", `{"$file":0}`}, "file has the wrong type"},
		{"two files", abi.Transcriptions, append([]string{"model", "m", "file!b.wav", "y"}, file...), "file has the wrong type"},
		{"two models", abi.Transcriptions, append([]string{"model", "m", "model", "dear"}, file...), "model must be"},
		{"a model in another case", abi.Transcriptions, append([]string{"model", "m", "Model", "dear"}, file...), "must be written model"},
		{"two wishes to stream", abi.Transcriptions, append([]string{"model", "m", "stream", "true", "stream[]", "false"}, file...), "stream must be"},
		{"no prompt", abi.ImageEdits, []string{"model", "m", "image!a.png", "x"}, "prompt is required"},
		{"words in a file", abi.Transcriptions, append([]string{"model", "m", "prompt!p.txt", "zanzibar"}, file...), "prompt must be text"},
		{"words in files", abi.Transcriptions, append([]string{"model", "m", "include[]", "logprobs", "include[]!p.txt", "zanzibar"}, file...), "include must be text"},
		{"n pictures", abi.ImageEdits, []string{"model", "m", "image!a.png", "x", "prompt", "p", "n", "many"}, "n must be"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newStudio(t, map[string]string{"second": "1.00"}, nil)
			got, entries := r.form(r.key("", core.Limits{}), c.endpoint, c.fields...)
			if got.status != 400 || !strings.Contains(got.body.String(), c.says) || r.hits.Load() != 0 || len(entries) != 0 {
				t.Errorf("%d %s, %d calls", got.status, got.body.String(), r.hits.Load())
			}
		})
	}
	r := newStudio(t, nil, nil)
	if got, _ := r.ask(r.key("", core.Limits{}), abi.Transcriptions, `{"model":"m","file":{"$file":0}}`); got.status != 415 || r.hits.Load() != 0 {
		t.Errorf("JSON is taken for a form: %d %s", got.status, got.body.String())
	}
}

// TestMedia_JSONEdits: pictures that are named in JSON stay there, and one that
// pretends to be a file of a form is none.
func TestMedia_JSONEdits(t *testing.T) {
	r := newStudio(t, map[string]string{"input": "1.00", "output": "1.00"}, nil)
	r.answer(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"data":[{"b64_json":"AA"}]}`) })
	got, _ := r.ask(r.key("", core.Limits{}), abi.ImageEdits, `{"model":"m","prompt":"p","images":[{"file_id":"f"},{"$file":0}]}`)
	if sent := <-r.bodies; got.status != 200 || sent != `{"model":"vendor-model","prompt":"p","images":[{"file_id":"f"},{"$file":0}]}` {
		t.Errorf("%d, sent %s", got.status, sent)
	}
}

const srt = "1\r\n00:00:00,000 --> 00:00:01,500\r\nHello zanzibar\r\n\r\n2\r\n00:00:01,500 --> 00:00:02,000\r\n- who\r\n- me\r\n"

func TestMedia_TextStays(t *testing.T) {
	for _, c := range []struct{ kind, text string }{
		{"text/plain; charset=utf-8", "zanzibar\n"}, {"text/plain", srt}, {"text/vtt", "WEBVTT\n\n00:00.000 --> 00:01.000\nzanzibar\n"}, {"text/plain", "42"}, {"text/plain", ""},
	} {
		r := newStudio(t, map[string]string{"second": "1.00"}, nil)
		r.answer(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", c.kind)
			_, _ = io.WriteString(w, c.text)
		})
		got, entries := r.form(r.key("1.00", core.Limits{}), abi.Translations, "model", "m", "file!a.wav", wave(3), "response_format", "srt")
		if got.status != 200 || got.head.ContentType != c.kind || got.body.String() != c.text {
			t.Errorf("got %d %q %q", got.status, got.head.ContentType, got.body.String())
		}
		if len(entries) != 1 || entries[0].Usage.Milliseconds != 3000 || entries[0].Amount.String() != "0.000003" || !entries[0].Usage.Estimated() {
			t.Errorf("%+v", entries[0])
		}
	}
}

// swaps is a guardrail that replaces a word and holds back enough of a stream to see it whole.
type swaps struct{ old, new string }

func (s swaps) Inspect(_ context.Context, r *abi.InspectRequest) (*abi.InspectReply, error) {
	reply := &abi.InspectReply{Verdict: abi.Allow, Hold: len(s.old) - 1}
	for _, seg := range r.Segments {
		if strings.Contains(seg.Text, s.old) {
			reply.Verdict = abi.Rewrite
			reply.Segments = append(reply.Segments, abi.SegmentText{ID: seg.ID, Text: strings.ReplaceAll(seg.Text, s.old, s.new)})
		}
	}
	return reply, nil
}

func swapping(old, new string) *guard.Chain {
	return guard.NewChain([]guard.Attachment{{GuardrailAttachment: core.GuardrailAttachment{Name: "g", Stages: []string{"input", "output", "stream"}}, Guardrail: swaps{old, new}}},
		nil, slog.New(slog.DiscardHandler))
}

// TestMedia_Guarded: the text of forms, subtitles and transcripts goes through the guardrails.
func TestMedia_Guarded(t *testing.T) {
	r := newStudio(t, map[string]string{"second": "1.00"}, swapping("zanzibar", "***"))
	var sent string
	answer := func(kind, text string) {
		r.answer(func(w http.ResponseWriter, req *http.Request) {
			sent = heard(t, req, <-r.bodies)
			w.Header().Set("Content-Type", kind)
			_, _ = io.WriteString(w, text)
		})
	}
	answer("text/plain", srt)
	got, entries := r.form(r.key("", core.Limits{}), abi.Transcriptions, "model", "m", "file!zanzibar.wav", wave(1), "prompt", "zanzibar speaks")
	if strings.Contains(sent, "zanzibar") || !strings.Contains(sent, "prompt \"\"  *** speaks\n") || !strings.Contains(sent, `"***.wav"`) {
		t.Errorf("sent %s", sent)
	}
	if got.body.String() != strings.ReplaceAll(srt, "zanzibar", "***") || len(entries) != 1 {
		t.Errorf("got %q", got.body.String())
	}
	answer("application/json", `{"text":"to zanzibar","words":[{"word":"zan"},{"word":"zibar"}],"logprobs":[{"token":"zan"}],"segments":[{"text":"to zanzibar","tokens":[1,2],"start":0.50}]}`)
	got, _ = r.form(r.key("", core.Limits{}), abi.Transcriptions, "model", "m", "file!a.wav", wave(1))
	if want := `{"text":"to ***","logprobs":[],"segments":[{"text":"to ***","start":0.50}]}`; got.body.String() != want {
		t.Errorf("got %s, want %s", got.body.String(), want)
	}
}

const speak = `{"model":"m","voice":"v","input":"zwölf Bo\u0308te 🚣"}` // 13 characters

func TestMedia_Speech(t *testing.T) {
	const mp3 = "ID3\x04\r\n\x00sound and more sound"
	for _, c := range []struct {
		name, head string
		length     int64
	}{
		{"with a length", fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\nContent-Length: %d\r\n\r\n", len(mp3)), int64(len(mp3))},
		{"until the connection ends", "HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\nConnection: close\r\n\r\n", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newStudio(t, map[string]string{"character": "15.00"}, nil)
			r.answer(r.raw(c.head, mp3[:9], "WAIT", mp3[9:])) // the second half is sent when the client has some of the first
			got, entries := r.ask(r.key("1.00", core.Limits{}), abi.Speech, speak)
			if got.status != 200 || got.head.ContentType != "audio/mpeg" || got.head.Length != c.length || got.body.String() != mp3 || got.broken {
				t.Errorf("%d %+v %q", got.status, got.head, got.body.String())
			}
			if e := entries[0]; len(entries) != 1 || e.Outcome != core.OutcomeOK || e.Usage.Characters != 13 || e.Usage.InputTokens()+e.Usage.OutputTokens() != 0 ||
				e.Amount.String() != "0.000195" || e.Unpriced || e.Usage.Estimated() || e.FirstByte == 0 {
				t.Errorf("%+v", entries[0])
			}
		})
	}
}

// TestMedia_SpeechByTokens: a model that is sold by tokens and reports none is estimated, upward.
func TestMedia_SpeechByTokens(t *testing.T) {
	r := newStudio(t, map[string]string{"input": "1.00", "audio_output": "10.00"}, nil)
	r.answer(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "sound") })
	_, entries := r.ask(r.key("1.00", core.Limits{}), abi.Speech, speak)
	if e := entries[0]; e.Usage.AudioOutput != 30 || !e.Usage.Estimated() || e.Unpriced || e.Usage.Characters != 13 {
		t.Errorf("%+v", entries[0])
	}
	r = newStudio(t, nil, nil)
	r.answer(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "sound") })
	if _, entries = r.ask(r.key("", core.Limits{}), abi.Speech, speak); !entries[0].Unpriced {
		t.Errorf("no price is a price: %+v", entries[0])
	}
}

// TestMedia_SpeechBreaks: whatever ends the sound before its end, the client sees
// that it is not whole, and what the vendor has done is paid.
func TestMedia_SpeechBreaks(t *testing.T) {
	const head = "HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\nContent-Length: 100\r\n\r\n"
	for _, c := range []struct {
		name  string
		parts []string
		code  core.Code
		got   string
	}{
		{"the vendor hangs up", []string{head, "half of it"}, core.CodeUpstreamUnavailable, "half of i"},
		{"the vendor falls silent", []string{head, "half of it", "WAIT", "WAIT"}, core.CodeUpstreamTimeout, "half of i"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newStudio(t, map[string]string{"character": "15.00"}, nil)
			r.answer(r.raw(c.parts...))
			got, entries := r.ask(r.key("1.00", core.Limits{}), abi.Speech, speak)
			close(r.flushed)
			if !got.broken || got.body.String() != c.got {
				t.Errorf("broken %v, got %q", got.broken, got.body.String())
			}
			if e := entries[0]; len(entries) != 1 || e.Outcome != core.OutcomeFailed || e.ErrorCode != c.code || e.Usage.Characters != 13 || e.Amount == 0 {
				t.Errorf("%+v", entries[0])
			}
		})
	}
}

// TestMedia_SpeechUncommitted: the last byte waits for the ledger.
func TestMedia_SpeechUncommitted(t *testing.T) {
	r := newStudio(t, map[string]string{"character": "15.00"}, nil)
	r.answer(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "sound")
		_ = http.NewResponseController(w).Flush()
		<-r.flushed
		r.broken.Store(true)
	})
	got, _ := r.ask(r.key("1.00", core.Limits{}), abi.Speech, speak)
	r.broken.Store(false)
	if !got.broken || got.body.String() != "soun" {
		t.Errorf("broken %v, got %q", got.broken, got.body.String())
	}
}

func TestMedia_SpeechClientLeaves(t *testing.T) {
	r := newStudio(t, map[string]string{"character": "15.00"}, nil)
	gone := make(chan struct{})
	r.answer(func(w http.ResponseWriter, req *http.Request) {
		_, _ = io.WriteString(w, "sound")
		_ = http.NewResponseController(w).Flush()
		<-req.Context().Done() // the gateway hangs up on the vendor
		close(gone)
	})
	p := r.key("1.00", core.Limits{})
	r.do(context.Background(), p, abi.Speech, speak, &recorder{onFlush: func(string) error { return errors.New("gone") }})
	<-gone
	if e := r.entries(p)[0]; e.Outcome != core.OutcomeClientClosed || e.Usage.Characters != 13 || e.Amount.String() != "0.000195" {
		t.Errorf("%+v", e)
	}
}

// TestMedia_BrokenPicture: a picture that broke off is billed, whatever another try brings.
func TestMedia_BrokenPicture(t *testing.T) {
	r := newStudio(t, map[string]string{"image": "40000"}, nil)
	first := r.raw("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n", `{"data":[{"b64_json":"AA`)
	r.answer(func(w http.ResponseWriter, req *http.Request) {
		if r.hits.Load() == 1 {
			first(w, req)
			return
		}
		_, _ = io.WriteString(w, `{"data":[{"b64_json":"AAAA"}]}`)
	})
	got, entries := r.ask(r.key("1.00", core.Limits{}), abi.Images, `{"model":"m","prompt":"p"}`)
	if e := entries[0]; got.status != 200 || len(entries) != 1 || len(e.Attempts) != 2 || e.Attempts[0].Amount.String() != "0.04" || e.Amount.String() != "0.08" {
		t.Errorf("%d %+v", got.status, entries[0])
	}
}

// TestMedia_PicturesHeld: the pictures of a form are input.
func TestMedia_PicturesHeld(t *testing.T) {
	for budget, status := range map[string]int{"14.05": 200, "14": 402} { // 7000 tokens each at $1000 a million
		r := newStudio(t, map[string]string{"input": "1000.00", "output": "0"}, nil)
		r.answer(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"data":[]}`) })
		if got, _ := r.form(r.key(budget, core.Limits{}), abi.ImageEdits, "model", "m", "image[]!a.png", "P", "image[]!b.png", "P", "prompt", "p"); got.status != status {
			t.Errorf("%s: %d %s", budget, got.status, got.body.String())
		}
	}
}

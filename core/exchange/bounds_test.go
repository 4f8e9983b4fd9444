package exchange_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// TestBounds: what a request can cost is held before the vendor is called, though nothing
// caps what is made of it. The budgets are a little more and a little less than that.
func TestBounds(t *testing.T) {
	const dollar = "1000.00" // a thousandth for each
	for _, c := range []struct {
		name          string
		rates         map[string]string
		endpoint      abi.Endpoint
		body          string // "" is a form with a recording of 3 seconds
		enough, short string
	}{
		{"by the character", map[string]string{"character": dollar}, abi.Speech, speak, "0.013", "0.012"},
		{"by the second", map[string]string{"second": dollar}, abi.Transcriptions, "", "0.003", "0.002"},
		{"a transcript", map[string]string{"input": "0", "output": dollar}, abi.Transcriptions, "", "1.072", "1.071"}, // 1024 and 16 a second
		{"what is heard, and asked", map[string]string{"audio_input": dollar, "input": dollar, "output": "0"}, abi.Translations, "", "0.23", "0.15"},
		{"letters", map[string]string{"input": "0", "audio_output": dollar}, abi.Speech, `{"model":"m","voice":"v","input":"Hi you"}`, "0.292", "0.291"}, // 256 and 6 each
		{"signs", map[string]string{"input": "0", "audio_output": dollar}, abi.Speech, `{"model":"m","voice":"v","input":"你好 1!"}`, "0.310", "0.309"},    // 12 each
		{"all that a model says", map[string]string{"input": "0", "audio_output": dollar}, abi.Speech, `{"model":"m","voice":"v","input":"` + strings.Repeat("a", 9999) + `"}`, "16.384", "16.383"},
		{"a picture", map[string]string{"input": "0", "image_output": dollar}, abi.Images, `{"model":"m","prompt":"p"}`, "7.030", "7.029"},
		{"of a usual size", map[string]string{"input": "0", "image_output": dollar}, abi.Images, `{"model":"m","prompt":"p","size":"1536x1024","quality":"high"}`, "7.030", "7.029"},
		{"of the largest", map[string]string{"input": "0", "image_output": dollar}, abi.Images, `{"model":"m","prompt":"p","size":"3840x2160"}`, "13.342", "13.341"},
		{"of a size that there is none", map[string]string{"input": "0", "image_output": dollar}, abi.Images, `{"model":"m","prompt":"p","size":"99999x99999"}`, "23.719", "23.718"},
		{"a sheet of pictures", map[string]string{"input": "0", "image_output": dollar}, abi.Images, `{"model":"m","prompt":"p","output_format":"gif"}`, "23.719", "23.718"},
		{"two, shown half done", map[string]string{"input": "0", "image_output": dollar}, abi.Images, `{"model":"m","prompt":"p","n":2,"partial_images":3,"stream":true}`, "14.660", "14.659"},
		{"drawn upon", map[string]string{"input": "0", "image_input": dollar, "image_output": "0"}, abi.ImageEdits, `{"model":"m","prompt":"p","images":[{"file_id":"f"},{"file_id":"g"}]}`, "14", "13.999"},
		{"drawn upon, by the piece", map[string]string{"image": dollar}, abi.ImageEdits, `{"model":"m","prompt":"p","n":2,"images":[{"file_id":"f"},{"file_id":"g"}]}`, "0.004", "0.003"},
		{"a ranking reads its query with each document", map[string]string{"input": dollar}, abi.Rerank, `{"model":"m","query":"a b c d e f g h i j","documents":["k","l","m"]}`, "0.033", "0.032"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for budget, status := range map[string]int{c.enough: 200, c.short: 402} {
				r := newStudio(t, c.rates, nil)
				r.answer(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{}`) })
				var got *recorder
				if c.body != "" {
					got, _ = r.ask(r.key(budget, core.Limits{}), c.endpoint, c.body)
				} else {
					got, _ = r.form(r.key(budget, core.Limits{}), c.endpoint, "model", "m", "file!a.wav", wave(3))
				}
				if got.status != status || (r.hits.Load() == 0) != (status == 402) {
					t.Errorf("budget %s: %d %s, %d calls", budget, got.status, got.body.String(), r.hits.Load())
				}
			}
		})
	}
}

// writer is a provider whose plugin has a model of language listen and speak, and says
// whether its output can be capped.
type writer struct {
	reader
	cap string
}

func (p writer) Plan(ctx context.Context, r *abi.PlanRequest) (*abi.PlanReply, error) {
	plan, err := p.reader.Plan(ctx, r)
	plan.Supported, plan.Request.OutputCap = true, p.cap
	return plan, err
}

func (writer) Encode(_ context.Context, r *abi.EncodeRequest, _ *[]byte) (*abi.EncodeReply, error) {
	return &abi.EncodeReply{Body: r.Body}, nil
}

// TestBounds_Told: whoever could go on is told how much is held for, under a budget; what
// a client caps lower stays.
func TestBounds_Told(t *testing.T) {
	for _, c := range []struct {
		name, cap, budget string
		endpoint          abi.Endpoint
		members           []string // of a form, or a body
		want              int64    // 0 for none
	}{
		{"a transcript", "max_tokens", "9", abi.Transcriptions, []string{"model", "m", "file!a.wav", wave(3)}, 1072},
		{"a translation", "max_tokens", "9", abi.Translations, []string{"model", "m", "file!a.wav", wave(3)}, 1072},
		{"lower already", "max_tokens", "9", abi.Transcriptions, []string{"model", "m", "file!a.wav", wave(3), "max_tokens", "7"}, 7},
		{"too high", "max_tokens", "9", abi.Transcriptions, []string{"model", "m", "file!a.wav", wave(3), "max_tokens", "70000"}, 1072},
		{"no budget", "max_tokens", "", abi.Transcriptions, []string{"model", "m", "file!a.wav", wave(3)}, 0},
		{"no cap", "", "9", abi.Transcriptions, []string{"model", "m", "file!a.wav", wave(3)}, 0},
		{"speech", "max_tokens", "9", abi.Speech, []string{`{"model":"m","voice":"v","input":"Hi you"}`}, 292},
		{"pictures", "max_tokens", "9", abi.Images, []string{`{"model":"m","prompt":"p"}`}, 7030},
		{"nothing is made", "max_tokens", "9", abi.Embeddings, []string{`{"model":"m","input":"p"}`}, 0},
	} {
		r := newRig(t, core.Deployment{}, nil)
		r.through(writer{reader{passthrough{base: r.url}, nil}, c.cap}, rates(t, "input", "1", "output", "1"))
		r.answer(whole(200, `{"text":"a"}`))
		var got *recorder
		if p := r.key(c.budget, core.Limits{}); len(c.members) == 1 {
			got, _ = r.ask(p, c.endpoint, c.members[0])
		} else {
			got, _ = r.form(p, c.endpoint, c.members...)
		}
		sent := []byte(<-r.bodies)
		if n, _ := scan.GetInt(sent, "max_tokens"); got.status != 200 || n != c.want || got.head.MaxOutput > 0 && c.want == 0 {
			t.Errorf("%s: %d, the vendor got %s", c.name, got.status, sent)
		}
	}
}

// TestBounds_Unknown: pictures whose cost has no bound that anybody knows are for who has
// no budget.
func TestBounds_Unknown(t *testing.T) {
	for _, c := range []struct {
		members, budget string
		status          int
		param           string
		unpriced        bool
	}{
		{`"quality":"high"`, "9", 200, "", false},
		{`"quality":"max"`, "9", 403, "quality", false},
		{`"quality":"xhigh"`, "", 200, "", false},
		{`"output_format":"svg"`, "9", 403, "output_format", false},
		{`"output_format":"svg"`, "", 200, "", true},
	} {
		r := newStudio(t, map[string]string{"input": "5", "image_output": "30"}, nil)
		r.answer(whole(200, `{"data":[{"b64_json":"AA"}]}`))
		got, entries := r.ask(r.key(c.budget, core.Limits{}), abi.Images, `{"model":"m","prompt":"p",`+c.members+`}`)
		switch {
		case got.status != c.status || c.param != "" && !strings.Contains(got.body.String(), `"param":"`+c.param+`"`):
			t.Errorf("%s: %d %s", c.members, got.status, got.body.String())
		case c.status == 200 && entries[0].Unpriced != c.unpriced:
			t.Errorf("%s: %+v", c.members, entries[0])
		}
	}
}

// Package vectortest walks the test vectors of a provider plugin: txtar files
// of testdata/vectors, one exchange each. Its sections, all but the first two
// optional:
//
//	setup.json           endpoint, stream, deployment, drop_params, and the vendor's status and headers
//	request.json         what the client sent, canonical
//	url.txt              where it went, when Encode says so
//	vendor_request.json  what Encode made of it
//	notices.txt          what Encode told, one a line
//	vendor_answer.json   what the vendor answered, whole; with a status that is not 2xx, its error
//	vendor_events.jsonl  or as a stream: {"name":…,"data":…} a line
//	answer.json          what Decode made of it
//	chunks.jsonl         what DecodeEvents made of it
//	usage.json           the usage reported
//	model.txt            the served model, when reported
//	error.json           the refusal or failure; of DecodeError the whole reply
//	incomplete.txt       present when the stream ends without Done
//
// A provider whose plan is Local needs no vendor_ sections but
// vendor_request.json, which is its LocalAnswer.
//
// JSON is compared byte for byte, white space aside, so that numbers keep their
// digits and members their order. go test -update writes the sections anew.
package vectortest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/tokligence/gateway/pdk/abi"
	pdk "github.com/tokligence/gateway/pdk/go"
)

var update = flag.Bool("update", false, "write the expected sections of the vectors anew")

// setup is the section of that name.
type setup struct {
	Endpoint   abi.Endpoint   `json:"endpoint"`
	Stream     bool           `json:"stream"`
	Deployment abi.Deployment `json:"deployment"`
	DropParams []string       `json:"drop_params"`
	Status     int            `json:"status"`
	Headers    abi.Headers    `json:"headers"`
}

// Run walks every vector of dir with providers made by newProvider, a fresh one
// for each call: nothing may live in an instance.
func Run(t *testing.T, newProvider func() *pdk.Provider, dir string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no vectors in %s: %v", dir, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			v := load(t, file)
			v.new = newProvider
			v.walk(t)
			v.compare(t, file)
		})
	}
}

type vector struct {
	archive *txtar.Archive
	setup   setup
	new     func() *pdk.Provider
	got     map[string][]byte
}

// given are the sections that a vector tells, all others are expected.
var given = []string{"setup.json", "request.json", "vendor_answer.json", "vendor_events.jsonl"}

func load(t *testing.T, file string) *vector {
	t.Helper()
	a, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	v := &vector{archive: a, got: map[string][]byte{}}
	v.setup.Endpoint = abi.Chat
	d := json.NewDecoder(bytes.NewReader(v.section("setup.json")))
	d.DisallowUnknownFields()
	if err := d.Decode(&v.setup); err != nil {
		t.Fatalf("setup.json: %v", err)
	}
	return v
}

// section is nil when absent.
func (v *vector) section(name string) []byte {
	for _, f := range v.archive.Files {
		if f.Name == name {
			return f.Data
		}
	}
	return nil
}

func (v *vector) walk(t *testing.T) {
	state := ""
	if body := v.section("request.json"); body != nil {
		reply, err := v.new().Encode(&abi.EncodeRequest{Endpoint: v.setup.Endpoint, Stream: v.setup.Stream,
			Deployment: v.setup.Deployment, DropParams: v.setup.DropParams, Body: bytes.TrimSpace(body)})
		if err != nil {
			v.failed(t, err)
			return
		}
		v.got["vendor_request.json"] = reply.Body
		v.text("url.txt", reply.URL)
		v.text("notices.txt", strings.Join(reply.Notices, "\n"))
		state = reply.State
		if v.isLocal(t) {
			v.local(t, reply)
			return
		}
	}
	switch answer, events := v.section("vendor_answer.json"), v.section("vendor_events.jsonl"); {
	case answer != nil && (v.setup.Status < 200 || v.setup.Status > 299) && v.setup.Status != 0:
		v.decodeError(t, answer)
	case answer != nil:
		v.decode(t, answer, state)
	case events != nil:
		v.decodeEvents(t, parseEvents(t, events), state)
	}
}

func (v *vector) isLocal(t *testing.T) bool {
	plan, err := v.new().Plan(&abi.PlanRequest{Endpoint: v.setup.Endpoint, Stream: v.setup.Stream, Deployment: v.setup.Deployment})
	if err != nil {
		t.Fatalf("plan: %v", err)
	}
	return plan.Local
}

// local does what the host does with a LocalAnswer, without its delays.
func (v *vector) local(t *testing.T, reply *abi.EncodeReply) {
	var a abi.LocalAnswer
	d := json.NewDecoder(bytes.NewReader(reply.Body))
	d.DisallowUnknownFields()
	if err := d.Decode(&a); err != nil {
		t.Fatalf("not a LocalAnswer: %v in %s", err, reply.Body)
	}
	switch {
	case a.Status > 299:
	case a.Body != nil:
		v.decode(t, a.Body, reply.State)
	case a.Events != nil:
		events := make([]abi.Event, len(a.Events))
		for i := range a.Events {
			events[i] = a.Events[i].Event
		}
		v.decodeEvents(t, events, reply.State)
	}
}

func (v *vector) decodeError(t *testing.T, answer []byte) {
	reply, err := v.new().DecodeError(&abi.DecodeErrorRequest{Status: v.setup.Status, Headers: v.setup.Headers, Body: bytes.TrimSpace(answer)})
	if err != nil {
		t.Fatalf("decode_error: %v", err)
	}
	v.json(t, "error.json", reply)
}

func (v *vector) decode(t *testing.T, answer []byte, state string) {
	reply, err := v.new().Decode(&abi.DecodeRequest{Endpoint: v.setup.Endpoint, Deployment: v.setup.Deployment,
		Status: 200, Headers: v.setup.Headers, State: state, Body: bytes.TrimSpace(answer)})
	if err != nil {
		v.failed(t, err)
		return
	}
	v.got["answer.json"] = reply.Body
	v.told(t, reply.Usage, reply.Model)
}

func (v *vector) told(t *testing.T, u *abi.Usage, model string) {
	if u != nil {
		v.json(t, "usage.json", u)
	}
	v.text("model.txt", model)
}

func parseEvents(t *testing.T, text []byte) (events []abi.Event) {
	for line := range bytes.Lines(text) {
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		var e abi.Event
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatalf("vendor_events.jsonl: %v in %s", err, line)
		}
		events = append(events, e)
	}
	return events
}

func (v *vector) decodeEvents(t *testing.T, events []abi.Event, state string) {
	singly := make([]int, len(events))
	for i := range singly {
		singly[i] = i + 1
	}
	want := v.relay(t, events, state, singly)
	for _, cuts := range groupings(len(events)) {
		if got := v.relay(t, events, state, cuts); !bytes.Equal(got.chunks, want.chunks) || got.rest != want.rest {
			t.Errorf("events cut at %v mean something else:\n%s%s\nsingly:\n%s%s", cuts, got.chunks, got.rest, want.chunks, want.rest)
		}
	}
	if len(want.chunks) > 0 {
		v.got["chunks.jsonl"] = want.chunks
	}
	v.told(t, want.usage, want.model)
	switch {
	case want.err != nil:
		v.json(t, "error.json", want.err)
	case !want.done:
		v.text("incomplete.txt", "yes")
	}
}

// meaning is what a stream came to.
type meaning struct {
	chunks []byte
	usage  *abi.Usage
	model  string
	err    *abi.Error
	done   bool
	rest   string // all but chunks, for comparing
}

// relay reads the events in groups that end at the cuts, until an error; the
// last call says that the stream has ended.
func (v *vector) relay(t *testing.T, events []abi.Event, state string, cuts []int) (m meaning) {
	from := 0
	for _, to := range append(slices.Clone(cuts), len(events)) {
		end := to == len(events) && from == to
		reply, err := v.new().DecodeEvents(&abi.DecodeEventsRequest{Endpoint: v.setup.Endpoint, State: state, Events: events[from:to], End: end})
		if err != nil {
			t.Fatalf("decode_events: %v", err)
		}
		from, state = to, reply.State
		for _, c := range reply.Chunks {
			m.chunks = append(append(m.chunks, c...), '\n')
		}
		m.usage = merged(t, m.usage, reply.Usage)
		if reply.Model != "" {
			m.model = reply.Model
		}
		m.done = m.done || reply.Done
		if m.err = reply.Error; m.err != nil {
			break
		}
	}
	rest, err := json.Marshal([]any{m.usage, m.model, m.err, m.done})
	if err != nil {
		t.Fatal(err)
	}
	m.rest = string(rest)
	return m
}

// merged is what the host knows after a report: a later number replaces the
// earlier one, an absent one keeps it.
func merged(t *testing.T, known, report *abi.Usage) *abi.Usage {
	if report == nil || known == nil {
		return cmp.Or(report, known)
	}
	b, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	u := *known
	if err := json.Unmarshal(b, &u); err != nil {
		t.Fatal(err)
	}
	return &u
}

// groupings are all ways to cut a short list, and all pairs of cuts of a long one.
func groupings(n int) (all [][]int) {
	if n <= 8 {
		for mask := range 1 << max(n-1, 0) {
			var cuts []int
			for i := 1; i < n; i++ {
				if mask>>(i-1)&1 == 1 {
					cuts = append(cuts, i)
				}
			}
			all = append(all, append(cuts, n))
		}
		return all
	}
	for i := 1; i <= n; i++ {
		for j := i; j <= n; j++ {
			all = append(all, slices.Compact([]int{i, j, n}))
		}
	}
	return all
}

func (v *vector) failed(t *testing.T, err error) {
	t.Helper()
	var e *abi.Error
	if !errors.As(err, &e) {
		t.Fatalf("not an abi.Error: %v", err)
	}
	v.json(t, "error.json", e)
}

func (v *vector) json(t *testing.T, name string, d any) {
	t.Helper()
	b, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	v.got[name] = b
}

func (v *vector) text(name, s string) {
	if s != "" {
		v.got[name] = []byte(s)
	}
}

// compare holds what came out against the vector, also what must not be there.
func (v *vector) compare(t *testing.T, file string) {
	for name, b := range v.got {
		if strings.HasSuffix(name, ".json") && !json.Valid(b) {
			t.Errorf("%s is not JSON: %s", name, b)
		}
		v.got[name] = pretty(name, b)
	}
	if *update {
		v.rewrite(t, file)
		return
	}
	for name, b := range v.got {
		if want := v.section(name); want == nil {
			t.Errorf("%s is not in the vector:\n%s", name, b)
		} else if want = pretty(name, want); !bytes.Equal(b, want) {
			t.Errorf("%s\n got: %s\nwant: %s", name, b, want)
		}
	}
	for _, f := range v.archive.Files {
		if _, ok := v.got[f.Name]; !ok && !slices.Contains(given, f.Name) {
			t.Errorf("nothing came for %s, want:\n%s", f.Name, f.Data)
		}
	}
}

func (v *vector) rewrite(t *testing.T, file string) {
	order := []string{"setup.json", "request.json", "url.txt", "vendor_request.json", "notices.txt", "vendor_answer.json", "vendor_events.jsonl",
		"answer.json", "chunks.jsonl", "usage.json", "model.txt", "error.json", "incomplete.txt"}
	out := &txtar.Archive{Comment: v.archive.Comment}
	for _, name := range order {
		data := v.got[name]
		if slices.Contains(given, name) {
			data = v.section(name)
		}
		if data != nil {
			out.Files = append(out.Files, txtar.File{Name: name, Data: data})
		}
	}
	if err := os.WriteFile(file, txtar.Format(out), 0o644); err != nil {
		t.Fatal(err)
	}
}

// pretty brings text to the form that it has in a file.
func pretty(name string, b []byte) []byte {
	b = bytes.TrimSpace(b)
	var out bytes.Buffer
	if !strings.HasSuffix(name, ".json") || json.Indent(&out, b, "", "  ") != nil {
		out.Reset()
		out.Write(b)
	}
	out.WriteByte('\n')
	return out.Bytes()
}

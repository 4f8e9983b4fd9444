// Package vector plays test vectors of provider plugins: txtar files with one
// exchange each, as in testdata/vectors. The same file holds a plugin to the same
// answers natively and on any carrier. Its sections, all but the first optional:
//
//	setup.json           endpoint, stream, deployment, drop_params, and the vendor's status and headers
//	request.json         what the client sent, canonical
//	url.txt              where it went, when Encode says so
//	vendor_request.json  what Encode made of it
//	vendor_form.json     or the form
//	vendor_file.json     or the file that is the body
//	notices.txt          what Encode told, one a line
//	vendor_answer.json   what the vendor answered, whole; with a status that is not 2xx, its error
//	vendor_events.jsonl  or as a stream: {"name":…,"data":…} a line
//	answer.json          what Decode made of it
//	content_type.txt     of an answer that is not JSON
//	chunks.jsonl         what DecodeEvents made of it
//	usage.json           the usage reported
//	model.txt            the served model, when reported
//	error.json           the refusal or failure; of DecodeError the whole reply
//	incomplete.txt       present when the stream ends without Done
//	session.jsonl        or a realtime session, whose id is "s": {"client":…} or {"vendor":…} a line, of whom it comes
//	relay.jsonl          what Converse made of it, for whom: each with the line that it came of, 0 for the opening
//
// A provider whose plan is Local needs no vendor_ sections but
// vendor_request.json, which is its LocalAnswer.
//
// JSON is compared byte for byte, white space aside, so that numbers keep their
// digits and members their order. A stream's events are given to the plugin in
// every grouping, which must mean the same.
package vector

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
	"github.com/tokligence/gateway/pdk/abi/wire"
)

// Call makes one call of a configured plugin, with the documents of package abi.
// A refusal is an *abi.Error. The output may be kept until the vector ends.
type Call func(f abi.Function, input []byte) (output []byte, err error)

const setupSection = "setup.json"

// Is reports whether the archive is such a vector.
func Is(a *txtar.Archive) bool {
	return slices.ContainsFunc(a.Files, func(f txtar.File) bool { return f.Name == setupSection })
}

// Play walks through the vector. The problems are what the plugin may not do or
// what was expected otherwise, also what should not be there; played is the
// vector with what came out in the place of what was expected, nil when it could
// not be played to its end.
func Play(a *txtar.Archive, call Call) (played *txtar.Archive, problems []string) {
	v := &vector{archive: a, call: call, setup: setup{Endpoint: abi.Chat}, got: map[string][]byte{}}
	if err := v.walk(); err != nil {
		return nil, append(v.problems, err.Error())
	}
	v.compare()
	return v.played(), v.problems
}

// setup is the section of that name.
type setup struct {
	Endpoint   abi.Endpoint   `json:"endpoint"`
	Stream     bool           `json:"stream"`
	Deployment abi.Deployment `json:"deployment"`
	DropParams []string       `json:"drop_params"`
	Status     int            `json:"status"`
	Headers    abi.Headers    `json:"headers"`
}

type vector struct {
	archive  *txtar.Archive
	call     Call
	setup    setup
	got      map[string][]byte
	problems []string
}

func (v *vector) fail(format string, args ...any) {
	v.problems = append(v.problems, fmt.Sprintf(format, args...))
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

// ask makes a call and reads the reply.
func ask[Q, R any](v *vector, f abi.Function, q *Q, write func([]byte, *Q) []byte, parse func([]byte, *R) error) (*R, error) {
	out, err := v.call(f, write(nil, q))
	if err != nil {
		return nil, err
	}
	r := new(R)
	if err = scan.Valid(out); err == nil {
		err = parse(out, r)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w in %s", f, err, out)
	}
	return r, nil
}

// strictly reads a document that has no members but those of to.
func strictly(b []byte, to any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	return d.Decode(to)
}

func (v *vector) walk() error {
	if err := strictly(v.section(setupSection), &v.setup); err != nil {
		return fmt.Errorf("%s: %w", setupSection, err)
	}
	if messages := v.section(sessionSection); messages != nil {
		return v.converse(messages)
	}
	state := ""
	if body := v.section("request.json"); body != nil {
		reply, err := ask(v, abi.Encode, &abi.EncodeRequest{Endpoint: v.setup.Endpoint, Stream: v.setup.Stream,
			Deployment: v.setup.Deployment, DropParams: v.setup.DropParams, Body: bytes.TrimSpace(body)}, wire.AppendEncodeRequest, wire.ParseEncodeReply)
		if err != nil {
			return v.failed(err)
		}
		v.sent(reply)
		v.text("url.txt", reply.URL)
		v.text("notices.txt", strings.Join(reply.Notices, "\n"))
		if local, err := v.isLocal(); err != nil {
			return err
		} else if local {
			return v.local(reply)
		}
		state = reply.State
	}
	switch answer, events := v.section("vendor_answer.json"), v.section("vendor_events.jsonl"); {
	case answer != nil && (v.setup.Status < 200 || v.setup.Status > 299) && v.setup.Status != 0:
		return v.decodeError(answer)
	case answer != nil:
		return v.decode(answer, state)
	case events != nil:
		list, err := parseEvents(events)
		if err != nil {
			return err
		}
		return v.decodeEvents(list, state)
	}
	return nil
}

// sent is the request that Encode made: one of a body, a form or a file.
func (v *vector) sent(reply *abi.EncodeReply) {
	switch {
	case reply.Form != nil:
		v.json("vendor_form.json", reply.Form)
	case reply.File != nil:
		v.json("vendor_file.json", reply.File)
	default:
		v.got["vendor_request.json"] = reply.Body
	}
}

func (v *vector) isLocal() (bool, error) {
	write := func(dst []byte, q *abi.PlanRequest) []byte {
		b, err := json.Marshal(q)
		if err != nil {
			panic(err) // of a document that was read from JSON
		}
		return append(dst, b...)
	}
	plan, err := ask(v, abi.Plan, &abi.PlanRequest{Endpoint: v.setup.Endpoint, Stream: v.setup.Stream, Deployment: v.setup.Deployment},
		write, func(b []byte, r *abi.PlanReply) error { return json.Unmarshal(b, r) })
	return err == nil && plan.Local, err
}

// local does what the host does with a LocalAnswer, without its delays.
func (v *vector) local(reply *abi.EncodeReply) error {
	var a abi.LocalAnswer
	if err := strictly(reply.Body, &a); err != nil {
		return fmt.Errorf("not a LocalAnswer: %w in %s", err, reply.Body)
	}
	switch {
	case a.Status > 299:
	case a.Body != nil:
		return v.decode(a.Body, reply.State)
	case a.Events != nil:
		events := make([]abi.Event, len(a.Events))
		for i := range a.Events {
			events[i] = a.Events[i].Event
		}
		return v.decodeEvents(events, reply.State)
	}
	return nil
}

func (v *vector) decodeError(answer []byte) error {
	reply, err := ask(v, abi.DecodeError, &abi.DecodeErrorRequest{Endpoint: v.setup.Endpoint, Status: v.setup.Status, Headers: v.setup.Headers, Body: bytes.TrimSpace(answer)},
		wire.AppendDecodeErrorRequest, wire.ParseDecodeErrorReply)
	if err != nil {
		return err
	}
	v.json("error.json", reply)
	return nil
}

func (v *vector) decode(answer []byte, state string) error {
	reply, err := ask(v, abi.Decode, &abi.DecodeRequest{Endpoint: v.setup.Endpoint, Deployment: v.setup.Deployment,
		Status: 200, Headers: v.setup.Headers, State: state, Body: bytes.TrimSpace(answer)}, wire.AppendDecodeRequest, wire.ParseDecodeReply)
	if err != nil {
		return v.failed(err)
	}
	v.got["answer.json"] = reply.Body
	v.text("content_type.txt", reply.ContentType)
	if reply.WaveRate > 0 {
		v.got["content_type.txt"] = fmt.Appendf(nil, "%s, with the head of samples at %d a second", reply.ContentType, reply.WaveRate)
	}
	v.told(reply.Usage, reply.Model)
	return nil
}

func (v *vector) told(u *abi.Usage, model string) {
	if u != nil {
		v.json("usage.json", u)
	}
	v.text("model.txt", model)
}

// failed keeps a refusal; any other error ends the vector.
func (v *vector) failed(err error) error {
	var e *abi.Error
	if !errors.As(err, &e) {
		return err
	}
	v.json("error.json", e)
	return nil
}

func (v *vector) json(name string, d any) {
	b, err := json.Marshal(d)
	if err != nil {
		v.fail("%s: %v", name, err)
	}
	v.got[name] = b
}

func (v *vector) text(name, s string) {
	if s != "" {
		v.got[name] = []byte(s)
	}
}

// order is that of the sections in a file; given are those that a vector tells,
// all others are expected.
var (
	order = []string{setupSection, "request.json", "url.txt", "vendor_request.json", "vendor_form.json", "vendor_file.json", "notices.txt", "vendor_answer.json", "vendor_events.jsonl",
		"answer.json", "content_type.txt", "chunks.jsonl", sessionSection, relaySection, "usage.json", "model.txt", "error.json", "incomplete.txt"}
	given = []string{setupSection, "request.json", "vendor_answer.json", "vendor_events.jsonl", sessionSection}
)

// compare holds what came out against the vector, also what must not be there.
func (v *vector) compare() {
	for _, name := range order {
		b, came := v.got[name]
		if !came {
			continue
		}
		if strings.HasSuffix(name, ".json") && !json.Valid(b) {
			v.fail("%s is not JSON: %s", name, b)
		}
		b = pretty(name, b)
		v.got[name] = b
		if want := v.section(name); want == nil {
			v.fail("%s is not in the vector:\n%s", name, b)
		} else if want = pretty(name, want); !bytes.Equal(b, want) {
			v.fail("%s\n got: %s\nwant: %s", name, b, want)
		}
	}
	for _, f := range v.archive.Files {
		if _, came := v.got[f.Name]; !came && !slices.Contains(given, f.Name) {
			v.fail("nothing came for %s, want:\n%s", f.Name, f.Data)
		}
	}
}

func (v *vector) played() *txtar.Archive {
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
	return out
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

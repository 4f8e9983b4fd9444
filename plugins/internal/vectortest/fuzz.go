package vectortest

import (
	"testing"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
	pdk "github.com/tokligence/gateway/pdk/go"
)

// Targets are what a codec is fuzzed for: every endpoint with every model.
type Targets struct {
	Endpoints []abi.Endpoint
	Models    []string // nil is one of no name
	Events    []string // names of a stream's events; nil is none
	// State reports whether a stream may be in such a state; nil allows any.
	State func(string) bool
}

func (t Targets) each(call func(abi.Endpoint, abi.Deployment)) {
	for _, model := range orNone(t.Models) {
		for _, endpoint := range t.Endpoints {
			call(endpoint, abi.Deployment{Model: model})
		}
	}
}

func orNone(names []string) []string {
	if names == nil {
		return []string{""}
	}
	return names
}

// FuzzEncode: whatever a client sends is refused or becomes JSON.
func FuzzEncode(f *testing.F, newProvider func() *pdk.Provider, targets Targets, seeds ...string) {
	f.Helper()
	for _, s := range append(seeds, request(1)) {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if scan.Valid(body) != nil {
			return
		}
		targets.each(func(endpoint abi.Endpoint, d abi.Deployment) {
			reply, err := newProvider().Encode(&abi.EncodeRequest{Endpoint: endpoint, Deployment: d, Body: body})
			if err == nil && scan.Valid(reply.Body) != nil {
				t.Fatalf("%s became %s", body, reply.Body)
			}
		})
	})
}

// FuzzDecode: whatever a vendor answers is a failure or becomes JSON, whatever
// state a stream is in.
func FuzzDecode(f *testing.F, newProvider func() *pdk.Provider, targets Targets, state string, seeds ...string) {
	f.Helper()
	for _, s := range seeds {
		f.Add([]byte(s), state)
	}
	f.Fuzz(func(t *testing.T, body []byte, state string) {
		if scan.Valid(body) != nil || targets.State != nil && !targets.State(state) {
			return
		}
		p := newProvider()
		targets.each(func(endpoint abi.Endpoint, d abi.Deployment) {
			if reply, err := p.Decode(&abi.DecodeRequest{Endpoint: endpoint, Deployment: d, State: state, Body: body}); err == nil && scan.Valid(reply.Body) != nil {
				t.Fatalf("%s became %s", body, reply.Body)
			}
			for _, name := range orNone(targets.Events) {
				if p.DecodeEvents != nil {
					decodeTwice(t, p, &abi.DecodeEventsRequest{Endpoint: endpoint, State: state, Events: []abi.Event{{Name: name, Data: body}, {Name: name, Data: body}}, End: true})
				}
			}
		})
		if _, err := p.DecodeError(&abi.DecodeErrorRequest{Status: 400, Body: body}); err != nil {
			t.Fatal(err)
		}
	})
}

func decodeTwice(t *testing.T, p *pdk.Provider, r *abi.DecodeEventsRequest) {
	reply, err := p.DecodeEvents(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range reply.Chunks {
		if scan.Valid(c) != nil {
			t.Fatalf("%s became %s", r.Events[0].Data, c)
		}
	}
}

// FuzzConverse: whatever a client and a vendor say to each other is refused or becomes
// JSON, and so does the session's state.
func FuzzConverse(f *testing.F, newProvider func() *pdk.Provider, model string, clients, vendors []string) {
	f.Helper()
	for _, client := range clients {
		for _, vendor := range vendors {
			f.Add([]byte(client), []byte(vendor))
		}
	}
	f.Fuzz(func(t *testing.T, client, vendor []byte) {
		if scan.Valid(client) != nil || scan.Valid(vendor) != nil || scan.Kind(client) != '{' || scan.Kind(vendor) != '{' {
			return
		}
		s := &session{t: t, provider: newProvider(), model: model}
		s.say(nil, nil)
		for range 2 {
			for _, begun := range [...]string{`{"type":"input_audio_buffer.append","audio":"AAAA"}`, `{"type":"response.create"}`} {
				s.say(client, nil)
				s.say([]byte(begun), nil)
				s.say(nil, vendor)
			}
		}
	})
}

type session struct {
	t        *testing.T
	provider *pdk.Provider
	model    string
	state    abi.Raw
}

func (s *session) say(client, vendor []byte) {
	reply, err := s.provider.Converse(&abi.ConverseRequest{Deployment: abi.Deployment{Model: s.model}, Session: "s", State: s.state, Client: client, Vendor: vendor})
	if err != nil {
		return
	}
	for _, made := range append(append([]abi.Raw{reply.State}, reply.ToVendor...), reply.ToClient...) {
		if scan.Kind(made) != '{' || scan.Valid(made) != nil {
			s.t.Fatalf("%s, %s became %s", client, vendor, made)
		}
	}
	s.state = append(abi.Raw(nil), reply.State...)
}

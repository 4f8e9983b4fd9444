package vectortest

import (
	"testing"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
	pdk "github.com/tokligence/gateway/pdk/go"
)

// FuzzEncode: whatever a client sends is refused or becomes JSON.
func FuzzEncode(f *testing.F, newProvider func() *pdk.Provider, models []string, endpoints []abi.Endpoint, seeds ...string) {
	f.Helper()
	for _, s := range append(seeds, request(1)) {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if scan.Valid(body) != nil {
			return
		}
		for _, model := range models {
			for _, endpoint := range endpoints {
				reply, err := newProvider().Encode(&abi.EncodeRequest{Endpoint: endpoint, Deployment: abi.Deployment{Model: model}, Body: body})
				if err == nil && scan.Valid(reply.Body) != nil {
					t.Fatalf("%s became %s", body, reply.Body)
				}
			}
		}
	})
}

// FuzzDecode: whatever a vendor answers is a failure or becomes JSON, whatever
// state a stream is in.
func FuzzDecode(f *testing.F, newProvider func() *pdk.Provider, endpoints []abi.Endpoint, state string, seeds ...string) {
	f.Helper()
	for _, s := range seeds {
		f.Add([]byte(s), state)
	}
	f.Fuzz(func(t *testing.T, body []byte, state string) {
		if scan.Valid(body) != nil {
			return
		}
		p := newProvider()
		for _, endpoint := range endpoints {
			if reply, err := p.Decode(&abi.DecodeRequest{Endpoint: endpoint, State: state, Body: body}); err == nil && scan.Valid(reply.Body) != nil {
				t.Fatalf("%s became %s", body, reply.Body)
			}
			if p.DecodeEvents != nil {
				decodeTwice(t, p, endpoint, state, body)
			}
		}
		if _, err := p.DecodeError(&abi.DecodeErrorRequest{Status: 400, Body: body}); err != nil {
			t.Fatal(err)
		}
	})
}

func decodeTwice(t *testing.T, p *pdk.Provider, endpoint abi.Endpoint, state string, body []byte) {
	reply, err := p.DecodeEvents(&abi.DecodeEventsRequest{Endpoint: endpoint, State: state, Events: []abi.Event{{Data: body}, {Data: body}}, End: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range reply.Chunks {
		if scan.Valid(c) != nil {
			t.Fatalf("%s became %s", body, c)
		}
	}
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"testing"

	"github.com/tokligence/gateway/core/plugin"
	"github.com/tokligence/gateway/core/plugin/prochost"
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/conformance"
	"github.com/tokligence/gateway/pdk/process"
)

// TestMain lets the test's own program be the plugin: the carrier starts it
// with the handshake's cookie.
func TestMain(m *testing.M) {
	if os.Getenv(process.CookieKey) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

func start(t *testing.T, config string) (plugin.Plugin, error) {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	code, err := prochost.New().Open(t.Context(), plugin.Source{ID: "guardrail.cards", Path: path})
	if err != nil {
		t.Fatal(err)
	}
	p, err := code.Start(t.Context(), plugin.Setup{Config: json.RawMessage(config)})
	if err == nil {
		t.Cleanup(func() { p.Close(context.Background()) })
	}
	return p, err
}

// The numbers are the well-known test numbers of card networks.
func TestInspect(t *testing.T) {
	p, err := start(t, `{"mask":"#"}`)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, text, want string // want "": left alone
		stage            abi.Stage
		final            bool
		hold             int
	}{
		{"plain", "pay 4111111111111111 now", "pay # now", abi.StageInput, false, 0},
		{"blanks and hyphens", "4111 1111 1111 1111, 3782-822463-10005", "#, #", abi.StageOutput, false, 0},
		{"wrong check digit", "4111111111111112", "", abi.StageInput, false, 0},
		{"too short", "411111111111", "", abi.StageInput, false, 0},
		{"part of a longer number", "41111111111111110000000", "", abi.StageInput, false, 0},
		{"stream", "it is 4111 1111 11", "", abi.StageStream, false, longest},
		{"stream, the rest came", "it is 4111 1111 1111 1111.", "it is #.", abi.StageStream, false, longest},
		{"stream's end", "4111111111111111", "#", abi.StageStream, true, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			input, err := json.Marshal(abi.InspectRequest{
				Stage: c.stage, Final: c.final,
				Segments: []abi.Segment{{ID: 1, Kind: "text", Text: "nothing here"}, {ID: 2, Kind: "text", Text: c.text}},
			})
			if err != nil {
				t.Fatal(err)
			}
			out, err := p.Call(t.Context(), abi.Inspect, input, nil)
			if err != nil {
				t.Fatal(err)
			}
			var got abi.InspectReply
			if err := json.Unmarshal(out, &got); err != nil {
				t.Fatal(err)
			}
			if got.Hold != c.hold {
				t.Errorf("hold %d, want %d", got.Hold, c.hold)
			}
			switch {
			case c.want == "" && (got.Verdict != abi.Allow || len(got.Segments) > 0):
				t.Errorf("changed: %s", out)
			case c.want != "" && (got.Verdict != abi.Rewrite || len(got.Segments) != 1 || got.Segments[0] != abi.SegmentText{ID: 2, Text: c.want}):
				t.Errorf("reply %s, want %q", out, c.want)
			}
		})
	}
}

func TestConfigure(t *testing.T) {
	_, err := start(t, `{"mask":"4111111111111111"}`)
	var e *plugin.ConfigError
	if !errors.As(err, &e) || e.Problems[0].Path != "mask" {
		t.Errorf("error %v", err)
	}
}

// TestConformance is what `tokligence plugin test` checks.
func TestConformance(t *testing.T) {
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	conformance.Run(t, conformance.Target{
		Declaration: plugin.Declaration{Source: path, Carrier: "process"},
		Carriers:    map[string]plugin.Carrier{"process": prochost.New()},
	})
}

package main

import (
	"errors"
	"testing"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/plugins/internal/vectortest"
)

func TestVectors(t *testing.T) {
	vectortest.Run(t, New, "../../../testdata/vectors/deepgram")
}

func TestPlan(t *testing.T) {
	for _, c := range []struct {
		endpoint           abi.Endpoint
		base, options, url string
	}{
		{abi.Speech, "", `{}`, "https://api.deepgram.com/v1/speak"},
		{abi.Transcriptions, "https://api.eu.deepgram.com", `{}`, "https://api.eu.deepgram.com/v1/listen"},
		{abi.Translations, "", `{}`, ""},
		{abi.Chat, "", `{}`, ""},
	} {
		p, err := New().Plan(&abi.PlanRequest{Endpoint: c.endpoint, Deployment: abi.Deployment{Model: "m", BaseURL: c.base, Options: abi.Raw(c.options)}})
		if err != nil || p.URL != c.url || p.Supported != (c.url != "") || !p.Supported && p.Reason == "" {
			t.Errorf("%+v: %+v, %v", c, p, err)
		}
	}
	_, err := New().Plan(&abi.PlanRequest{Endpoint: abi.Speech, Deployment: abi.Deployment{Options: abi.Raw(`{"voices":{}}`)}})
	if refused := (*abi.Error)(nil); !errors.As(err, &refused) || refused.Param != "options.voices" {
		t.Errorf("an unknown option: %v", err)
	}
}

package main

import (
	"errors"
	"testing"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/plugins/internal/vectortest"
)

func TestVectors(t *testing.T) {
	vectortest.Run(t, New, "../../../testdata/vectors/elevenlabs")
}

func TestPlan(t *testing.T) {
	for _, c := range []struct {
		endpoint      abi.Endpoint
		base, options string
		url, refused  string
	}{
		{abi.Speech, "", `{}`, "https://api.elevenlabs.io/v1/text-to-speech", ""},
		{abi.Transcriptions, "https://api.eu.residency.elevenlabs.io", `{"voices":{"alloy":"v1"}}`, "https://api.eu.residency.elevenlabs.io/v1/speech-to-text", ""},
		{abi.Realtime, "", `{}`, "https://api.elevenlabs.io/v1/speech-to-text/realtime?model_id=m&audio_format=pcm_24000&commit_strategy=manual", ""},
		{abi.Translations, "", `{}`, "", ""},
		{abi.Chat, "", `{}`, "", ""},
		{abi.Speech, "", `{"voice":"x"}`, "", "options.voice"},
		{abi.Speech, "", `{"voices":["x"]}`, "", "options.voices"},
		{abi.Speech, "", `{"voices":{"alloy":1}}`, "", "options.voices.alloy"},
	} {
		p, err := New().Plan(&abi.PlanRequest{Endpoint: c.endpoint, Deployment: abi.Deployment{Model: "m", BaseURL: c.base, Options: abi.Raw(c.options)}})
		var refused *abi.Error
		if errors.As(err, &refused); (refused == nil) != (c.refused == "") || refused != nil && refused.Param != c.refused {
			t.Errorf("%+v: %v", c, err)
		} else if refused == nil && (p.URL != c.url || p.Supported != (c.url != "") || !p.Supported && p.Reason == "") {
			t.Errorf("%+v: %+v", c, p)
		}
	}
}

package gemini

import (
	"strconv"

	"github.com/tokligence/gateway/pdk/abi/scan"
)

// liveUsage is a usageMetadata as OpenAI's responses have it; nil where there is none.
// The prompt contains the session so far, which every turn pays for again, and what its
// details leave out is text. Thoughts stand beside the response.
// https://ai.google.dev/api/live#UsageMetadata
func liveUsage(raw []byte, spoke bool) []byte {
	if raw == nil {
		return nil
	}
	in := scanCount(raw, "promptTokenCount") + scanCount(raw, "toolUsePromptTokenCount")
	said := scanCount(raw, "responseTokenCount")
	details := scan.Get(raw, "responseTokensDetails")
	if scan.Get(raw, "responseTokenCount") == nil { // Vertex AI's older name
		said, details = scanCount(raw, "candidatesTokenCount"), scan.Get(raw, "candidatesTokensDetails")
	}
	thought := scanCount(raw, "thoughtsTokenCount")
	heard := ofModalities(scan.Get(raw, "promptTokensDetails"), scan.Get(raw, "toolUsePromptTokensDetails")).within(in)
	cached := min(scanCount(raw, "cachedContentTokenCount"), in)
	kept := ofModalities(scan.Get(raw, "cacheTokensDetails"), nil).within(cached)
	sound := min(modality(details, "AUDIO"), said)
	if details == nil && spoke {
		sound = said
	}

	b := scan.AppendName(nil, "total_tokens")
	b = strconv.AppendInt(b, in+said+thought, 10)
	b = strconv.AppendInt(scan.AppendName(b, "input_tokens"), in, 10)
	b = append(scan.AppendName(b, "input_token_details"), '{')
	b = heard.append(b, in)
	b = strconv.AppendInt(scan.AppendName(b, "cached_tokens"), cached, 10)
	b = append(append(kept.append(append(scan.AppendName(b, "cached_tokens_details"), '{'), cached), '}'), '}')
	b = strconv.AppendInt(scan.AppendName(b, "output_tokens"), said+thought, 10)
	b = strconv.AppendInt(append(scan.AppendName(b, "output_token_details"), `{"text_tokens":`...), said+thought-sound, 10)
	b = strconv.AppendInt(append(b, `,"audio_tokens":`...), sound, 10)
	b = strconv.AppendInt(append(b, `,"reasoning_tokens":`...), thought, 10)
	return scan.CloseObject(append(b, '}'), 0)
}

// scanCount is a number of tokens, 0 for none.
func scanCount(raw []byte, name string) int64 {
	n := int64(0)
	number(&n, scan.Get(raw, name))
	return n
}

// senses are tokens of sound and of pictures, still or moving.
type senses struct{ audio, image int64 }

func ofModalities(lists ...[]byte) (s senses) {
	for _, list := range lists {
		s.audio += max(modality(list, "AUDIO"), 0)
		s.image += max(modality(list, "IMAGE")+modality(list, "VIDEO"), 0)
	}
	return s
}

// within holds the parts to what they are parts of.
func (s senses) within(all int64) senses {
	s.audio = min(s.audio, all)
	s.image = min(s.image, all-s.audio)
	return s
}

func (s senses) append(b []byte, all int64) []byte {
	b = strconv.AppendInt(append(b, `"text_tokens":`...), all-s.audio-s.image, 10)
	b = strconv.AppendInt(append(b, `,"audio_tokens":`...), s.audio, 10)
	return strconv.AppendInt(append(b, `,"image_tokens":`...), s.image, 10)
}

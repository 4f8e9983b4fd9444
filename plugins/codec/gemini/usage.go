package gemini

import (
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// readUsage takes usageMetadata apart: promptTokenCount contains the cached
// tokens and those of every modality, candidatesTokenCount does not contain the
// thoughts. Nil when raw is no object.
// https://ai.google.dev/api/generate-content#UsageMetadata
func readUsage(raw []byte) *abi.Usage {
	if scan.Kind(raw) != '{' {
		return nil
	}
	// -1 is not reported.
	prompt, cached, toolUse, candidates, thoughts := int64(-1), int64(0), int64(0), int64(-1), int64(-1)
	var promptAudio, cachedAudio, audioOut, imageOut int64
	scan.Members(raw, func(key, v []byte) bool {
		switch string(key) {
		case "promptTokenCount":
			number(&prompt, v)
		case "cachedContentTokenCount":
			number(&cached, v)
		case "toolUsePromptTokenCount":
			number(&toolUse, v)
		case "candidatesTokenCount":
			number(&candidates, v)
		case "thoughtsTokenCount":
			number(&thoughts, v)
		case "promptTokensDetails":
			promptAudio = modality(v, "AUDIO")
		case "cacheTokensDetails":
			cachedAudio = modality(v, "AUDIO")
		case "candidatesTokensDetails":
			audioOut, imageOut = modality(v, "AUDIO"), modality(v, "IMAGE")
		}
		return true
	})
	u := &abi.Usage{}
	if prompt >= 0 {
		audio := max(promptAudio-cachedAudio, 0)
		u.Input = count(max(prompt-cached-audio, 0) + toolUse)
		u.AudioInput = some(audio)
	}
	cachedAudio = min(cachedAudio, cached)
	u.CacheRead, u.AudioCached = some(cached-cachedAudio), some(cachedAudio)
	if candidates >= 0 || thoughts >= 0 {
		u.Output = count(max(candidates-audioOut-imageOut, 0) + max(thoughts, 0))
		u.AudioOutput, u.ImageOutput = some(audioOut), some(imageOut)
	}
	if thoughts >= 0 {
		u.Reasoning = count(thoughts)
	}
	return u
}

// made is the usage of an answer that is wholly of one kind, pictures or sound: part is
// where its tokens belong, which they do also where no details say so.
func made(u *abi.Usage, part func(u *abi.Usage) **int64) *abi.Usage {
	if u == nil || u.Output == nil || *part(u) != nil {
		return u
	}
	thought := int64(0)
	if u.Reasoning != nil {
		thought = min(*u.Reasoning, *u.Output)
	}
	if n := *u.Output - thought; n > 0 {
		*part(u), u.Output = &n, &thought
	}
	return u
}

func ofImages(u *abi.Usage) **int64 { return &u.ImageOutput }
func ofAudio(u *abi.Usage) **int64  { return &u.AudioOutput }

// number keeps what n was when v is no count.
func number(n *int64, v []byte) {
	if c, ok := scan.Int(v); ok && c >= 0 {
		*n = c
	}
}

func count(n int64) *int64 { return &n }

// some is nil for none.
func some(n int64) *int64 {
	if n == 0 {
		return nil
	}
	return &n
}

// modality sums a kind of tokens in a list of ModalityTokenCount.
func modality(details []byte, kind string) (sum int64) {
	scan.Elements(details, func(_ int, v []byte) bool {
		if scan.GetString(v, "modality") == kind {
			n, _ := scan.GetInt(v, "tokenCount")
			sum += n
		}
		return true
	})
	return sum
}

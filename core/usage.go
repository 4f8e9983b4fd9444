package core

// UsageSource says where a count comes from.
type UsageSource string

// The sources of a count. A reported zero is zero; Unknown is not a count.
const (
	UsageReported  UsageSource = "reported"
	UsageEstimated UsageSource = "estimated"
)

// Usage is what one exchange consumed, in parts that never overlap: the whole
// input is Input + CacheRead + CacheWrite5m + CacheWrite1h (+ AudioInput,
// ImageInput and what of both was cached), the whole output is Output + AudioOutput + ImageOutput.
// Reasoning is the only exception: it is the share of Output that the client
// did not see, told for information and not priced again: where a model has a price of
// reasoning, that is in the place of the output's.
type Usage struct {
	Input        int64 `json:"input"`
	CacheRead    int64 `json:"cache_read,omitempty"`
	CacheWrite5m int64 `json:"cache_write_5m,omitempty"`
	CacheWrite1h int64 `json:"cache_write_1h,omitempty"`
	Output       int64 `json:"output"`
	Reasoning    int64 `json:"reasoning,omitempty"`
	AudioInput   int64 `json:"audio_input,omitempty"`
	AudioOutput  int64 `json:"audio_output,omitempty"`
	ImageInput   int64 `json:"image_input,omitempty"`
	ImageOutput  int64 `json:"image_output,omitempty"`
	AudioCached  int64 `json:"audio_cache_read,omitempty"`
	ImageCached  int64 `json:"image_cache_read,omitempty"`
	Images       int64 `json:"images,omitempty"`       // pictures made
	Milliseconds int64 `json:"milliseconds,omitempty"` // of audio
	Characters   int64 `json:"characters,omitempty"`
	Searches     int64 `json:"searches,omitempty"`
	Messages     int64 `json:"messages,omitempty"` // of text, in a realtime session that is sold by its sound

	InputSource  UsageSource `json:"input_source"`
	OutputSource UsageSource `json:"output_source"`
}

// InputTokens is the whole input, cached parts included: OpenAI's prompt_tokens.
func (u Usage) InputTokens() int64 {
	return u.Input + u.CacheWrite5m + u.CacheWrite1h + u.AudioInput + u.ImageInput + u.Cached()
}

// Cached is the input that was read from a cache, whatever it is: OpenAI's cached_tokens.
func (u Usage) Cached() int64 { return u.CacheRead + u.AudioCached + u.ImageCached }

// OutputTokens is the whole output: OpenAI's completion_tokens.
func (u Usage) OutputTokens() int64 { return u.Output + u.AudioOutput + u.ImageOutput }

// Estimated reports whether any token count is an estimate.
func (u Usage) Estimated() bool {
	return u.InputSource == UsageEstimated || u.OutputSource == UsageEstimated
}

package dialect

import (
	"strconv"

	"github.com/tokligence/gateway/core"
)

// Usage as answers show it. https://platform.openai.com/docs/api-reference

// AppendUsage writes u as the value of an answer's usage.
func (d *Dialect) AppendUsage(dst []byte, u core.Usage) []byte {
	if d.usage == nil {
		return chatUsage(dst, u)
	}
	return d.usage(dst, u)
}

// chatUsage is that of text which is generated.
func chatUsage(dst []byte, u core.Usage) []byte {
	in, out := u.InputTokens(), u.OutputTokens()
	dst = strconv.AppendInt(append(dst, `{"prompt_tokens":`...), in, 10)
	dst = strconv.AppendInt(append(dst, `,"completion_tokens":`...), out, 10)
	dst = strconv.AppendInt(append(dst, `,"total_tokens":`...), in+out, 10)
	dst = strconv.AppendInt(append(dst, `,"prompt_tokens_details":{"cached_tokens":`...), u.Cached(), 10)
	if w := u.CacheWrite5m + u.CacheWrite1h; w > 0 {
		dst = strconv.AppendInt(append(dst, `,"cache_write_tokens":`...), w, 10)
	}
	if audio := u.AudioInput + u.AudioCached; audio > 0 {
		dst = strconv.AppendInt(append(dst, `,"audio_tokens":`...), audio, 10)
	}
	dst = strconv.AppendInt(append(dst, `},"completion_tokens_details":{"reasoning_tokens":`...), u.Reasoning, 10)
	if u.AudioOutput > 0 {
		dst = strconv.AppendInt(append(dst, `,"audio_tokens":`...), u.AudioOutput, 10)
	}
	return append(dst, "}}"...)
}

// vectorUsage is that of what is only read.
func vectorUsage(dst []byte, u core.Usage) []byte {
	dst = strconv.AppendInt(append(dst, `{"prompt_tokens":`...), u.InputTokens(), 10)
	return append(strconv.AppendInt(append(dst, `,"total_tokens":`...), u.InputTokens(), 10), '}')
}

// imageUsage is that of pictures.
func imageUsage(dst []byte, u core.Usage) []byte {
	in, out := u.InputTokens(), u.OutputTokens()
	dst = strconv.AppendInt(append(dst, `{"total_tokens":`...), in+out, 10)
	dst = strconv.AppendInt(append(dst, `,"input_tokens":`...), in, 10)
	dst = strconv.AppendInt(append(dst, `,"output_tokens":`...), out, 10)
	dst = strconv.AppendInt(append(dst, `,"input_tokens_details":{"text_tokens":`...), in-u.ImageInput-u.ImageCached, 10)
	return append(strconv.AppendInt(append(dst, `,"image_tokens":`...), u.ImageInput+u.ImageCached, 10), "}}"...)
}

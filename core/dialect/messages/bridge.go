package messages

import "github.com/tokligence/gateway/core/dialect/bridge"

// Bridge carries the Messages API over chat.
type Bridge struct{}

// FromChat is [FromChat].
func (Bridge) FromChat(dst, answer []byte, a *bridge.Answer) ([]byte, error) {
	return FromChat(dst, answer, a)
}

// Stream is [NewStream].
func (Bridge) Stream(a *bridge.Answer) bridge.Stream {
	return NewStream(a.ID, a.Model, a.Usage.InputTokens())
}

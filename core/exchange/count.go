package exchange

import (
	"time"

	"github.com/tokligence/gateway/core"
)

// uncounted reports whether a vendor does not count: not every one that speaks Messages
// does, nor for every model, nor what is too long for it, of which a client asks how long.
func uncounted(status int, e *core.Error) bool {
	return status == 404 || status == 405 || status == 501 || e.Code == core.CodeNotFound || e.Code == core.CodeContextWindow
}

// countLocally answers count_tokens for a provider that cannot.
func (r *run) countLocally() *core.Error {
	body := append(appendInt([]byte(`{"input_tokens":`), r.facts.inputTokens), '}')
	r.head.Notices = append(r.head.Notices, "input_tokens is an estimate")
	r.attemptStart = time.Time{} // no attempt has answered
	if err := r.settle(core.OutcomeOK, 200, nil); err != nil {
		return err
	}
	return r.writeWhole(body)
}

package exchange

import (
	"bytes"
	"strconv"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/dialect"
	"github.com/tokligence/gateway/core/upstream"
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// nativeErrors is a vendor's shape of errors.
type nativeErrors struct {
	body  []byte
	names map[string]string
}

// compileNativeErrors is nil when a provider's errors are OpenAI's.
func compileNativeErrors(n *abi.NativePlan) *nativeErrors {
	if len(n.ErrorBody) == 0 {
		return nil
	}
	return &nativeErrors{bytes.Clone(n.ErrorBody), n.ErrorNames}
}

// name is what the vendor calls an error of the status.
func (n *nativeErrors) name(status int) string {
	if name := n.names[strconv.Itoa(status)]; name != "" {
		return name
	}
	return n.names[""]
}

// write is the error in the vendor's shape.
func (n *nativeErrors) write(e *core.Error, status int) []byte {
	body := n.body
	for _, f := range [...]struct {
		mark string
		text []byte
	}{
		{`"$message"`, scan.AppendString(nil, core.MaskSecrets(e.Message))},
		{`"$name"`, scan.AppendString(nil, n.name(status))},
		{`"$code"`, scan.AppendString(nil, string(e.Code))},
		{`"$status"`, appendInt(nil, int64(status))},
	} {
		body = bytes.ReplaceAll(body, []byte(f.mark), f.text)
	}
	return body
}

// shapedErrors is the vendor's shape, nil where the endpoint has its own.
func (r *run) shapedErrors() *nativeErrors {
	if r.vendor == nil || r.vendor.route != nil && r.vendor.route.Endpoint != "" {
		return nil
	}
	return r.vendor.errors
}

// errorEvent is the error as the last event of a stream.
func (r *run) errorEvent(e *core.Error) []byte {
	n := r.shapedErrors()
	if n == nil {
		a := r.answerFacts(core.Usage{})
		return dialect.ErrorEvent(nil, r.req.Endpoint, e, r.id, &a, r.events)
	}
	status := e.HTTPStatus()
	return upstream.AppendEvent(nil, r.vendor.route.Framing, upstream.ExceptionMark+n.name(status), n.write(e, status))
}

// RefuseNative answers a native request that never became an exchange.
func (s *Snapshot) RefuseNative(reply Reply, n *Native, e *core.Error, h *Head) {
	endpoint := s.NativeEndpoint(n)
	var errors *nativeErrors
	if p := s.natives[n.Provider]; p != nil && endpoint == abi.Native {
		errors = p.errors
	}
	writeError(reply, endpoint, errors, e, h)
}

package upstream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"

	"github.com/tokligence/gateway/core"
)

// ErrNotSent is in the chain of errors of requests that never left: no vendor
// has billed them.
var ErrNotSent = errors.New("the request was not sent")

// What clients are told of a failed connection.
const (
	cannotConnect = "the provider cannot be reached"
	brokeBefore   = "the connection to the provider broke before it answered"
	brokeWithin   = "the connection to the provider broke in the middle of its answer"
)

// fault gives an error its code. A context that has ended is told as it is. An
// end of the connection where none may be has io.ErrUnexpectedEOF in its chain.
func fault(ctx context.Context, err error, what string) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var e *core.Error
	if errors.As(err, &e) {
		return e
	}
	if isTimeout(err) {
		return core.Errorf(core.CodeUpstreamTimeout, core.SourceUpstream, "the provider took too long").With(err)
	}
	var dns *net.DNSError
	if errors.As(err, &dns) {
		what = "the name of the provider's host cannot be resolved"
	}
	if what == brokeWithin && !errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("%w: %w", io.ErrUnexpectedEOF, err)
	}
	return core.Errorf(core.CodeUpstreamUnavailable, core.SourceUpstream, "%s", what).With(err)
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &n) && n.Timeout()
}

// malformed is the error for an answer that breaks the protocol.
func malformed(what string) *core.Error {
	return core.Errorf(core.CodeUpstreamUnavailable, core.SourceUpstream, "the provider's answer is malformed: %s", what)
}

// cut is the end of a connection where more must come.
func cut(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

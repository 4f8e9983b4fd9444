package prochost

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/tokligence/gateway/core/plugin"
	"github.com/tokligence/gateway/core/plugin/guestlog"
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/process"
	"github.com/tokligence/gateway/pdk/process/proto"
)

// instance is one process with its connection.
type instance struct {
	id      string // the plugin's
	proc    *program
	client  *goplugin.Client
	calls   grpc.BidiStreamingClient[proto.CallRequest, proto.CallReply]
	cancel  context.CancelFunc // ends calls
	stderr  *guestlog.Capture
	timeout time.Duration // of one call
	output  int64
	number  uint64 // of the last call
}

// starting stands in a fault where no function has been called yet.
const starting abi.Function = "start"

// launch starts a process and shakes hands with it. Its error is a
// *plugin.Fault of kind exit, with what the program wrote.
func (c *code) launch(ctx context.Context, s *plugin.Setup) (*instance, error) {
	if err := check(c.source.Path, c.source.SHA256); err != nil {
		return nil, &plugin.Fault{Plugin: s.ID, Function: starting, Kind: plugin.FaultExit, Err: err}
	}
	streaming, cancel := context.WithCancel(context.WithoutCancel(ctx))
	i := &instance{
		id:      s.ID,
		cancel:  cancel,
		stderr:  guestlog.New(s.Log),
		timeout: c.source.Limits.Timeout,
		output:  c.source.Limits.OutputBytes,
	}
	timed, done := context.WithTimeoutCause(ctx, c.startTimeout, fmt.Errorf("no handshake within %v", c.startTimeout))
	defer done()
	stop := func() bool { return true }
	i.client = i.newClient(2*c.startTimeout, func(_ hclog.Logger, cmd *exec.Cmd, dir string) (runner.Runner, error) {
		proc, err := start(c.source.Path, cmd.Env)
		if err != nil {
			return nil, errors.Join(err, os.Remove(dir))
		}
		i.proc = proc
		stop = context.AfterFunc(timed, proc.kill) // go-plugin starts without a context
		return proc, nil
	})
	err := i.connect(streaming)
	if !stop() {
		err = context.Cause(timed)
	}
	if err != nil {
		i.end(0)
		if words := i.stderr.Last(); words != "" {
			err = fmt.Errorf("%w; its last words: %s", err, words[strings.LastIndexByte(words, '\n')+1:])
		}
		return nil, i.failed(ctx, starting, plugin.FaultExit, fmt.Errorf("%s: %w", c.source.Path, err))
	}
	return i, nil
}

// connect starts the program through go-plugin and opens the stream.
func (i *instance) connect(ctx context.Context) error {
	conn, err := i.client.Client()
	if err != nil {
		return err
	}
	// A reply may be as large as the output and an error's few lines.
	limit := grpc.MaxCallRecvMsgSize(int(min(i.output+64<<10, math.MaxInt32)))
	i.calls, err = proto.NewPluginClient(conn.(*goplugin.GRPCClient).Conn).Calls(ctx, limit)
	return err
}

// newClient prepares go-plugin. It does not look at the file: check has.
func (i *instance) newClient(timeout time.Duration, run func(hclog.Logger, *exec.Cmd, string) (runner.Runner, error)) *goplugin.Client {
	return goplugin.NewClient(&goplugin.ClientConfig{
		HandshakeConfig:  process.Handshake,
		VersionedPlugins: map[int]goplugin.PluginSet{abi.Version: {}},
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC},
		RunnerFunc:       run,
		AutoMTLS:         true,
		SkipHostEnv:      true,
		StartTimeout:     timeout,
		Stderr:           i.stderr,
		SyncStdout:       i.stderr,
		SyncStderr:       i.stderr,
		Logger:           hclog.NewNullLogger(),
		GRPCDialOptions:  []grpc.DialOption{grpc.WithDisableRetry()},
	})
}

// Call implements plugin.Instance.
func (i *instance) Call(ctx context.Context, f abi.Function, input, dst []byte) ([]byte, error) {
	return i.call(ctx, plugin.CallTime(i.timeout, f, len(input)), f, input, dst)
}

func (i *instance) call(ctx context.Context, timeout time.Duration, f abi.Function, input, dst []byte) ([]byte, error) {
	i.stderr.Refill()
	timed, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	stop := context.AfterFunc(timed, i.cancel)
	i.number++
	reply, err := i.exchange(&proto.CallRequest{Function: string(f), Payload: input, Number: i.number})
	if !stop() {
		return dst, i.broken(ctx, f, plugin.FaultDeadline, timed.Err())
	}
	switch {
	case err != nil:
		return dst, i.broken(ctx, f, kindOf(err), err)
	case reply.Number != i.number:
		return dst, i.broken(ctx, f, plugin.FaultContract, fmt.Errorf("it answered call %d when it was asked call %d", reply.Number, i.number))
	case reply.Error != nil && reply.Error.Code == "":
		return dst, i.broken(ctx, f, plugin.FaultOutput, errors.New("its error has no code"))
	case reply.Error != nil:
		return dst, &abi.Error{
			Code: abi.ErrorCode(reply.Error.Code), Message: reply.Error.Message, Param: reply.Error.Param,
		}
	case int64(len(reply.Payload)) > i.output:
		return dst, i.failed(ctx, f, plugin.FaultOutput, fmt.Errorf("a reply of %d bytes; the limit is %d", len(reply.Payload), i.output))
	}
	return append(dst, reply.Payload...), nil
}

func (i *instance) exchange(r *proto.CallRequest) (*proto.CallReply, error) {
	if err := i.calls.Send(r); err != nil && err != io.EOF {
		return nil, err
	}
	return i.calls.Recv() // tells, too, why Send met the stream's end
}

// kindOf reads a stream's end.
func kindOf(err error) plugin.FaultKind {
	switch {
	case errors.Is(err, io.EOF) || status.Code(err) == codes.Unavailable:
		return plugin.FaultExit // or it is about to
	case status.Code(err) == codes.ResourceExhausted:
		return plugin.FaultOutput
	}
	return plugin.FaultTrap
}

// broken ends the process after a call that gave no reply, and says what happened.
func (i *instance) broken(ctx context.Context, f abi.Function, kind plugin.FaultKind, err error) error {
	if kind == plugin.FaultExit {
		select {
		case <-i.proc.done:
			err = fmt.Errorf("the process ended: %s", i.proc.state())
		case <-time.After(endGrace):
			err = fmt.Errorf("the process ended: it was killed, as its connection had ended: %w", err)
		}
	}
	i.end(0)
	return i.failed(ctx, f, kind, err)
}

// failed makes a fault. A caller that went away is not the plugin's.
func (i *instance) failed(ctx context.Context, f abi.Function, kind plugin.FaultKind, err error) error {
	if ctx.Err() != nil && kind != plugin.FaultOutput {
		kind = plugin.FaultCanceled
	}
	return &plugin.Fault{Plugin: i.id, Function: f, Kind: kind, Err: err, Stderr: i.stderr.Last()}
}

// MemoryBytes implements plugin.Instance: a process is not retired for its size.
func (i *instance) MemoryBytes() int64 { return 0 }

// Close implements plugin.Instance.
func (i *instance) Close(context.Context) error {
	i.end(endGrace)
	return nil
}

// end ends the process, which has grace to do so by itself, and waits until it
// has and all that it wrote is read. A second call does nothing.
func (i *instance) end(grace time.Duration) {
	i.cancel()
	if i.proc != nil {
		i.proc.end(grace)
	}
	i.client.Kill()
}

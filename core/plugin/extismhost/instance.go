package extismhost

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	extism "github.com/extism/go-sdk"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/experimental"
	"github.com/tetratelabs/wazero/sys"

	"github.com/tokligence/gateway/core/plugin"
	"github.com/tokligence/gateway/core/plugin/guestlog"
	"github.com/tokligence/gateway/pdk/abi"
)

// instance is one running guest with its Extism kernel.
type instance struct {
	id      string // the plugin's
	guest   *extism.Plugin
	log     *guestlog.Capture
	timeout time.Duration // of one call
	output  int64
	input   int64 // the largest that the kernel's memory holds
	memory  memories
	ended   atomic.Bool
}

// starting stands in a fault where no function has been called yet.
const starting abi.Function = "start"

func (c *code) instantiate(ctx context.Context, s *plugin.Setup) (*instance, error) {
	i := &instance{
		id:      s.ID,
		log:     guestlog.New(s.Log),
		timeout: c.source.Limits.Timeout,
		output:  c.source.Limits.OutputBytes,
		input:   c.source.Limits.MemoryBytes / 2,
	}
	// go-sdk takes a guest's exit(0) for success; only the module's end tells.
	timed, cancel := within(ctx, c.startTimeout)
	defer cancel()
	own := experimental.WithMemoryAllocator(experimental.WithCloseNotifier(timed, experimental.CloseNotifyFunc(func(context.Context, uint32) {
		i.ended.Store(true)
	})), &i.memory)
	// Without true clocks the collector of a Go guest stalls for good; without
	// a source of randomness all instances would draw the same.
	config := wazero.NewModuleConfig().
		WithSysWalltime().WithSysNanotime().WithRandSource(rand.Reader).
		WithStdout(i.log).WithStderr(i.log)
	guest, err := c.compiled.Instance(own, extism.PluginInstanceConfig{ModuleConfig: config})
	if err != nil { // the module's start function runs now, before anything is called
		return nil, i.stopped(ctx, timed, starting, err)
	}
	guest.SetLogger(func(level extism.LogLevel, message string) { i.log.Log(levelName(level), message) })
	i.guest = guest
	return i, nil
}

func levelName(l extism.LogLevel) string {
	switch {
	case l >= extism.LogLevelError:
		return "error"
	case l >= extism.LogLevelWarn:
		return "warn"
	case l >= extism.LogLevelInfo:
		return "info"
	}
	return "debug"
}

// Call implements plugin.Instance.
func (i *instance) Call(ctx context.Context, f abi.Function, input, dst []byte) ([]byte, error) {
	return i.call(ctx, plugin.CallTime(i.timeout, f, len(input)), f, input, dst)
}

func (i *instance) call(ctx context.Context, timeout time.Duration, f abi.Function, input, dst []byte) ([]byte, error) {
	if int64(len(input)) > i.input {
		// go-sdk does not look whether its own memory took the input.
		return dst, i.fault(f, plugin.FaultTrap, fmt.Errorf("an input of %d bytes; memory_bytes allows %d", len(input), i.input))
	}
	i.log.Refill()
	timed, cancel := within(ctx, timeout)
	defer cancel()
	result, out, err := i.guest.CallWithContext(timed, abi.ExportPrefix+string(f), input)
	switch {
	case i.ended.Load():
		return dst, i.stopped(ctx, timed, f, err)
	case err != nil && err.Error() == i.guest.GetErrorWithContext(ctx):
		return dst, refusal([]byte(err.Error()))
	case err != nil:
		return dst, i.fault(f, plugin.FaultTrap, err)
	case result != 0 && len(out) > 0:
		return dst, refusal(out)
	case result != 0:
		return dst, refusal([]byte(fmt.Sprintf("%s returned %d without an error", f, result)))
	case int64(len(out)) > i.output:
		return dst, i.fault(f, plugin.FaultOutput, fmt.Errorf("a reply of %d bytes; the limit is %d", len(out), i.output))
	}
	return append(dst, out...), nil
}

func within(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, timeout, fmt.Errorf("it ran longer than %v", timeout))
}

// stopped says why the module has ended: its own exit or panic, or its time.
// While go-sdk initializes a guest it tells of an exit in words only.
func (i *instance) stopped(ctx, timed context.Context, f abi.Function, err error) error {
	var exit *sys.ExitError
	switch {
	case err == nil:
		return i.fault(f, plugin.FaultExit, errors.New("the guest exited with code 0"))
	case errors.As(err, &exit) && exit.ExitCode() != sys.ExitCodeDeadlineExceeded && exit.ExitCode() != sys.ExitCodeContextCanceled:
		return i.fault(f, plugin.FaultExit, fmt.Errorf("the guest exited with code %d", exit.ExitCode()))
	case ctx.Err() != nil:
		return i.fault(f, plugin.FaultCanceled, ctx.Err())
	case timed.Err() != nil:
		return i.fault(f, plugin.FaultDeadline, context.Cause(timed))
	}
	return i.fault(f, plugin.FaultTrap, err)
}

func (i *instance) fault(f abi.Function, kind plugin.FaultKind, err error) error {
	return &plugin.Fault{Plugin: i.id, Function: f, Kind: kind, Err: err, Stderr: i.log.Last()}
}

// refusal reads a guest's error: an abi.Error document, or plain words.
func refusal(text []byte) error {
	var e abi.Error
	if json.Unmarshal(text, &e) == nil && e.Code != "" {
		return &e
	}
	return &abi.Error{Code: abi.PluginFailed, Message: string(text)}
}

// MemoryBytes implements plugin.Instance.
func (i *instance) MemoryBytes() int64 { return i.memory.bytes }

// Close implements plugin.Instance.
func (i *instance) Close(ctx context.Context) error {
	if err := i.guest.Close(ctx); err != nil {
		return fmt.Errorf("close the guest: %w", err)
	}
	return nil
}

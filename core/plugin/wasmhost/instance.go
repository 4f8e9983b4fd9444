package wasmhost

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
	"github.com/tetratelabs/wazero/sys"

	"github.com/tokligence/gateway/core/plugin"
	"github.com/tokligence/gateway/core/plugin/guestlog"
	"github.com/tokligence/gateway/core/plugin/wasmhost/instrument"
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/wire"
)

// instance is one running guest. Its fields belong to the running call.
type instance struct {
	id        string // the plugin's
	limits    plugin.Limits
	code      *code
	module    api.Module
	functions map[abi.Function]api.Function // each keeps a stack, so they are made at first use
	stderr    *guestlog.Capture
	watch     watch
	context   callContext
	stack     [1]uint64

	input   []byte
	out     []byte // the caller's dst and what was written
	begin   int    // where the reply begins in out
	refused error  // a *plugin.Fault by a host function
}

// instantiate makes an instance and lets it initialize itself.
func (c *code) instantiate(ctx context.Context, s *plugin.Setup) (*instance, error) {
	e, err := c.enter(ctx)
	if err != nil {
		return nil, err
	}
	i := &instance{
		id: s.ID, limits: c.source.Limits, code: c,
		functions: map[abi.Function]api.Function{},
		stderr:    guestlog.New(s.Log),
	}
	i.context.instance = i
	i.context.Context = ctx
	i.context.values = experimental.WithMemoryAllocator(context.Background(), memoryAllocator())
	// Without true clocks the collector of a Go guest stalls for good; without
	// a source of randomness all instances would draw the same.
	i.module, err = e.runtime.InstantiateModule(&i.context, e.compiled, wazero.NewModuleConfig().
		WithName("").WithStartFunctions().
		WithSysWalltime().WithSysNanotime().WithRandSource(chance{i}).
		WithStdout(stderr{i}).WithStderr(stderr{i}))
	i.context.values = nil
	if err != nil {
		c.leave()
		return nil, i.failure("start", err)
	}
	if err := i.initialize(ctx, e.start); err != nil {
		return nil, errors.Join(err, i.Close(ctx))
	}
	return i, nil
}

// initialize runs the start function, if the module has one, which instrument
// keeps from running by itself, and then that of the guest's language.
func (i *instance) initialize(ctx context.Context, start bool) error {
	flag, ok := i.module.ExportedGlobal(instrument.FlagExport).(api.MutableGlobal)
	if !ok {
		return i.fault("start", plugin.FaultTrap, errors.New("the rewritten module shows no flag"))
	}
	i.watch.flag = flag
	if start {
		if err := i.run(ctx, i.code.startTimeout, "start", i.module.ExportedFunction(instrument.StartExport)); err != nil {
			return err
		}
	}
	if f := i.module.ExportedFunction(initializeExport); f != nil {
		return i.run(ctx, i.code.startTimeout, initializeExport, f)
	}
	return nil
}

// Call implements plugin.Instance.
func (i *instance) Call(ctx context.Context, f abi.Function, input, dst []byte) ([]byte, error) {
	return i.ask(ctx, plugin.CallTime(i.limits.Timeout, f, len(input)), f, input, dst)
}

func (i *instance) ask(ctx context.Context, timeout time.Duration, f abi.Function, input, dst []byte) ([]byte, error) {
	function, ok := i.functions[f]
	if !ok {
		if function = i.module.ExportedFunction(abi.ExportPrefix + string(f)); function == nil {
			return dst, i.fault(f, plugin.FaultContract, fmt.Errorf("the module does not export %s%s", abi.ExportPrefix, f))
		}
		i.functions[f] = function
	}
	i.stderr.Refill()
	i.input, i.out, i.begin = input, dst, len(dst)
	err := i.run(ctx, timeout, f, function)
	out := i.out
	i.input, i.out = nil, nil // an idle instance holds nobody's data
	if err != nil {
		return dst, err
	}
	switch result := int32(i.stack[0]); result {
	case 0:
		return out, nil
	case 1:
		return dst, i.refusal(f, out[len(dst):])
	default:
		return dst, i.fault(f, plugin.FaultContract, fmt.Errorf("%s%s returned %d, which is neither 0 nor 1", abi.ExportPrefix, f, result))
	}
}

// run calls function and makes of whatever ended it a *plugin.Fault.
func (i *instance) run(ctx context.Context, timeout time.Duration, f abi.Function, function api.Function) error {
	if err := ctx.Err(); err != nil {
		return i.fault(f, plugin.FaultCanceled, err)
	}
	i.context.Context, i.refused = ctx, nil
	i.watch.start(ctx, timeout)
	err := function.CallWithStack(&i.context, i.stack[:])
	cause := i.watch.stop()
	i.context.Context = context.Background()
	switch {
	case err == nil:
		return nil
	case cause == plugin.FaultCanceled:
		return i.fault(f, cause, ctx.Err())
	case cause == plugin.FaultDeadline:
		return i.fault(f, cause, fmt.Errorf("it ran longer than %v", timeout))
	}
	return i.failure(f, err)
}

// failure says why wazero ended a call that nobody stopped.
func (i *instance) failure(f abi.Function, err error) error {
	if i.refused != nil {
		fault := *i.refused.(*plugin.Fault)
		fault.Function = f
		return &fault
	}
	if exit := (*sys.ExitError)(nil); errors.As(err, &exit) {
		return i.fault(f, plugin.FaultExit, fmt.Errorf("the guest exited with code %d", exit.ExitCode()))
	}
	// What follows the first line is a trace of numbered functions.
	reason, _, _ := strings.Cut(err.Error(), "\n")
	return i.fault(f, plugin.FaultTrap, errors.New(reason))
}

// refusal reads the error that a guest returns instead of its reply.
func (i *instance) refusal(f abi.Function, document []byte) error {
	var e abi.Error
	if err := wire.ParseError(document, &e); err != nil {
		return i.fault(f, plugin.FaultOutput, fmt.Errorf("its error is not the document it should be: %w", err))
	}
	if e.Code == "" {
		return i.fault(f, plugin.FaultOutput, errors.New("its error has no code"))
	}
	return &e
}

func (i *instance) fault(f abi.Function, kind plugin.FaultKind, err error) error {
	return &plugin.Fault{Plugin: i.id, Function: f, Kind: kind, Err: err, Stderr: i.stderr.Last()}
}

// MemoryBytes implements plugin.Instance.
func (i *instance) MemoryBytes() int64 { return int64(i.module.Memory().Size()) }

// Close implements plugin.Instance.
func (i *instance) Close(ctx context.Context) error {
	defer i.code.leave()
	if err := i.module.Close(ctx); err != nil {
		return fmt.Errorf("close the guest: %w", err)
	}
	return nil
}

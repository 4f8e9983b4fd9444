package wasmhost

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/tokligence/gateway/core/plugin"
	"github.com/tokligence/gateway/core/plugin/guestlog"
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// callContext is the context of everything that an instance runs. Host
// functions find the instance by asserting the type, which is much cheaper than
// a look-up of a value.
type callContext struct {
	context.Context
	*instance
	// values is asked instead of Context: wazero looks for its own settings on
	// each call, and a request's context is a long chain. nil has none.
	values context.Context
}

// Value implements context.Context.
func (c *callContext) Value(key any) any {
	if c.values == nil {
		return nil
	}
	return c.values.Value(key)
}

// hostModule builds the module of abi.HostModule.
func hostModule(r wazero.Runtime) wazero.HostModuleBuilder {
	const i32, i64 = api.ValueTypeI32, api.ValueTypeI64
	b := r.NewHostModuleBuilder(abi.HostModule)
	for _, f := range []struct {
		name    string
		params  int // each an i32
		results []api.ValueType
		call    func(i *instance, m api.Memory, stack []uint64)
	}{
		{"input_length", 0, []api.ValueType{i32}, (*instance).inputLength},
		{"input_read", 2, nil, (*instance).inputRead},
		{"input_indexed", 4, []api.ValueType{i64}, (*instance).inputIndexed},
		{"output_write", 2, nil, (*instance).outputWrite},
		{"log", 3, nil, (*instance).logWrite},
	} {
		params := []api.ValueType{i32, i32, i32, i32}
		b = b.NewFunctionBuilder().WithGoModuleFunction(
			api.GoModuleFunc(func(ctx context.Context, m api.Module, stack []uint64) {
				f.call(ctx.(*callContext).instance, m.Memory(), stack)
			}), params[:f.params], f.results).Export(f.name)
	}
	return b
}

func (i *instance) inputLength(_ api.Memory, stack []uint64) { stack[0] = uint64(len(i.input)) }

func (i *instance) inputRead(m api.Memory, stack []uint64) {
	i.stopHere()
	ptr, n := uint32(stack[0]), uint32(stack[1])
	if uint64(n) > uint64(len(i.input)) {
		i.refuse(plugin.FaultTrap, fmt.Errorf("input_read of %d bytes; the input has %d", n, len(i.input)))
	}
	if !m.Write(ptr, i.input[:n]) {
		i.refuse(plugin.FaultTrap, outside("input_read", ptr, n, m))
	}
}

// indexBytes is the largest input that is indexed: nothing can end that meanwhile.
const indexBytes = 1 << 20

func (i *instance) inputIndexed(m api.Memory, stack []uint64) {
	i.stopHere()
	ptr, n, at, size := uint32(stack[0]), uint32(stack[1]), uint32(stack[2]), uint32(stack[3])
	stack[0] = uint64(uint32(len(i.input)))
	if uint64(n) < uint64(len(i.input)) {
		return
	}
	if !m.Write(ptr, i.input) {
		i.refuse(plugin.FaultTrap, outside("input_indexed", ptr, uint32(len(i.input)), m))
	}
	room, ok := m.Read(at, size)
	if !ok {
		i.refuse(plugin.FaultTrap, outside("input_indexed", at, size, m))
	}
	// The index is made of the host's own text: a guest may have laid room over its copy.
	if len(i.input) <= indexBytes {
		stack[0] |= uint64(scan.WriteIndex(room, i.input)) << 32
	}
}

func (i *instance) outputWrite(m api.Memory, stack []uint64) {
	i.stopHere()
	ptr, n := uint32(stack[0]), uint32(stack[1])
	b, ok := m.Read(ptr, n)
	if !ok {
		i.refuse(plugin.FaultTrap, outside("output_write", ptr, n, m))
	}
	if size := int64(len(i.out)-i.begin) + int64(n); size > i.limits.OutputBytes {
		i.refuse(plugin.FaultOutput, fmt.Errorf("a reply of %d bytes or more; the limit is %d", size, i.limits.OutputBytes))
	}
	i.out = append(i.out, b...)
}

func (i *instance) logWrite(m api.Memory, stack []uint64) {
	i.stopHere()
	level, ptr, n := int32(stack[0]), uint32(stack[1]), uint32(stack[2])
	b, ok := m.Read(ptr, n)
	if !ok {
		i.refuse(plugin.FaultTrap, outside("log", ptr, n, m))
	}
	names := [...]string{"debug", "info", "warn", "error"}
	// One byte more than is kept, so that the cut is seen.
	i.stderr.Log(names[max(0, min(level, 3))], string(b[:min(len(b), guestlog.LineBytes+1)]))
}

func outside(function string, ptr, n uint32, m api.Memory) error {
	return fmt.Errorf("%s at %#x of %d bytes is outside of the guest's memory of %d", function, ptr, n, m.Size())
}

// refuse ends the guest's call with a fault. The panic unwinds the guest and goes no further than wazero.
func (i *instance) refuse(kind plugin.FaultKind, err error) {
	i.refused = i.fault("", kind, err)
	panic(err)
}

// errStopped keeps a guest from writing on after its time: one call of WASI can
// write its whole memory many times over, and looks at no flag meanwhile.
var errStopped = errors.New("the call is over")

// stopHere ends a call that is over when it asks the host for something large.
func (i *instance) stopHere() {
	if i.watch.stopped() {
		panic(errStopped)
	}
}

// chance is a guest's source of randomness: a part at a time, so that a large
// wish can be stopped.
type chance struct{ i *instance }

// Read implements io.Reader.
func (c chance) Read(p []byte) (int, error) {
	if c.i.watch.stopped() {
		return 0, errStopped
	}
	return rand.Read(p[:min(len(p), pieceBytes)])
}

// pieceBytes is how much of one write is looked at from its beginning, and how
// much randomness is drawn before the next look at the flag.
const pieceBytes = 32 << 10

// stderr is a guest's standard output and error.
type stderr struct{ i *instance }

// Write implements io.Writer.
func (w stderr) Write(p []byte) (int, error) {
	if w.i.watch.stopped() || w.i.context.Err() != nil {
		return 0, errStopped
	}
	head := p[:min(len(p), pieceBytes)]
	w.i.stderr.Write(head)
	w.i.stderr.Write(p[max(len(head), len(p)-guestlog.TailBytes):])
	return len(p), nil
}

// Package plugin runs plugins: it loads them through carriers, keeps them in
// sets that a reload swaps as a whole, and gives each kind its typed face. No
// wazero, Extism or gRPC type leaves its carrier.
package plugin

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/tokligence/gateway/pdk/abi"
)

// Source is a plugin file and what the operator grants it.
type Source struct {
	ID     string // "provider.anthropic"
	Bytes  []byte // a module; nil for a process
	Path   string // of the file, for messages and for the process carrier
	SHA256 string // lower-case hex; "" is not pinned. Checked by the loader before a carrier sees the file
	Limits Limits
	// Again reads the file once more, for code that is freed while nobody calls
	// it. nil keeps the code: the file may have changed since.
	Again func() ([]byte, error)
	// CacheDir is where compiled code, and what it is made of, is kept between starts; "" keeps none.
	CacheDir string
	// Log receives what the plugin logs and what it writes to stderr before it fails.
	Log func(level, message string)
}

// Limits bound what a plugin may use.
type Limits struct {
	MemoryBytes  int64         // of one instance; default 64 MiB
	Timeout      time.Duration // of one call; default 250 ms; see CallTime
	MaxInstances int           // default 4 × GOMAXPROCS; callers wait for a free one
	OutputBytes  int64         // of one reply; default 64 MiB
}

// loadTime is the least time for what a plugin says once, when it is loaded: no
// request waits for it, and a machine that starts is busy.
const loadTime = 5 * time.Second

// CallTime is how long a call of f may take whose timeout is that of Limits: as
// long again for each 64 KiB of its input, up to 40 times. A prompt of a megabyte
// is no loop.
func CallTime(timeout time.Duration, f abi.Function, input int) time.Duration {
	if f == abi.Describe || f == abi.Plan {
		return max(timeout, loadTime)
	}
	return timeout * time.Duration(1+min(input>>16, 39))
}

// Carrier knows one way to run plugin files.
type Carrier interface {
	// Open checks and compiles the file and answers nothing of it yet. It
	// refuses a module whose imports, exports or signatures are not the ABI's.
	Open(ctx context.Context, s Source) (Code, error)
}

// Code is an opened file. Safe for concurrent use.
type Code interface {
	// Has reports whether the file offers the function.
	Has(f abi.Function) bool
	// Start makes a plugin of the code with its own instances, each configured
	// before its first call. Problems that the plugin reports are a *ConfigError.
	Start(ctx context.Context, s Setup) (Plugin, error)
	Close(ctx context.Context) error
}

// Setup says which of the plugins that share some code one is.
type Setup struct {
	ID     string                      // for faults and problems; "" is that of the Source
	Log    func(level, message string) // nil is that of the Source
	Config json.RawMessage             // nil starts a plugin that can only describe itself
}

// Of is the setup with what it does not say taken from the source.
func (s Setup) Of(source *Source) Setup {
	if s.ID == "" {
		s.ID = source.ID
	}
	if s.Log == nil {
		s.Log = source.Log
	}
	return s
}

// Plugin is running code with a pool of instances. Safe for concurrent use.
type Plugin interface {
	// Call runs f and appends its reply to dst. It waits for a free instance no
	// longer than ctx, and runs no longer than Limits.Timeout.
	//
	// The error is an *abi.Error when the plugin itself refused, else a *Fault.
	// Whatever happens, only this call fails.
	Call(ctx context.Context, f abi.Function, input, dst []byte) ([]byte, error)
	Stats() Stats
	// Rest frees what can be had again at the next call, which then takes some
	// 100 ms longer: for a plugin that is seldom called. What calls use meanwhile
	// stays.
	Rest(ctx context.Context) error
	// Close waits for running calls and frees all instances.
	Close(ctx context.Context) error
}

// Stats are a plugin's counters since its start.
type Stats struct {
	Calls, Faults   uint64
	Time            time.Duration // in calls, waiting excluded
	Waits           uint64        // calls that found no free instance
	Instances, Idle int
	Discarded       uint64
	BreakerOpen     bool
	BreakerOpened   uint64    // how often
	OpenedBy        FaultKind // the last time
	LastFault       string
	LastFaultAt     time.Time
}

// FaultKind is how a call failed.
type FaultKind string

// The kinds of faults.
const (
	FaultDeadline FaultKind = "deadline" // ran longer than its time-out
	FaultTrap     FaultKind = "trap"     // panic, stack overflow, out of memory, wrong memory access
	FaultExit     FaultKind = "exit"     // the guest or process ended
	FaultOutput   FaultKind = "output"   // too large, or not the document it should be
	FaultContract FaultKind = "contract" // a reply that the contract forbids: another host, a bad header
	FaultBusy     FaultKind = "busy"     // no free instance within the caller's time
	FaultBreaker  FaultKind = "breaker"  // not called: the plugin failed too often lately
	FaultCanceled FaultKind = "canceled" // the caller's context ended
)

// Fault is a failed call: a plugin can only fail its own.
type Fault struct {
	Plugin   string
	Function abi.Function
	Kind     FaultKind
	Err      error
	Stderr   string // the guest's last lines, for the operator
}

func (f *Fault) Error() string {
	return fmt.Sprintf("plugin %s: %s: %s: %v", f.Plugin, f.Function, f.Kind, f.Err)
}

func (f *Fault) Unwrap() error { return f.Err }

// ConfigError carries what a plugin found wrong with its configuration.
type ConfigError struct {
	Plugin   string
	Problems []abi.Problem
}

func (e *ConfigError) Error() string {
	if len(e.Problems) == 0 {
		return fmt.Sprintf("plugin %s refused its configuration", e.Plugin)
	}
	p := e.Problems[0]
	at := "config"
	if p.Path != "" {
		at += " " + p.Path
	}
	text := fmt.Sprintf("plugin %s: %s: %s", e.Plugin, at, p.Message)
	if more := len(e.Problems) - 1; more > 0 {
		text += fmt.Sprintf(" (and %d more)", more)
	}
	return text
}

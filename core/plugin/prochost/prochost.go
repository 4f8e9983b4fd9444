// Package prochost is the process carrier: it runs plugins that are programs of
// their own, over hashicorp/go-plugin and gRPC. See pdk/process for the other side.
//
// Each instance of the pool is a process, so the rules are those of every
// carrier: one caller at a time, and after a fault that process ends and
// another takes its place, with the pool's back-off. A program gets nothing of
// the gateway's: no environment, no files, no input.
package prochost

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/tokligence/gateway/core/plugin"
	"github.com/tokligence/gateway/pdk/abi"
)

// startTimeout is how long a program may take until it answers its first call;
// endGrace how long it may take to end when it is asked to.
const (
	startTimeout = 10 * time.Second
	endGrace     = time.Second
)

// New returns the carrier. Differently from the others it sets no memory limit,
// and a plugin without Limits.MaxInstances gets GOMAXPROCS processes.
func New() plugin.Carrier { return carrier{startTimeout: startTimeout} }

type carrier struct{ startTimeout time.Duration }

// Open implements plugin.Carrier. It runs the program once, to see that it
// shakes hands and which functions it answers.
func (c carrier) Open(ctx context.Context, s plugin.Source) (plugin.Code, error) {
	path, err := filepath.Abs(s.Path)
	if err != nil {
		return nil, fmt.Errorf("plugin %s: %w", s.ID, err)
	}
	s.Path = path
	if s.Limits.MaxInstances == 0 {
		s.Limits.MaxInstances = runtime.GOMAXPROCS(0)
	}
	s.Limits = s.Limits.WithDefaults()
	code := &code{source: s, startTimeout: c.startTimeout}
	if code.functions, err = code.inquire(ctx); err != nil {
		return nil, err
	}
	return code, nil
}

// code is a program that has once shaken hands.
type code struct {
	source       plugin.Source
	startTimeout time.Duration
	functions    []abi.Function // nil: it does not say
}

// inquire asks a process for the functions that the program answers.
func (c *code) inquire(ctx context.Context) ([]abi.Function, error) {
	s := plugin.Setup{}.Of(&c.source)
	i, err := c.launch(ctx, &s)
	if err != nil {
		return nil, err
	}
	defer i.Close(ctx)
	b, err := i.call(ctx, c.startTimeout, abi.Describe, nil, nil)
	if err != nil {
		return nil, err
	}
	var m struct {
		Functions []abi.Function `json:"functions"`
	}
	if err := json.Unmarshal(b, &m); err != nil {
		return nil, i.failed(ctx, abi.Describe, plugin.FaultOutput, err)
	}
	return m.Functions, nil
}

// Has implements plugin.Code.
func (c *code) Has(f abi.Function) bool {
	return c.functions == nil || slices.Contains(c.functions, f)
}

// Start implements plugin.Code.
func (c *code) Start(ctx context.Context, s plugin.Setup) (plugin.Plugin, error) {
	s = s.Of(&c.source)
	return plugin.StartPool(ctx, plugin.PoolConfig{
		ID: s.ID, Limits: c.source.Limits,
		Open: func(ctx context.Context) (plugin.Instance, error) { return c.configured(ctx, &s) },
	})
}

// Close implements plugin.Code.
func (c *code) Close(context.Context) error { return nil }

// configured launches a process and configures it, unless there is no configuration.
func (c *code) configured(ctx context.Context, s *plugin.Setup) (plugin.Instance, error) {
	i, err := c.launch(ctx, s)
	if err != nil {
		return nil, err
	}
	if s.Config == nil {
		return &restarting{instance: i, code: c, setup: s}, nil
	}
	err = plugin.Configure(s.ID, s.Config, func(input []byte) ([]byte, error) {
		return i.call(ctx, max(c.startTimeout, c.source.Limits.Timeout), abi.Configure, input, nil)
	})
	if err != nil {
		return nil, errors.Join(err, i.Close(ctx))
	}
	return &restarting{instance: i, code: c, setup: s}, nil
}

// restarting is an instance whose process may end while nobody calls it, by an
// operator's hand or for want of memory. The next call is not to blame: it
// gets a new process.
type restarting struct {
	*instance
	code  *code
	setup *plugin.Setup
}

// Call implements plugin.Instance.
func (r *restarting) Call(ctx context.Context, f abi.Function, input, dst []byte) ([]byte, error) {
	select {
	case <-r.proc.done:
		r.end(0)
		r.stderr.Log("warn", "the process ended between two calls: "+r.proc.state())
		fresh, err := r.code.configured(ctx, r.setup)
		if err != nil {
			return dst, err
		}
		r.instance = fresh.(*restarting).instance
	default:
	}
	return r.instance.Call(ctx, f, input, dst)
}

// check refuses a file that is not the pinned program. It is done at each
// start, since the file may have been changed since the last.
func check(path, want string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	if !st.Mode().IsRegular() {
		return fmt.Errorf("%s is not a file", path)
	}
	if want == "" {
		return nil
	}
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	if got := hex.EncodeToString(h.Sum(nil)); !strings.EqualFold(got, want) {
		return fmt.Errorf("%s: its SHA-256 is %s, but %s is pinned", path, got, want)
	}
	return nil
}

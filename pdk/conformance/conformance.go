// Package conformance checks a plugin file the way the gateway will use it,
// whatever its language and carrier: `tokligence plugin test FILE` and, in Go
// tests, [Run].
//
// The checks:
//
//   - load: the file opens, its manifest and exports are the contract's, its
//     configuration fits its schema and the plugin takes it.
//   - contract: to ordinary and odd requests of every endpoint or stage it gives
//     replies that the gateway accepts, or refuses with an error of its own.
//   - limits: empty, very long and deeply nested input makes it fail no worse.
//   - hostile: neither do members of the wrong type, random JSON and documents
//     that are cut off; a reply to valid JSON is the document it should be.
//   - purity: another instance that got the same calls in the opposite order gave
//     the same answers, and so do two that share a stream: nothing lives in an
//     instance but its configuration.
//   - log: no line of the plugin's log quotes a prompt.
//   - vectors: the author's own examples; see [Target].
//
// An answer is never judged by what it means, but for vectors: that is the
// business of the plugin's own tests.
package conformance

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tokligence/gateway/core/plugin"
	"github.com/tokligence/gateway/pdk/abi"
)

// Target is what to check.
type Target struct {
	// Declaration is as in gateway.toml; ID may be empty. The hosts that the
	// manifest asks for are granted.
	Declaration plugin.Declaration
	Carriers    map[string]plugin.Carrier // by name: wasm, extism, process
	Builtins    plugin.Builtins
	CacheDir    string // of compiled code; "" uses a temporary one
	// Vectors is a folder of txtar files, "" for none. One with a section setup.json
	// holds a whole exchange of a provider; see package vector. Any other holds
	// calls in order:
	//
	//	config.json              the configuration; without it that of the declaration
	//	encode.in.json           the document that the function is given
	//	encode.out.json          the reply, or instead
	//	encode.error.json        the abi.Error
	//
	// and likewise for other functions; a second call of the same function is
	// named encode.2.in.json and so on. Documents are compared byte for byte,
	// white space aside.
	Vectors string
	// Update writes what came out into the vectors instead of comparing it.
	Update bool
}

// Report is what came of the checks.
type Report struct {
	Manifest *abi.Manifest `json:"manifest,omitempty"`
	Carrier  string        `json:"carrier,omitempty"`
	SHA256   string        `json:"sha256,omitempty"`
	Passed   bool          `json:"passed"` // no check has a problem
	Checks   []*Result     `json:"checks"`
	// Remarks are what the author should know; they fail nothing.
	Remarks []string `json:"remarks,omitempty"`
}

// Result is one check and its problems; none means passed.
type Result struct {
	Name     string   `json:"name"`
	Calls    int      `json:"calls"`
	Problems []string `json:"problems,omitempty"`
}

// mostProblems is how many problems of one check are told.
const mostProblems = 20

func (c *Result) fail(format string, args ...any) {
	switch len(c.Problems) {
	case mostProblems:
		c.Problems = append(c.Problems, "more problems were left out")
	case mostProblems + 1:
	default:
		c.Problems = append(c.Problems, fmt.Sprintf(format, args...))
	}
}

// T is the part of *testing.T that Run needs.
type T interface {
	Helper()
	Context() context.Context
	Errorf(format string, args ...any)
}

// Run checks the target within a test; every problem is an error of t.
func Run(t T, target Target) {
	t.Helper()
	report := Check(t.Context(), target)
	for _, c := range report.Checks {
		for _, p := range c.Problems {
			t.Errorf("%s: %s", c.Name, p)
		}
	}
}

// callTimeout is what a call of the checks may take: they are about contract,
// not speed.
const callTimeout = 5 * time.Second

// suite is a run of all checks.
type suite struct {
	target Target
	report *Report
	log    log
}

// Check runs all checks that make sense for the target. It stops early when
// the file cannot be loaded or ctx ends.
func Check(ctx context.Context, target Target) *Report {
	s := &suite{target: target, report: &Report{}}
	d := &s.target.Declaration
	d.Limits.MaxInstances = 1
	if d.Limits.Timeout == 0 {
		d.Limits.Timeout = callTimeout
	}
	load := s.check("load")
	if err := s.run(ctx); err != nil {
		load.fail("%v", err)
	}
	s.report.Passed = !slices.ContainsFunc(s.report.Checks, func(c *Result) bool { return len(c.Problems) > 0 })
	return s.report
}

func (s *suite) run(ctx context.Context) error {
	if s.target.CacheDir == "" {
		dir, err := os.MkdirTemp("", "conformance-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		s.target.CacheDir = dir
	}
	loader := s.loader()
	one, err := s.load(ctx, loader)
	if err != nil {
		return err
	}
	defer one.Release()
	s.contract(ctx, one)
	s.replay(ctx, one)
	if s.target.Vectors != "" {
		s.vectors(ctx, loader)
	}
	return nil
}

func (s *suite) check(name string) *Result {
	c := &Result{Name: name}
	s.report.Checks = append(s.report.Checks, c)
	return c
}

// loader makes one more loader: equal declarations share instances in a single one.
func (s *suite) loader() *plugin.Loader {
	return plugin.NewLoader(plugin.Options{Carriers: s.target.Carriers, Builtins: s.target.Builtins, CacheDir: s.target.CacheDir,
		Log: func(_, _, message string) { s.log.add(message) }})
}

// load asks the file who it is, and loads it as the gateway does.
func (s *suite) load(ctx context.Context, loader *plugin.Loader) (*plugin.Loaded, error) {
	d := &s.target.Declaration
	if !strings.HasPrefix(d.Source, "builtin:") {
		path, err := filepath.Abs(d.Source)
		if err != nil {
			return nil, err
		}
		d.Source = path
	}
	asked := *d
	if asked.ID == "" {
		asked.ID = filepath.Base(d.Source)
	}
	info, err := loader.Inspect(ctx, asked)
	if err != nil {
		return nil, err
	}
	s.report.Manifest, s.report.Carrier, s.report.SHA256 = info.Manifest, info.Carrier, info.SHA256
	d.Carrier = info.Carrier
	d.AllowHosts = slices.Concat(d.AllowHosts, info.Manifest.Capabilities.Hosts)
	if d.ID == "" {
		d.ID = info.Manifest.ID
	}
	s.remark(info)
	return loader.Load(ctx, *d)
}

// remark says what costs more than it must.
func (s *suite) remark(info *plugin.Inspection) {
	m := info.Manifest
	perEvent := m.Kind == abi.KindGuardrail && m.Capabilities.Stream ||
		m.Kind == abi.KindProvider && (m.Functions == nil || slices.Contains(m.Functions, abi.DecodeEvents))
	if info.Carrier == "extism" && perEvent {
		s.report.Remarks = append(s.report.Remarks, "an Extism call costs tens of microseconds and 80 KB of garbage: "+
			"that is fine once per exchange, but this plugin is called for the events of streams. The wasm carrier costs a hundredth.")
	}
}

// Write prints the report for people.
func (r *Report) Write(w io.Writer) {
	if m := r.Manifest; m != nil {
		fmt.Fprintf(w, "%s %s (%s, ABI %d), carrier %s\nsha256 %s\n", m.ID, m.Version, m.Kind, m.ABI, r.Carrier, r.SHA256)
	}
	for _, c := range r.Checks {
		verdict := "ok"
		if len(c.Problems) > 0 {
			verdict = "FAILED"
		}
		fmt.Fprintf(w, "%-10s%s", c.Name, verdict)
		if c.Calls > 0 {
			fmt.Fprintf(w, ", %d calls", c.Calls)
		}
		fmt.Fprintln(w)
		for _, p := range c.Problems {
			fmt.Fprintf(w, "    %s\n", p)
		}
	}
	for _, remark := range r.Remarks {
		fmt.Fprintf(w, "note: %s\n", remark)
	}
}

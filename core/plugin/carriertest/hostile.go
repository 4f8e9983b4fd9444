package carriertest

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/tokligence/gateway/core/plugin"
	"github.com/tokligence/gateway/core/plugin/carriertest/guest"
	"github.com/tokligence/gateway/core/plugin/guestlog"
	"github.com/tokligence/gateway/pdk/abi"
)

// outcome is what comes of something hostile. Without a kind of fault it is an
// answer.
type outcome struct {
	kind   plugin.FaultKind
	text   string // in the error or the answer
	stderr string // in the fault's last words
	lacks  string // in the answer
	// why says what holds instead where the carrier does not stop it.
	why string
}

// What a process may, and what is done about it: see pdk/process.
const (
	notInSandbox = "a process may do what the gateway's user may; it is pinned, not confined"
	noMemory     = "a process's memory is the machine's; its deadline ends it"
)

// attacks are what guests do in a call, and what comes of it on each carrier.
var attacks = []struct {
	name, script          string
	wasm, extism, process outcome
}{
	{"loop", "loop", deadline(""), deadline(""), deadline("")},
	{"sleep", "sleep", deadline(""), deadline(""), deadline("")},
	{"wait for nothing", "wait", outcome{kind: plugin.FaultTrap, stderr: "deadlock"}, outcome{kind: plugin.FaultTrap, stderr: "deadlock"}, deadline("")},
	{"copy memory without end", "copy", deadline(""), deadline(""), deadline("")},
	{"draw randomness without end", "draw", deadline(""), deadline(""), deadline("")},
	{"write to stderr without end", "shout", deadline("la la la"), deadline("la la la"), deadline("la la la")},
	{"write to stdout without end", "print", deadline("tra la la"), deadline("tra la la"), deadline("tra la la")},
	{"log without end", "log-forever", deadline(""), deadline(""), deadline("")},
	{"recursion", "recurse", trap(""), trap(""), exit("exit status 2")},
	{"allocate without end", "allocate", trap("goroutine"), trap("goroutine"), outcome{kind: plugin.FaultDeadline, why: noMemory}},
	{"panic", "panic", trap("out of cheese"), trap("out of cheese"), outcome{kind: plugin.FaultTrap, text: "out of cheese", stderr: "guest.(*Guest).perish"}},
	{"panic in another goroutine", "panic-elsewhere", trap("out of cheese, elsewhere"), trap("out of cheese, elsewhere"),
		outcome{kind: plugin.FaultExit, text: "exit status 2", stderr: "out of cheese, elsewhere"}},
	{"nil pointer", "nil", trap("nil pointer"), trap("nil pointer"), trap("nil pointer")},
	{"exit", "exit 3", exit("code 3"), exit("code 3"), exit("exit status 3")},
	{"exit with code 0", "exit 0", exit("code 0"), exit("code 0"), exit("exit status 0")},
	{"huge output", "bytes 5242881", tooLarge("5242881 bytes"), tooLarge("5242881 bytes"), tooLarge("5242881 bytes")},
	{"output of no end", "bytes 6000000", tooLarge("6000000 bytes"), tooLarge("6000000 bytes"), tooLarge("larger than max")},
	{"error without a code", "nameless", tooLarge("its error has no code"), outcome{kind: refusal, text: "an error without a code"}, tooLarge("its error has no code")},
	{"garbage in the log", "garbage", says("done"), says("done"), says("done")},

	{"environment", "environment", says("[]"), says("[]"), outcome{text: "PLUGIN_", lacks: "PATH="}},
	{"arguments", "arguments", says("[]"), says("[]"), says("{guest}")},
	{"read a file", "read {secret}", says("Bad file number"), says("Bad file number"), outcome{text: "the host's secret, <nil>", why: notInSandbox}},
	{"write a file", "write {new}", says("Bad file number"), says("Bad file number"), outcome{text: "<nil>", why: notInSandbox}},
	{"list a folder", "list /", says("0 entries, open /: Bad file number"), says("0 entries, open /: Bad file number"), outcome{text: "<nil>", why: notInSandbox}},
	{"open a socket", "socket", says("ot implemented"), says("ot implemented"), outcome{text: "<nil>", why: notInSandbox}},
	{"close what is open", "descriptors", says("closed 0"), says("closed 0"), exit("the process ended")},
	{"start a program", "fork {child}", says("ot implemented"), says("ot implemented"), outcome{text: "<nil>", why: "it ends with the process"}},
	{"start a program and exit", "fork-exit {child}", says("ot implemented"), says("ot implemented"), exit("exit status 3")},
	{"start a program and sleep", "fork-sleep {child}", says("ot implemented"), says("ot implemented"), deadline("")},
}

// refusal stands for an abi.Error among the kinds of faults.
const refusal plugin.FaultKind = "refusal"

func deadline(stderr string) outcome { return outcome{kind: plugin.FaultDeadline, stderr: stderr} }
func trap(stderr string) outcome     { return outcome{kind: plugin.FaultTrap, stderr: stderr} }
func exit(text string) outcome       { return outcome{kind: plugin.FaultExit, text: text} }
func tooLarge(text string) outcome   { return outcome{kind: plugin.FaultOutput, text: text} }
func says(text string) outcome       { return outcome{text: text} }

func (h *Host) hostile(t *testing.T) {
	t.Setenv("OPENAI_API_KEY", "sk-secret")
	var log lines
	codes := map[bool]plugin.Code{false: h.open(t, h.Carrier, limits(patient), log.add), true: h.open(t, h.Carrier, limits(short), log.add)}
	for _, a := range attacks {
		want := map[Name]outcome{Wasm: a.wasm, Extism: a.extism, Process: a.process}[h.Name]
		t.Run(a.name, func(t *testing.T) {
			paths := newPaths(t, h.File)
			code := codes[want.kind == plugin.FaultDeadline]
			p, err := code.Start(t.Context(), plugin.Setup{Config: []byte(`{}`)})
			if err != nil {
				t.Fatal(err)
			}
			want.text = paths.fill(want.text)
			want.check(t, p, paths.fill(a.script))
			if err := p.Close(t.Context()); err != nil {
				t.Error(err)
			}
			if pid, err := os.ReadFile(paths.child); err == nil {
				gone(t, string(pid))
			}
			if _, err := os.Stat(paths.new); err == nil && want.why == "" {
				t.Error("it wrote a file")
			}
			if want.why != "" {
				t.Log("not stopped: " + want.why)
			}
		})
	}
	checkLog(t, log.take())
	t.Run("Configure", h.hostileConfigure)
}

// check makes the call and looks at what came of it, and that the next call,
// of a fresh instance after a fault, works.
func (want outcome) check(t *testing.T, p plugin.Plugin, script string) {
	t.Helper()
	out, err := p.Call(t.Context(), abi.Encode, []byte(guest.Prefix+script), []byte("kept "))
	answer, kept := strings.CutPrefix(string(out), "kept ")
	if !kept || err != nil && answer != "" {
		t.Errorf("output %q", out)
	}
	faults := uint64(1)
	var e *abi.Error
	switch {
	case want.kind == "" || want.kind == refusal:
		faults = 0
		if err != nil && (want.kind == "" || !errors.As(err, &e)) {
			t.Fatalf("error %v, want an answer with %q", err, want.text)
		}
		if err != nil {
			answer = err.Error()
		}
		if !strings.Contains(answer, want.text) || strings.Contains(answer, "sk-secret") || want.lacks != "" && strings.Contains(answer, want.lacks) {
			t.Errorf("answer %.500q, want %q", answer, want.text)
		}
	default:
		f := faultOf(t, err, want.kind)
		if f.Function != abi.Encode || !strings.Contains(err.Error(), want.text) {
			t.Errorf("%v, want %q of %s", err, want.text, abi.Encode)
		}
		if !strings.Contains(f.Stderr, want.stderr) {
			t.Errorf("last words %.500q, want %q", f.Stderr, want.stderr)
		}
		if len(f.Stderr) > 2*guestlog.TailBytes {
			t.Errorf("%d bytes of last words", len(f.Stderr))
		}
	}
	calls := uint64(2)
	next, err := do(t.Context(), p, "say hello")
	for want.kind == plugin.FaultDeadline && calls < 4 && isFault(err, plugin.FaultDeadline) { // a busy machine is no fault of ours
		calls, faults = calls+1, faults+1
		next, err = do(t.Context(), p, "say hello")
	}
	if err != nil || next != "hello" {
		t.Errorf("next call: %q, %v", next, err)
	}
	if s := p.Stats(); s.Calls != calls || s.Faults != faults || s.Discarded != faults || s.Instances != 1 {
		t.Errorf("stats %+v", s)
	}
}

func isFault(err error, kind plugin.FaultKind) bool {
	var f *plugin.Fault
	return errors.As(err, &f) && f.Kind == kind
}

// checkLog: whatever guests write, a line of the log is one line of text.
func checkLog(t *testing.T, list []string) {
	forged := false
	for _, l := range list {
		if !utf8.ValidString(l) || len(l) > guestlog.LineBytes+100 || strings.ContainsFunc(strings.ReplaceAll(l, "\t", ""), unicode.IsControl) {
			t.Errorf("a line of the log: %.200q", l)
		}
		forged = forged || strings.Contains(l, "forged")
	}
	if !forged {
		t.Error("the log has nothing of what was written")
	}
}

// paths are places of the host that scripts name.
type paths struct{ guest, secret, new, child string }

func newPaths(t *testing.T, guest string) paths {
	dir := t.TempDir()
	p := paths{guest, filepath.Join(dir, "secret"), filepath.Join(dir, "new"), filepath.Join(dir, "child")}
	if err := os.WriteFile(p.secret, []byte("the host's secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p paths) fill(s string) string {
	return strings.NewReplacer("{guest}", p.guest, "{secret}", p.secret, "{new}", p.new, "{child}", p.child).Replace(s)
}

// hostileConfigure: what an instance does before its first call ends too.
func (h *Host) hostileConfigure(t *testing.T) {
	code := h.open(t, h.Hasty, limits(short), nil)
	_, err := code.Start(t.Context(), plugin.Setup{Config: []byte(`{"do":"do:loop"}`)})
	if f := faultOf(t, err, plugin.FaultDeadline); f.Function != abi.Configure {
		t.Errorf("a fault of %s", f.Function)
	}
}

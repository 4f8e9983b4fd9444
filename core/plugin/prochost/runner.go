package prochost

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// pipeGrace is how long output of an ended process is still read: something
// that it started may hold the pipes open for ever.
const pipeGrace = 200 * time.Millisecond

// program is a plugin's program as go-plugin's runner. Differently from the one
// that go-plugin brings, it gives the program an input of its own that ends
// with the gateway, ends the whole process group, and never waits for the pipes
// of an ended process.
type program struct {
	cmd            *exec.Cmd
	stdout, stderr *os.File // the ends that we read
	input          *os.File // the end that we keep
	done           chan struct{}
	waited         error // set before done is closed
}

// start runs the program with env and nothing else of ours.
func start(path string, env []string) (*program, error) {
	p := &program{done: make(chan struct{})}
	var theirs []io.Closer // the program's ends
	defer func() {
		for _, c := range theirs {
			c.Close()
		}
	}()
	pipe := func() (r, w *os.File, err error) {
		if r, w, err = os.Pipe(); err != nil {
			p.closePipes()
		}
		return r, w, err
	}
	stdin, input, err := pipe()
	if err != nil {
		return nil, fmt.Errorf("make a pipe: %w", err)
	}
	p.input, theirs = input, append(theirs, stdin)
	r, stdout, err := pipe()
	if err != nil {
		return nil, fmt.Errorf("make a pipe: %w", err)
	}
	p.stdout, theirs = r, append(theirs, stdout)
	r, stderr, err := pipe()
	if err != nil {
		return nil, fmt.Errorf("make a pipe: %w", err)
	}
	p.stderr, theirs = r, append(theirs, stderr)

	p.cmd = &exec.Cmd{
		Path: path, Args: []string{path}, Dir: filepath.Dir(path), Env: env,
		Stdin: stdin, Stdout: stdout, Stderr: stderr, SysProcAttr: ownGroup(),
	}
	if err := p.cmd.Start(); err != nil {
		p.closePipes()
		return nil, err
	}
	go p.wait()
	return p, nil
}

// wait collects the program's end. Its owner is whoever started the process:
// done tells that it has ended.
func (p *program) wait() {
	p.waited = p.cmd.Wait()
	killGroup(p.cmd.Process.Pid) // what it started does not outlive it
	until := time.Now().Add(pipeGrace)
	p.stdout.SetReadDeadline(until)
	p.stderr.SetReadDeadline(until)
	p.input.Close()
	close(p.done)
}

func (p *program) closePipes() {
	for _, f := range []*os.File{p.input, p.stdout, p.stderr} {
		if f != nil {
			f.Close()
		}
	}
}

// end asks the program to end, and ends it after grace; with none at once.
func (p *program) end(grace time.Duration) {
	select {
	case <-p.done: // its number may be another's by now
		return
	default:
	}
	if grace <= 0 {
		p.kill()
		return
	}
	p.input.Close()
	terminateGroup(p.cmd.Process.Pid)
	t := time.NewTimer(grace)
	defer t.Stop()
	select {
	case <-p.done:
	case <-t.C:
		p.kill()
	}
}

// state says how the process ended, once it has.
func (p *program) state() string { return p.cmd.ProcessState.String() }

// kill ends the process now and waits until it has.
func (p *program) kill() {
	select {
	case <-p.done:
		return
	default:
	}
	killGroup(p.cmd.Process.Pid)
	<-p.done
}

// The methods that go-plugin asks for.

func (p *program) Start(context.Context) error { return nil } // it runs already

// Wait is called when all output has been read.
func (p *program) Wait(context.Context) error {
	<-p.done
	p.closePipes()
	return p.waited
}

func (p *program) Kill(context.Context) error {
	p.kill()
	return nil
}

func (p *program) Diagnose(context.Context) string { return "" }
func (p *program) Stdout() io.ReadCloser           { return p.stdout }
func (p *program) Stderr() io.ReadCloser           { return p.stderr }
func (p *program) Name() string                    { return p.cmd.Path }
func (p *program) ID() string                      { return fmt.Sprint(p.cmd.Process.Pid) }

func (p *program) PluginToHost(network, address string) (string, string, error) {
	return network, address, nil
}

func (p *program) HostToPlugin(network, address string) (string, string, error) {
	return network, address, nil
}

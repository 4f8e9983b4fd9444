package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/tokligence/gateway/core/plugin"
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/wire"
	"github.com/tokligence/gateway/pdk/vector"
)

// vectors plays every file of the folder; see Target.Vectors.
func (s *suite) vectors(ctx context.Context, loader *plugin.Loader) {
	c := s.check("vectors")
	files, err := filepath.Glob(filepath.Join(s.target.Vectors, "*.txtar"))
	if err == nil && len(files) == 0 {
		err = errors.New("there are no .txtar files in " + s.target.Vectors)
	}
	if err != nil {
		c.fail("%v", err)
		return
	}
	for _, file := range files {
		if err := s.vector(ctx, loader, c, file); err != nil {
			c.fail("%s: %v", filepath.Base(file), err)
		}
	}
}

const (
	configSection = "config.json"
	inSuffix      = ".in.json"
	outSuffix     = ".out.json"
	errorSuffix   = ".error.json"
)

func (s *suite) vector(ctx context.Context, loader *plugin.Loader, c *Result, file string) error {
	old, err := txtar.ParseFile(file)
	if err != nil {
		return err
	}
	if vector.Is(old) {
		return s.exchange(ctx, loader, c, file, old)
	}
	before := c.Calls
	d := s.target.Declaration
	updated := &txtar.Archive{Comment: old.Comment}
	want := make(map[string][]byte)
	for _, f := range old.Files {
		want[f.Name] = f.Data
	}
	if config := want[configSection]; config != nil {
		d.Config = json.RawMessage(bytes.TrimSpace(config))
		updated.Files = append(updated.Files, txtar.File{Name: configSection, Data: config})
	}
	delete(want, configSection)
	l, err := loader.Load(ctx, d)
	if err != nil {
		return err
	}
	defer l.Release()
	for _, f := range old.Files {
		call, ok := strings.CutSuffix(f.Name, inSuffix)
		if !ok {
			continue
		}
		function, _, _ := strings.Cut(call, ".")
		name, out, err := play(ctx, l, call, abi.Function(function), f.Data)
		if err != nil {
			return err
		}
		c.Calls++
		if expected, ok := want[name]; !s.target.Update && (!ok || !bytes.Equal(compact(expected), compact(out))) {
			c.fail("%s: %s\n     got: %s\n    want: %s", filepath.Base(file), name, compact(out), compact(expected))
		}
		delete(want, f.Name)
		delete(want, name)
		updated.Files = append(updated.Files, f, txtar.File{Name: name, Data: out})
	}
	if c.Calls == before {
		return errors.New("it holds no calls: no section ends in " + inSuffix)
	}
	if s.target.Update {
		return os.WriteFile(file, txtar.Format(updated), 0o644)
	}
	for name := range want {
		c.fail("%s: nothing came for the section %s", filepath.Base(file), name)
	}
	return nil
}

// exchange plays a vector of a whole exchange; see package vector.
func (s *suite) exchange(ctx context.Context, loader *plugin.Loader, c *Result, file string, a *txtar.Archive) error {
	l, err := loader.Load(ctx, s.target.Declaration)
	if err != nil {
		return err
	}
	defer l.Release()
	call := func(f abi.Function, input []byte) ([]byte, error) {
		c.Calls++
		return l.Plugin.Call(ctx, f, input, nil)
	}
	played, problems := vector.Play(a, call)
	if s.target.Update && played != nil {
		return os.WriteFile(file, txtar.Format(played), 0o644)
	}
	for _, p := range problems {
		c.fail("%s: %s", filepath.Base(file), p)
	}
	if l.Manifest.LongText || len(problems) > 0 {
		return nil
	}
	_, problems = vector.Play(a, vector.Shortened(call, shortLimit))
	for _, p := range problems {
		c.fail("%s: with long strings kept out: %s", filepath.Base(file), p)
	}
	return nil
}

// shortLimit is so low that vectors have many strings that are kept out.
const shortLimit = 12

// play makes one call of a vector and names the section of what came out.
func play(ctx context.Context, l *plugin.Loaded, call string, f abi.Function, in []byte) (name string, out []byte, err error) {
	out, err = l.Plugin.Call(ctx, f, bytes.TrimSpace(in), nil)
	name = call + outSuffix
	var refusal *abi.Error
	if errors.As(err, &refusal) {
		name, out, err = call+errorSuffix, wire.AppendError(nil, refusal), nil
	}
	if err != nil {
		return "", nil, err
	}
	var b bytes.Buffer
	if json.Indent(&b, out, "", "  ") == nil {
		out = b.Bytes()
	}
	return name, append(out, '\n'), nil
}

func compact(b []byte) []byte {
	var out bytes.Buffer
	if json.Compact(&out, b) != nil {
		return bytes.TrimSpace(b)
	}
	return out.Bytes()
}

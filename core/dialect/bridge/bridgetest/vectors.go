// Package bridgetest holds bridges against vectors: files that say what goes in
// and all that must come out.
package bridgetest

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/dialect/bridge"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

var update = flag.Bool("update", false, "write the expected sections of the vectors anew")

// Suite is a bridge and its vectors: txtar files. Given sections: request.json (the
// client's), setup.json ({"usage":…,"to":{"drop":[…]}}), answer.json or chunks.jsonl (the canonical
// answer). Expected: chat.json, notices.txt (of what is given last), the section named Whole, events.txt, error.json.
type Suite struct {
	Dir    string
	Bridge bridge.Bridge
	ID     string // of every answer
	Whole  string // the section of a whole answer: "message.json"
	// Check holds the events of every stream that does not fail against the
	// dialect's own rules; nil for none.
	Check func(events []byte) error
}

var given = map[string]bool{"setup.json": true, "request.json": true, "answer.json": true, "chunks.jsonl": true}

// Run runs every file of the folder.
func (s *Suite) Run(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(s.Dir, "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no vectors: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, file, archive, s.walk(t, archive))
		})
	}
}

func section(a *txtar.Archive, name string) []byte {
	for _, f := range a.Files {
		if f.Name == name {
			return bytes.TrimSpace(f.Data)
		}
	}
	return nil
}

// walk runs what the vector gives and returns the expected sections in order.
func (s *Suite) walk(t *testing.T, a *txtar.Archive) (got []txtar.File) {
	t.Helper()
	put := func(name string, data []byte) { got = append(got, txtar.File{Name: name, Data: pretty(t, name, data)}) }
	fail := func(err error) {
		var e *core.Error
		if !errors.As(err, &e) {
			t.Fatalf("not a core.Error: %v", err)
		}
		b, _ := json.Marshal(map[string]string{"code": string(e.Code), "source": string(e.Source), "param": e.Param, "message": e.Message})
		put("error.json", b)
	}
	var setup struct {
		Usage core.Usage
		To    bridge.To
	}
	if b := section(a, "setup.json"); b != nil {
		if err := json.Unmarshal(b, &setup); err != nil {
			t.Fatal(err)
		}
	}
	request := section(a, "request.json")
	if request != nil {
		if chat, notices, err := s.Bridge.ToChat(request, setup.To); err != nil {
			fail(err)
		} else {
			put("chat.json", chat)
			if notices != nil {
				put("notices.txt", []byte(strings.Join(notices, "\n")))
			}
		}
	}
	if b := section(a, "answer.json"); b != nil {
		answer := bridge.Answer{ID: s.ID, Model: "served", Created: 1700000000, Usage: setup.Usage, Request: request}
		if whole, err := s.Bridge.FromChat(nil, b, &answer); err != nil {
			fail(err)
		} else {
			put(s.Whole, whole)
			if answer.Notices != nil {
				put("notices.txt", []byte(strings.Join(answer.Notices, "\n")))
			}
		}
	}
	if b := section(a, "chunks.jsonl"); b != nil {
		events, err := s.Relay(request, b, setup.Usage)
		put("events.txt", events)
		if err != nil {
			fail(err)
		} else if s.Check == nil {
		} else if err := s.Check(events); err != nil {
			t.Errorf("%v in\n%s", err, events)
		}
	}
	return got
}

// Relay translates a stream of canonical chunks, one a line. Its input is estimated at 7 tokens.
func (s *Suite) Relay(request, chunks []byte, u core.Usage) (out []byte, err error) {
	stream := s.Bridge.Stream(&bridge.Answer{ID: s.ID, Model: "served", Created: 1700000000, Usage: core.Usage{Input: 7}, Request: request})
	for chunk := range bytes.Lines(chunks) {
		if out, err = stream.Chunk(out, bytes.TrimSpace(chunk)); err != nil {
			return out, err
		}
	}
	return stream.Finish(out, u)
}

func pretty(t *testing.T, name string, b []byte) []byte {
	t.Helper()
	if !strings.HasSuffix(name, ".json") {
		return append(bytes.TrimRight(b, "\n"), '\n')
	}
	if err := scan.Valid(b); err != nil {
		t.Fatalf("%s: %v in %s", name, err, b)
	}
	var out bytes.Buffer
	if err := json.Indent(&out, b, "", "  "); err != nil {
		t.Fatal(err)
	}
	out.WriteByte('\n')
	return out.Bytes()
}

// compare holds got against the vector, also what must not be there.
func compare(t *testing.T, file string, a *txtar.Archive, got []txtar.File) {
	t.Helper()
	if *update {
		out := &txtar.Archive{Comment: a.Comment}
		for _, f := range a.Files {
			if given[f.Name] {
				out.Files = append(out.Files, f)
			}
		}
		out.Files = append(out.Files, got...)
		if err := os.WriteFile(file, txtar.Format(out), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	came := map[string]bool{}
	for _, f := range got {
		came[f.Name] = true
		if want := section(a, f.Name); !bytes.Equal(want, bytes.TrimSpace(f.Data)) {
			t.Errorf("%s\n got: %s\nwant: %s", f.Name, f.Data, want)
		}
	}
	for _, f := range a.Files {
		if !given[f.Name] && !came[f.Name] {
			t.Errorf("nothing came for %s", f.Name)
		}
	}
}

package store

import (
	"bytes"
	"database/sql"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/store/storetest"
)

// shortLog is a store whose log begins anew after pages, with a writer of entries.
type shortLog struct {
	*Store
	*sqlite
	t       *testing.T
	told    bytes.Buffer
	written int
}

// openShortLog opens a store at path. Unless alone, checkpoints run only when
// the test calls for them.
func openShortLog(t *testing.T, path string, pages int, alone bool) *shortLog {
	t.Helper()
	s := &shortLog{Store: openAt(t, path, ""), t: t}
	s.sqlite = s.db.(*sqlite)
	if !alone {
		s.checkpoints.stop()
		<-s.checkpoints.done
	}
	s.checkpoints.pages = pages
	s.LogTo(slog.New(slog.NewTextHandler(&s.told, nil)))
	if err := limitLog(t.Context(), s.conn, pages); err != nil {
		t.Fatal(err)
	}
	return s
}

// write makes n commits of one entry each.
func (s *shortLog) write(n int) {
	s.t.Helper()
	for range n {
		s.writeBatch(1)
	}
}

func (s *shortLog) writeBatch(size int) {
	s.t.Helper()
	b := &core.LedgerBatch{}
	for range size {
		s.written++
		b.Entries = append(b.Entries, storetest.Entry(s.written))
	}
	if _, err := s.WriteBatch(s.t.Context(), b); err != nil {
		s.t.Fatal(err)
	}
}

// begins writes until the log begins anew.
func (s *shortLog) begins() {
	s.t.Helper()
	for last, size := 0, s.size(); size >= last; last, size = size, s.size() {
		s.checkpoint()
		s.write(1)
	}
}

// size is the log's length in pages.
func (s *shortLog) size() int {
	s.t.Helper()
	var l logState
	if err := s.read.QueryRow("PRAGMA wal_checkpoint = NOOP").Scan(&l.blocked, &l.pages, &l.copied); err != nil {
		s.t.Fatal(err)
	}
	return l.pages
}

// fileSize is the log's as well, with what is left of a longer one.
func (s *shortLog) fileSize() int {
	s.t.Helper()
	info, err := os.Stat(s.path + "-wal")
	if err != nil {
		s.t.Fatal(err)
	}
	return int(info.Size()) / pageSize
}

// whole fails the test unless all that was written is there, now and after Close,
// which leaves no log.
func (s *shortLog) whole() {
	s.t.Helper()
	if err := s.Close(); err != nil {
		s.t.Fatal(err)
	}
	if _, err := os.Stat(s.path + "-wal"); !errors.Is(err, os.ErrNotExist) {
		s.t.Errorf("a log is left: %v", err)
	}
	again := openAt(s.t, s.path, "")
	var n int
	if err := again.read.QueryRow("SELECT COUNT(*) FROM entries").Scan(&n); err != nil || n != s.written {
		s.t.Errorf("%d entries, want %d; %v", n, s.written, err)
	}
	var state string
	if err := again.read.QueryRow("PRAGMA integrity_check").Scan(&state); err != nil || state != "ok" {
		s.t.Errorf("%s, %v", state, err)
	}
	if diffs, err := again.Verify(s.t.Context()); err != nil || len(diffs) != 0 {
		s.t.Errorf("verify: %v, %v", diffs, err)
	}
}

// TestCheckpoint: under constant writing the log begins anew, again and again.
func TestCheckpoint(t *testing.T) {
	s := openShortLog(t, filepath.Join(t.TempDir(), "t.db"), 100, true)
	for anew, last := 0, 0; anew < 20; {
		s.write(1)
		size := s.size()
		if size < last {
			anew++
		}
		if last = size; size > 100_000 {
			t.Fatalf("%d pages after %d commits and %d beginnings", size, s.written, anew)
		}
	}
	s.whole()
}

// TestCheckpoint_Reader: a reader sees its state and stops no commit. The log
// begins anew behind it, its file is cut back, and the operator hears of it
// if that takes long.
func TestCheckpoint_Reader(t *testing.T) {
	const pages = 40
	s := openShortLog(t, filepath.Join(t.TempDir(), "t.db"), pages, false)
	s.write(3)
	err := s.snapshot(t.Context(), "read", func(tx *sql.Tx) error {
		for range 3 {
			var n int
			if err := tx.QueryRow("SELECT COUNT(*) FROM entries").Scan(&n); err != nil || n != 3 {
				t.Errorf("the reader sees %d entries, %v", n, err)
			}
			for from := s.size(); s.size() < from+10*pages; s.checkpoint() {
				s.write(10)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(s.told.String(), "keeps reading"); n != 1 {
		t.Errorf("told %d times: %s", n, &s.told)
	}
	long := s.size()
	s.begins()
	if n := s.fileSize(); n > 5*pages {
		t.Errorf("the file keeps %d pages of %d", n, long)
	}
	if !strings.Contains(s.told.String(), "anew again") {
		t.Errorf("told %s", &s.told)
	}
	s.whole()
}

// TestCheckpoint_Fails: commits go on, the failure is told once, a later try succeeds.
func TestCheckpoint_Fails(t *testing.T) {
	closed, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	for what, spoil := range map[string]func(c *checkpoints) (repair func()){
		"look at the log": func(c *checkpoints) func() {
			db := c.db
			c.db, _ = sql.Open("sqlite3", "file:/none/at/all")
			return func() { c.db = db }
		},
		"sync the database": func(c *checkpoints) func() {
			file := c.file
			c.file = closed
			return func() { c.file = file }
		},
	} {
		t.Run(what, func(t *testing.T) {
			const pages = 40
			s := openShortLog(t, filepath.Join(t.TempDir(), "t.db"), pages, false)
			repair := spoil(s.checkpoints)
			for range 30 {
				s.write(10)
				s.checkpoint()
			}
			if told := s.told.String(); strings.Count(told, "\n") != 1 || !strings.Contains(told, what) {
				t.Errorf("told %s", told)
			}
			repair()
			s.begins() // perhaps after a copy that only its sync failed
			s.begins()
			if told := s.told.String(); strings.Count(told, "\n") != 2 || !strings.Contains(told, "anew again") {
				t.Errorf("told %s", told)
			}
			s.whole()
		})
	}
}

// TestCheckpoint_Locked: while another process writes, the log is copied and
// stays; nothing waits and nothing is a failure.
func TestCheckpoint_Locked(t *testing.T) {
	s := openShortLog(t, filepath.Join(t.TempDir(), "t.db"), 40, false)
	s.write(20)
	db, err := sql.Open("sqlite3", "file:"+s.path+"?_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	s.checkpoint()
	if l, err := s.checkpoints.run("NOOP"); err != nil || l.pages < 40 || l.copied != l.pages {
		t.Errorf("%+v, %v", l, err)
	}
	if err := errors.Join(tx.Rollback(), db.Close()); err != nil {
		t.Fatal(err)
	}
	s.begins()
	if s.told.Len() > 0 {
		t.Errorf("told %s", &s.told)
	}
	s.whole()
}

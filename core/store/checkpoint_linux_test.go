package store

import (
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestCheckpoint_DiskFull: the database cannot grow, the log still can.
func TestCheckpoint_DiskFull(t *testing.T) {
	s := openShortLog(t, filepath.Join(t.TempDir(), "t.db"), 40, false)
	s.writeBatch(5000) // the database's file is longer than the log will be
	s.begins()
	s.begins()
	db, err := os.Stat(s.path)
	if err != nil {
		t.Fatal(err)
	}
	room := limitFiles(t, uint64(db.Size()))
	for range 5 {
		s.write(10)
		s.checkpoint()
	}
	room()
	if told := s.told.String(); strings.Count(told, "\n") != 1 || !strings.Contains(told, "the disk is full") {
		t.Errorf("told %s", told)
	}
	s.begins()
	if told := s.told.String(); strings.Count(told, "\n") != 2 || !strings.Contains(told, "anew again") {
		t.Errorf("told %s", told)
	}
	s.whole()
}

// limitFiles makes writes beyond size fail in this process.
func limitFiles(t *testing.T, size uint64) (undo func()) {
	t.Helper()
	var own syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &own); err != nil {
		t.Fatal(err)
	}
	signal.Ignore(syscall.SIGXFSZ)
	set := func(limit syscall.Rlimit) {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
			t.Fatal(err)
		}
	}
	undo = func() { set(own) }
	t.Cleanup(undo)
	set(syscall.Rlimit{Cur: size, Max: own.Max})
	return undo
}

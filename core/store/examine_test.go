package store

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestExamine: a database is looked at while it is in use, and an older one stays as it is.
func TestExamine(t *testing.T) {
	file := filepath.Join(t.TempDir(), "t.db")
	url := "sqlite://" + file
	if _, _, err := Examine(t.Context(), url); err == nil {
		t.Error("a file that is not there was examined")
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("it was made")
	}
	s, err := Open(t.Context(), url, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	have, missing, err := Examine(t.Context(), url)
	if err != nil || missing != 0 || have == 0 {
		t.Errorf("%d seen, %d missing, %v", have, missing, err)
	}
	exec := func(statement string, version int) {
		t.Helper()
		if _, err := s.conn.ExecContext(t.Context(), statement, version); err != nil {
			t.Fatal(err)
		}
	}
	const forget, add = `DELETE FROM schema_migrations WHERE version = ?`, `INSERT INTO schema_migrations (version, name, applied_at) VALUES (?, 'x', 0)`
	exec(forget, 2) // one whose turn comes later than that of higher ones
	for range 2 {
		if _, missing, err = Examine(t.Context(), url); err != nil || missing != 1 {
			t.Errorf("%d missing, %v", missing, err)
		}
	}
	exec(add, 2)
	list, err := migrations()
	if err != nil {
		t.Fatal(err)
	}
	for _, newer := range []int{latest(list) + 1, 10} { // a newer program may have made one with a lower number
		exec(add, newer)
		if _, _, err := Examine(t.Context(), url); err == nil {
			t.Errorf("a newer program's schema with version %d is taken", newer)
		}
		exec(forget, newer)
	}
	other := filepath.Join(t.TempDir(), "other.db")
	if err := os.WriteFile(other, []byte("not a database, but long enough to be taken for one"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Examine(t.Context(), "sqlite://"+other); err == nil {
		t.Error("some other file was taken for a database")
	}
}

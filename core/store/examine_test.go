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
	have, need, err := Examine(t.Context(), url)
	if err != nil || have != need || have == 0 {
		t.Errorf("version %d of %d, %v", have, need, err)
	}
	if _, err := s.conn.ExecContext(t.Context(), `DELETE FROM schema_migrations WHERE version = ?`, need); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if have, _, err = Examine(t.Context(), url); err != nil || have >= need {
			t.Errorf("version %d, want one before %d; %v", have, need, err)
		}
	}
	if _, err := s.conn.ExecContext(t.Context(), `INSERT INTO schema_migrations (version, name, applied_at) VALUES (?, 'newer', 0)`, need+1); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Examine(t.Context(), url); err == nil {
		t.Error("a newer program's schema is taken")
	}
	other := filepath.Join(t.TempDir(), "other.db")
	if err := os.WriteFile(other, []byte("not a database, but long enough to be taken for one"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Examine(t.Context(), "sqlite://"+other); err == nil {
		t.Error("some other file was taken for a database")
	}
}

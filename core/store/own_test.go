package store

import (
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestStore_Own: one gateway at a time, and the next as soon as it is gone.
func TestStore_Own(t *testing.T) {
	url := "sqlite://" + filepath.Join(t.TempDir(), "t.db")
	open := func() *Store {
		s, err := Open(t.Context(), url, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	first, second := open(), open()
	defer second.Close()
	if err := first.Own(); err != nil {
		t.Fatal(err)
	}
	if err := second.Own(); err == nil || !strings.Contains(err.Error(), "another gateway runs on the database") {
		t.Errorf("owned twice: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := second.Own(); err != nil {
		t.Errorf("after the first: %v", err)
	}
}

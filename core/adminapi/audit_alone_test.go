package adminapi

import (
	"testing"
	"time"
)

// TestChange_RefusedAtOnce: who may not change anything does not stand in line with
// those who do, and so holds none of them up.
func TestChange_RefusedAtOnce(t *testing.T) {
	w := newWorld(t)
	err := w.store.Alone(t.Context(), func() error {
		answered := make(chan int)
		go func() {
			status, _, _ := w.do(plainSecret, "DELETE", "/keys/"+w.plain.ID, "")
			answered <- status
		}()
		select {
		case status := <-answered:
			if status != 403 {
				t.Errorf("status %d", status)
			}
		case <-time.After(10 * time.Second):
			t.Error("it waits")
			go func() { <-answered }()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

package main

import (
	"database/sql"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// lock takes the database's one write lock, as another program would.
func (g *gateway) lock() (unlock func()) {
	g.t.Helper()
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(g.dir, "data", "t.db")+"?_txlock=exclusive&_busy_timeout=5000")
	if err != nil {
		g.t.Fatal(err)
	}
	tx, err := db.Begin()
	if err != nil {
		g.t.Fatal(err)
	}
	return func() {
		g.t.Helper()
		if err := tx.Rollback(); err != nil {
			g.t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			g.t.Fatal(err)
		}
	}
}

// TestGateway_DatabaseLocked has another program hold the database's lock. For a
// moment requests wait; for longer than the busy time-out (a second here) they
// are refused clearly, nothing that the vendor answered is lost, and all goes on
// by itself.
func TestGateway_DatabaseLocked(t *testing.T) {
	v := newVendor(t)
	g := newGateway(t, settings, v)
	g.start()
	k := g.newKey("k", `, "budget": {"amount": "5.00"}`)

	unlock := g.lock()
	short, _ := g.later(k.Secret, "m", "short-whole", false)
	shortStream, _ := g.later(k.Secret, "m", "short-stream", true)
	time.Sleep(300 * time.Millisecond) // how long the lock is held is what the test is about
	if n := v.requests("short"); n != 0 {
		t.Errorf("%d requests reached the vendor before they were on record", n)
	}
	unlock()
	for _, a := range []answer{<-short, <-shortStream} {
		if !a.whole {
			t.Errorf("%s: %d %s", a.user, a.status, a.body)
		}
	}

	// Two stand at the vendor when the lock is taken, for longer than anyone waits.
	long, longStream, release := g.underWay(v, k.Secret, "long-")
	unlock = g.lock()
	release()
	v.at(nil)
	unavailable(t, <-long)
	if a := <-longStream; a.whole || strings.Count(a.body, `"code":"overloaded"`) != 1 {
		t.Errorf("%d %s", a.status, a.body)
	}
	unavailable(t, g.ask(k.Secret, "m", "refused", false))
	if status, body := g.try("POST", "/api/v1/keys", adminSecret, `{"name":"x"}`); status != http.StatusServiceUnavailable || !strings.Contains(string(body), "locked by another process") {
		t.Errorf("a key is made: %d %s", status, body)
	}
	if status, body := g.try("GET", "/readyz", "", ""); status != http.StatusServiceUnavailable {
		t.Errorf("readyz: %d %s", status, body)
	}
	unlock()
	eventually(t, "ready again", g.ready)
	if a := g.ask(k.Secret, "m", "after", false); !a.whole {
		t.Errorf("%+v", a)
	}
	if n := v.requests("refused"); n != 0 {
		t.Error("a refused request reached the vendor")
	}
	g.complete(v)
	g.verify(k)
}

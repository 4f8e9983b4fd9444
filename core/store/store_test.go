package store

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/store/storetest"
)

func openAt(t testing.TB, path, parameters string) *Store {
	t.Helper()
	s, err := Open(t.Context(), "sqlite://"+path+parameters, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestStore(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		storetest.Run(t, func(t *testing.T) core.Store {
			return openAt(t, filepath.Join(t.TempDir(), "a b#%", "x.db"), "")
		})
	})
	t.Run("postgres", func(t *testing.T) {
		storetest.Run(t, func(t *testing.T) core.Store { return openPostgres(t, storetest.Postgres(t)) })
	})
}

func TestOpen_Errors(t *testing.T) {
	dir := t.TempDir()
	garbage := filepath.Join(dir, "garbage.db")
	if err := os.WriteFile(garbage, []byte(strings.Repeat("not a database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	newer := filepath.Join(dir, "newer.db")
	s := openAt(t, newer, "")
	if _, err := s.conn.ExecContext(t.Context(), `INSERT INTO schema_migrations VALUES (99, 'x', 0)`); err != nil {
		t.Fatal(err)
	}
	for url, want := range map[string]string{
		"mysql://user:pa55@host/db":                      "want sqlite://PATH or postgres://",
		"user:pa55@host":                                 "want sqlite://PATH or postgres://",
		"postgres://user:pa55@host:port/db":              "no valid postgres URL",
		"postgres://user:pa55@host/db?sslmode=perhaps":   "no valid postgres URL",
		"postgres://h/db?pool_max_conns=0&password=pa55": "pool_max_conns is not a number",
		"postgres://user:pa55@127.0.0.1:1/db":            "open database 127.0.0.1:1/db: the database cannot be reached",
		"sqlite://":                                      "a file is needed",
		"sqlite://x.db?synchronous=off":                  "synchronous=off: want full or normal",
		"sqlite://x.db?busy_timeout=5":                   "busy_timeout=5: want a duration",
		"sqlite://x.db?jounral=wal":                      `unknown parameter "jounral"`,
		"sqlite://" + garbage:                            "damaged or not a database",
		"sqlite://" + newer:                              "schema has version 99, this program knows",
		"sqlite://" + dir:                                "is a directory",
		"sqlite://" + filepath.Join(garbage, "x", "y"):   "not a directory",
	} {
		s, err := Open(t.Context(), url, time.Now)
		if err == nil {
			_ = s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "pa55") {
			t.Errorf("%s: got %v, want %q", url, err, want)
		}
	}
}

// TestOpen_LowerMigration: a step that comes later than one with a higher number is taken all the same.
func TestOpen_LowerMigration(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	s := openAt(t, path, "")
	if _, err := s.conn.ExecContext(t.Context(), `DROP TABLE audit; DELETE FROM schema_migrations WHERE name IN ('0003_audit.sql', '0025_audit_repeats.sql')`); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := openAt(t, path, "").AppendAudit(t.Context(), storetest.AuditRecord(1)); err != nil {
		t.Error(err)
	}
}

func TestOpen_KeepsData(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	for n := range 3 {
		s, err := Open(t.Context(), "sqlite://"+path+"?synchronous=full", time.Now)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.WriteBatch(t.Context(), &core.LedgerBatch{Entries: []*core.LedgerEntry{storetest.Entry(n)}}); err != nil {
			t.Fatal(err)
		}
		entries, _, err := s.ListEntries(t.Context(), core.EntryFilter{Limit: 10})
		if err != nil || len(entries) != n+1 {
			t.Errorf("round %d: %d entries, %v", n, len(entries), err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v: want the owner's alone", info.Mode(), err)
	}
}

// A failed batch stores nothing, and the next one works without a restart.
func TestStore_BatchFails(t *testing.T) {
	batch := func(from, n int) *core.LedgerBatch {
		b := &core.LedgerBatch{}
		for i := range n {
			b.Entries = append(b.Entries, storetest.Entry(from+i))
		}
		return b
	}
	for _, c := range []struct {
		name, want string
		spoil      func(t *testing.T, s *Store, path string) (repair func())
	}{
		{"locked", "locked by another process", func(t *testing.T, _ *Store, path string) func() {
			db, err := sql.Open("sqlite3", "file:"+path+"?_txlock=immediate")
			if err != nil {
				t.Fatal(err)
			}
			tx, err := db.Begin()
			if err != nil {
				t.Fatal(err)
			}
			return func() { _ = tx.Rollback(); _ = db.Close() }
		}},
		{"disk full", "the disk is full", func(t *testing.T, s *Store, _ string) func() {
			pragma := func(text string) {
				if _, err := s.conn.ExecContext(t.Context(), text); err != nil {
					t.Fatal(err)
				}
			}
			pragma("PRAGMA max_page_count = 30")
			return func() { pragma("PRAGMA max_page_count = 1000000") }
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.db")
			s := openAt(t, path, "?busy_timeout=10ms")
			if _, err := s.WriteBatch(t.Context(), batch(0, 2)); err != nil {
				t.Fatal(err)
			}
			repair := c.spoil(t, s, path)
			res, err := s.WriteBatch(t.Context(), batch(2, 500))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, %v; want %q", res, err, c.want)
			}
			repair()
			if _, err := s.WriteBatch(t.Context(), batch(2, 500)); err != nil {
				t.Error(err)
			}
			entries, _, err := s.ListEntries(t.Context(), core.EntryFilter{Limit: 1000})
			if err != nil || len(entries) != 502 {
				t.Errorf("%d entries, %v; want 502", len(entries), err)
			}
			if diffs, err := s.Verify(t.Context()); err != nil || len(diffs) != 0 {
				t.Errorf("verify: %v, %v", diffs, err)
			}
		})
	}
}

// TestStore_BadRows: entries whose values the database refuses are left out, and
// nothing else is.
func TestStore_BadRows(t *testing.T) {
	for name, open := range map[string]func(t *testing.T) *Store{
		"sqlite": func(t *testing.T) *Store {
			s := openAt(t, filepath.Join(t.TempDir(), "x.db"), "")
			spoil(t, s, `CREATE TRIGGER picky BEFORE INSERT ON entries WHEN NEW.amount = 1003 BEGIN SELECT RAISE(ABORT, 'no'); END`)
			spoil(t, s, `CREATE TRIGGER picky2 BEFORE INSERT ON rollups WHEN NEW.model = 'x' BEGIN SELECT RAISE(ABORT, 'no'); END`)
			return s
		},
		"postgres": func(t *testing.T) *Store {
			s := openPostgres(t, storetest.Postgres(t))
			spoil(t, s, `ALTER TABLE entries ADD CHECK (amount <> 1003)`)
			spoil(t, s, `ALTER TABLE rollups ADD CHECK (model <> 'x')`)
			return s
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			b := &core.LedgerBatch{Open: []*core.OpenExchange{opened(3), opened(4)}}
			for n := range 8 {
				e := storetest.Entry(n)
				if n == 5 {
					e.RequestedModel = "x"
				}
				b.Entries = append(b.Entries, e)
			}
			for round := range 2 {
				res, err := s.WriteBatch(t.Context(), b)
				if err != nil || len(res.BadEntries) != 2 || res.BadEntries[3] == nil || res.BadEntries[5] == nil || len(res.Known) != 6*round {
					t.Fatalf("round %d: %+v, %v", round, res, err)
				}
				b.Open = nil
			}
			entries, _, err := s.ListEntries(t.Context(), core.EntryFilter{Limit: 100})
			if err != nil || len(entries) != 6 {
				t.Errorf("%d entries, %v", len(entries), err)
			}
			if open, err := s.ListOpen(t.Context(), ""); err != nil || len(open) != 1 || open[0].ExchangeID != "exc_000003" {
				t.Errorf("open %v, %v", open, err)
			}
			if diffs, err := s.Verify(t.Context()); err != nil || len(diffs) != 0 {
				t.Errorf("verify: %v, %v", diffs, err)
			}
		})
	}
}

func spoil(t *testing.T, s *Store, statement string) {
	t.Helper()
	if _, err := s.conn.ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

// Verify sees each kind of drift, and Rebuild mends it.
func TestStore_Verify(t *testing.T) {
	for _, drift := range []string{
		`UPDATE rollups SET amount = amount + 1`,
		`DELETE FROM rollups`,
		`INSERT INTO rollups SELECT hour + 3600000000000, organization_id, team_id, project_id, user_id, key_id, model, provider, deployment, outcome, 1, 1, 1, 1, 0 FROM rollups`,
	} {
		s := openAt(t, filepath.Join(t.TempDir(), "x.db"), "")
		if _, err := s.WriteBatch(t.Context(), &core.LedgerBatch{Entries: []*core.LedgerEntry{storetest.Entry(1)}}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.conn.ExecContext(t.Context(), drift); err != nil {
			t.Fatal(err)
		}
		if diffs, err := s.Verify(t.Context()); err != nil || len(diffs) != 1 {
			t.Errorf("%s: differences %v, %v; want one", drift, diffs, err)
		}
		if err := s.Rebuild(t.Context()); err != nil {
			t.Fatal(err)
		}
		if diffs, err := s.Verify(t.Context()); err != nil || len(diffs) != 0 {
			t.Errorf("%s: after a rebuild %v, %v", drift, diffs, err)
		}
	}
}

// onEach runs a benchmark on every database.
func onEach(b *testing.B, f func(b *testing.B, s *Store)) {
	b.Run("sqlite", func(b *testing.B) { f(b, openAt(b, filepath.Join(b.TempDir(), "bench.db"), "")) })
	b.Run("postgres", func(b *testing.B) { f(b, openPostgres(b, storetest.Postgres(b))) })
}

func BenchmarkStore_WriteBatch(b *testing.B) {
	onEach(b, func(b *testing.B, s *Store) {
		n := 0
		for _, size := range []int{1, 32, 256} {
			b.Run(fmt.Sprintf("size=%d", size), func(b *testing.B) {
				batch := &core.LedgerBatch{}
				written := 0
				for b.Loop() {
					batch.Entries = batch.Entries[:0]
					for range size {
						n++
						e := storetest.Entry(n)
						e.Usage = core.Usage{Input: 1000, CacheRead: 200, Output: 321, InputSource: core.UsageReported, OutputSource: core.UsageReported}
						e.Attempts, e.Findings, e.Tags = e.Attempts[1:], nil, nil
						batch.Entries = append(batch.Entries, e)
					}
					if _, err := s.WriteBatch(b.Context(), batch); err != nil {
						b.Fatal(err)
					}
					written += size
				}
				b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(written), "µs/entry")
			})
		}
	})
}

package store

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/store/storetest"
)

// TestAudit_AppendOnly: the database itself refuses what no method offers.
func TestAudit_AppendOnly(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "x.db"), "")
	want := storetest.AuditRecord(1)
	if err := s.AppendAudit(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{"UPDATE audit SET action = 'x'", "DELETE FROM audit"} {
		if _, err := s.conn.ExecContext(t.Context(), statement); err == nil {
			t.Errorf("%s was done", statement)
		}
	}
	if got, _, err := s.ListAudit(t.Context(), core.AuditFilter{Limit: 1}); err != nil || len(got) != 1 || got[0].Action != want.Action {
		t.Errorf("%+v, %v", got, err)
	}
}

// BenchmarkStore_ListAudit reads pages of 50 out of 1,000,000 records of 1,000
// keys, changed by 10 keys.
func BenchmarkStore_ListAudit(b *testing.B) { onEach(b, benchmarkListAudit) }

func benchmarkListAudit(b *testing.B, s *Store) {
	const n, chunk = 1_000_000, 1000
	actions := []string{"key.create", "key.update", "key.rotate", "key.block", "key.delete"}
	row := "(?,?,?,'key',?,'admin','key',?,'ci','ok','','{\"name\": \"a\"}','{\"name\": \"b\"}','192.0.2.1','curl',1)"
	err := s.write(b.Context(), "fill", func(tx *sql.Tx) error {
		insert, err := tx.PrepareContext(b.Context(), "INSERT INTO audit ("+auditColumns+") VALUES "+row+strings.Repeat(","+row, chunk-1))
		if err != nil {
			return err
		}
		defer insert.Close()
		for i := 0; i < n; {
			var args []any
			for range chunk {
				at := storetest.At.Add(time.Duration(i) * time.Second)
				args = append(args, fmt.Sprintf("aud_%07d", i), nanos(at), actions[i%len(actions)], fmt.Sprintf("key_a%d", i/7%10), fmt.Sprintf("key_%d", i/3%1000))
				i++
			}
			if _, err := insert.ExecContext(b.Context(), args...); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := s.conn.ExecContext(b.Context(), "ANALYZE"); err != nil { // as Postgres does by itself
		b.Fatal(err)
	}
	middle := storetest.At.Add(n / 2 * time.Second)
	deep := core.AuditFilter{To: middle, Limit: 50}
	if _, deep.Cursor, err = s.ListAudit(b.Context(), deep); err != nil {
		b.Fatal(err)
	}
	for _, bb := range []struct {
		name string
		f    core.AuditFilter
	}{
		{"newest", core.AuditFilter{}},
		{"oldest", core.AuditFilter{OldestFirst: true}},
		{"cursor", deep},
		{"time", core.AuditFilter{From: middle, To: middle.Add(time.Hour)}},
		{"action", core.AuditFilter{Action: "key.block"}},
		{"kind", core.AuditFilter{ObjectKind: "key"}},
		{"object", core.AuditFilter{ObjectID: "key_7"}},
		{"actor", core.AuditFilter{ActorID: "key_a3"}},
		{"nothing", core.AuditFilter{Action: "key.nothing", ObjectKind: "key"}},
		{"actor and nothing", core.AuditFilter{ActorID: "key_a3", Action: "key.nothing"}},
		{"actor and no kind", core.AuditFilter{ActorID: "key_a3", ObjectKind: "nothing"}},
		{"object and nothing", core.AuditFilter{ObjectID: "key_7", ActorID: "key_a3", Action: "key.nothing"}},
		{"all", core.AuditFilter{Action: "key.block", ObjectKind: "key", ObjectID: "key_7", ActorID: "key_a3", To: middle}},
	} {
		b.Run(bb.name, func(b *testing.B) {
			bb.f.Limit = 50
			for b.Loop() {
				if _, _, err := s.ListAudit(b.Context(), bb.f); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

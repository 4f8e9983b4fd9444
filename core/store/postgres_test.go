package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/store/storetest"
)

func openPostgres(t testing.TB, url string) *Store {
	t.Helper()
	s, err := Open(t.Context(), url, time.Now)
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

// operator is a session beside the store's.
func operator(t testing.TB, url string) func(statement string, args ...any) pgx.Rows {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return func(statement string, args ...any) pgx.Rows {
		t.Helper()
		rows, err := conn.Query(t.Context(), statement, args...)
		if err != nil {
			t.Fatal(err)
		}
		return rows
	}
}

// writer is the process of the server that serves the writing connection.
func (s *Store) writer(t testing.TB) (pid int64) {
	t.Helper()
	s.writes.Lock()
	defer s.writes.Unlock()
	if err := s.conn.QueryRowContext(t.Context(), "SELECT pg_backend_pid()").Scan(&pid); err != nil {
		t.Fatal(err)
	}
	return pid
}

// end ends a session as an operator or a failing server does.
func end(t testing.TB, op func(string, ...any) pgx.Rows, pid int64) {
	t.Helper()
	op("SELECT pg_terminate_backend($1, 5000)", pid).Close()
}

func TestNumbered(t *testing.T) {
	for query, want := range map[string]string{
		"SELECT 1":                      "SELECT 1",
		"a = ? AND b IN (?, ?)":         "a = $1 AND b IN ($2, $3)",
		"a = '?' AND b = ?":             "a = '?' AND b = $1",
		"a = 'it''s ?' OR b = ?":        "a = 'it''s ?' OR b = $1",
		`"what?" = ? -- why? it's`:      `"what?" = $1 -- why? it's`,
		"? -- why?\n, ? /* or? ' */, ?": "$1 -- why?\n, $2 /* or? ' */, $3",
		"a = 'no end ?":                 "a = 'no end ?",
		"? - ? / ?":                     "$1 - $2 / $3",
		strings.Repeat("?,", 11) + "?":  "$1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12",
	} {
		for range 2 { // the second comes from the cache
			if got := numbered(query); got != want {
				t.Errorf("%s: got %s", query, got)
			}
		}
	}
}

// TestPostgres_Order: the server of the tests orders texts as people do, and
// every column of ours by bytes all the same.
func TestPostgres_Order(t *testing.T) {
	url := storetest.Postgres(t)
	s, op := openPostgres(t, url), operator(t, url)
	natural := ""
	for rows := op(`SELECT collation_name, table_name || '.' || column_name FROM information_schema.columns
		WHERE table_schema = current_schema() AND data_type NOT IN ('bigint') AND collation_name IS DISTINCT FROM 'C'`); rows.Next(); {
		var collation, column *string
		if err := rows.Scan(&collation, &column); err != nil {
			t.Fatal(err)
		}
		natural += " " + *column
	}
	if natural != "" {
		t.Errorf("not bigint or ordered by bytes:%s", natural)
	}
	for _, name := range []string{"a", "B", "Z", "b", "ä", "-"} {
		o := &core.Organization{ID: "org_" + name, Name: name, CreatedAt: storetest.At, UpdatedAt: storetest.At}
		if err := s.CreateOrganization(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	got, cursor := "", ""
	for {
		list, next, err := s.ListOrganizations(t.Context(), core.OrganizationFilter{Page: core.Page{Limit: 1, Cursor: cursor}})
		if err != nil {
			t.Fatal(err)
		}
		got += list[0].Name
		if cursor = next; next == "" {
			break
		}
	}
	if got != "äbaZB-" {
		t.Errorf("in the order %q", got)
	}
}

// TestPostgres_AppendOnly: the database itself refuses what no method offers.
func TestPostgres_AppendOnly(t *testing.T) {
	s := openPostgres(t, storetest.Postgres(t))
	if err := s.AppendAudit(t.Context(), storetest.AuditRecord(1)); err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{"UPDATE audit SET action = 'x'", "DELETE FROM audit", "TRUNCATE audit"} {
		if _, err := s.conn.ExecContext(t.Context(), statement); err == nil {
			t.Errorf("%s was done", statement)
		}
	}
	if got, _, err := s.ListAudit(t.Context(), core.AuditFilter{Limit: 1}); err != nil || len(got) != 1 {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestPostgres_OpenTogether: gateways that start at the same time on an empty
// database make one schema.
func TestPostgres_OpenTogether(t *testing.T) {
	url := storetest.Postgres(t)
	var all sync.WaitGroup
	for range 5 {
		all.Go(func() {
			s, err := Open(t.Context(), url, time.Now)
			if err != nil {
				t.Error(err)
				return
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	have, missing, err := Examine(t.Context(), url)
	if err != nil || have == 0 || missing != 0 {
		t.Errorf("%d seen, %d missing, %v", have, missing, err)
	}
}

// TestPostgres_Examine changes nothing, and refuses a newer program's schema.
func TestPostgres_Examine(t *testing.T) {
	url := storetest.Postgres(t)
	for range 2 {
		if have, missing, err := Examine(t.Context(), url); err != nil || have != 0 || missing == 0 {
			t.Errorf("version %d of %d, %v", have, missing, err)
		}
	}
	openPostgres(t, url)
	op := operator(t, url)
	op("INSERT INTO schema_migrations (version, name, applied_at) VALUES (9999, 'newer', 0)").Close()
	if _, _, err := Examine(t.Context(), url); err == nil {
		t.Error("a newer program's schema is taken")
	}
	if s, err := Open(t.Context(), url, time.Now); err == nil {
		_ = s.Close()
		t.Error("and opened")
	}
}

// TestPostgres_Password: no error and no name has the password.
func TestPostgres_Password(t *testing.T) {
	url := storetest.Postgres(t)
	config, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	wrong := strings.Replace(url, ":"+config.Password+"@", ":pa55-pa55@", 1)
	nowhere := strings.Replace(wrong, "/"+config.Database, "/no_such_database", 1)
	for _, u := range []string{wrong, nowhere, strings.Replace(url, config.Password, "pa55%zz", 1), url + "&sslrootcert=/no/such&sslmode=verify-full"} {
		s, err := Open(t.Context(), u, time.Now)
		if err == nil {
			_ = s.Close()
			t.Fatal("opened")
		}
		_, _, examined := Examine(t.Context(), u)
		for _, text := range []string{err.Error(), fmt.Sprint(examined), Name(u), fmt.Sprintf("%+v", core.AsError(err))} {
			if strings.Contains(text, "pa55") || strings.Contains(text, config.Password) {
				t.Error(text)
			}
		}
	}
	if _, err := Open(t.Context(), wrong, time.Now); err == nil || !strings.Contains(err.Error(), "refuses the user or the password") {
		t.Error(err)
	}
}

// TestPostgres_Text: what Postgres cannot store is replaced, wherever it comes from.
func TestPostgres_Text(t *testing.T) {
	s := openPostgres(t, storetest.Postgres(t))
	name := "a\x00b\xff"
	if list, _, err := s.ListOrganizations(t.Context(), core.OrganizationFilter{Name: &name, Page: core.Page{Limit: 1}}); err != nil || len(list) != 0 {
		t.Errorf("%v, %v", list, err)
	}
}

// TestPostgres_Own: one gateway at a time, and the next as soon as it is gone.
func TestPostgres_Own(t *testing.T) {
	url := storetest.Postgres(t)
	first, second := openPostgres(t, url), openPostgres(t, url)
	second.db.(*postgres).owner.wait = 50 * time.Millisecond
	if err := first.Own(); err != nil {
		t.Fatal(err)
	}
	if err := second.Own(); err == nil || !strings.Contains(err.Error(), "another gateway runs on the database") || !strings.Contains(err.Error(), "as tokligence ") {
		t.Errorf("owned twice: %v", err)
	}
	if err := openPostgres(t, storetest.Postgres(t)).Own(); err != nil {
		t.Errorf("another schema: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second.db.(*postgres).owner.wait = 5 * time.Second
	if err := second.Own(); err != nil {
		t.Errorf("after the first: %v", err)
	}
}

// TestPostgres_OwnAgain: an owner whose session ends while it is idle owns the
// database again soon.
func TestPostgres_OwnAgain(t *testing.T) {
	url := storetest.Postgres(t)
	s, other, op := openPostgres(t, url), openPostgres(t, url), operator(t, url)
	if err := s.Own(); err != nil {
		t.Fatal(err)
	}
	before := s.writer(t)
	end(t, op, before)
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		var pid int64
		s.writes.Lock()
		err := s.conn.QueryRowContext(t.Context(), "SELECT pg_backend_pid()").Scan(&pid)
		s.writes.Unlock()
		if err == nil && pid != before {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("never connected again")
		}
	}
	other.db.(*postgres).owner.wait = 50 * time.Millisecond
	if err := other.Own(); err == nil {
		t.Error("owned by another")
	}
}

// TestPostgres_Overthrown: whoever lost the database to another gateway writes
// nothing more, and says so once.
func TestPostgres_Overthrown(t *testing.T) {
	url := storetest.Postgres(t)
	s, other, op := openPostgres(t, url), openPostgres(t, url), operator(t, url)
	if err := s.Own(); err != nil {
		t.Fatal(err)
	}
	s.writes.Lock() // so that it is not quicker
	var pid int64
	if err := s.conn.QueryRowContext(t.Context(), "SELECT pg_backend_pid()").Scan(&pid); err != nil {
		t.Fatal(err)
	}
	end(t, op, pid)
	if err := other.Own(); err != nil {
		t.Fatal(err)
	}
	s.db.(*postgres).owner.wait = 50 * time.Millisecond
	s.writes.Unlock()
	select {
	case err := <-s.Lost():
		if !errors.Is(err, errTaken) {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("not noticed")
	}
	if err := other.Close(); err != nil { // it stays lost
		t.Fatal(err)
	}
	_, err := s.WriteBatch(t.Context(), &core.LedgerBatch{Entries: []*core.LedgerEntry{storetest.Entry(1)}})
	if !errors.Is(err, errTaken) || core.AsError(err).Code != core.CodeOverloaded {
		t.Errorf("a batch: %v", err)
	}
	if err := s.AppendAudit(t.Context(), storetest.AuditRecord(1)); !errors.Is(err, errTaken) {
		t.Errorf("another write: %v", err)
	}
	if got, _, err := s.ListEntries(t.Context(), core.EntryFilter{Limit: 10}); err != nil || len(got) != 0 {
		t.Errorf("%v, %v", got, err)
	}
}

// TestPostgres_Locked: what another session locks fails what is written, and
// nothing is left of it.
func TestPostgres_Locked(t *testing.T) {
	url := storetest.Postgres(t)
	s, op := openPostgres(t, url), operator(t, url)
	if err := s.Own(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.conn.ExecContext(t.Context(), "SET lock_timeout = 50"); err != nil {
		t.Fatal(err)
	}
	op("BEGIN").Close()
	op("LOCK TABLE entries, audit IN ACCESS EXCLUSIVE MODE").Close()
	b := &core.LedgerBatch{Entries: []*core.LedgerEntry{storetest.Entry(1), storetest.Entry(2)}}
	_, batch := s.WriteBatch(t.Context(), b)
	for _, err := range []error{batch, s.AppendAudit(t.Context(), storetest.AuditRecord(1))} {
		if err == nil || !strings.Contains(err.Error(), "locked by another process") || core.AsError(err).Code != core.CodeOverloaded {
			t.Error(err)
		}
	}
	op("ROLLBACK").Close()
	if res, err := s.WriteBatch(t.Context(), b); err != nil || len(res.Known) != 0 {
		t.Errorf("%+v, %v", res, err)
	}
	if err := s.AppendAudit(t.Context(), storetest.AuditRecord(1)); err != nil {
		t.Error(err)
	}
}

// TestPostgres_CallerLeaves: a write whose caller has left does not cost the
// connection that owns the database.
func TestPostgres_CallerLeaves(t *testing.T) {
	url := storetest.Postgres(t)
	s, op := openPostgres(t, url), operator(t, url)
	before := s.writer(t)
	op("BEGIN").Close()
	op("LOCK TABLE audit IN ACCESS EXCLUSIVE MODE").Close()
	ctx, leave := context.WithCancel(t.Context())
	written := make(chan error)
	go func() { written <- s.AppendAudit(ctx, storetest.AuditRecord(1)) }()
	for waiting := 0; waiting == 0; {
		if err := s.read.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM pg_stat_activity WHERE pid = ? AND wait_event_type = 'Lock'`, before).Scan(&waiting); err != nil {
			t.Fatal(err)
		}
	}
	leave()
	op("ROLLBACK").Close()
	if err := <-written; err != nil {
		t.Error(err)
	}
	if pid := s.writer(t); pid != before {
		t.Error("the connection was lost")
	}
}

// TestPostgres_Reconnect: the session may end at any time between two writes.
func TestPostgres_Reconnect(t *testing.T) {
	url := storetest.Postgres(t)
	s, op := openPostgres(t, url), operator(t, url)
	var entries []*core.LedgerEntry
	for n := range 10 {
		end(t, op, s.writer(t))
		entries = append(entries, storetest.Entry(n))
		res, err := s.WriteBatch(t.Context(), &core.LedgerBatch{Entries: entries})
		if err != nil || len(res.Known) != n {
			t.Fatalf("%d: %+v, %v", n, res, err)
		}
		end(t, op, s.writer(t))
		if err := s.AppendAudit(t.Context(), storetest.AuditRecord(n)); err != nil {
			t.Fatal(err)
		}
	}
	if got, _, err := s.ListEntries(t.Context(), core.EntryFilter{Limit: 100}); err != nil || len(got) != 10 {
		t.Errorf("%d entries, %v", len(got), err)
	}
	if diffs, err := s.Verify(t.Context()); err != nil || len(diffs) != 0 {
		t.Errorf("verify: %v, %v", diffs, err)
	}
}

// breaking is an engine whose ledger batches end with a connection that breaks.
type breaking struct {
	engine
	t      *testing.T
	op     func(string, ...any) pgx.Rows
	times  int  // how often
	commit bool // the database commits before that
}

type breakingBatch struct {
	batchDB
	e *breaking
}

func (e *breaking) batches(conn *sql.Conn) (batchDB, error) {
	b, err := e.engine.batches(conn)
	return &breakingBatch{b, e}, err
}

func (b *breakingBatch) commit() error {
	if b.e.times == 0 {
		return b.batchDB.commit()
	}
	b.e.times--
	if b.e.commit {
		if err := b.batchDB.commit(); err != nil {
			b.e.t.Error(err)
		}
	}
	conn := b.batchDB.(*postgresBatch).conn
	end(b.e.t, b.e.op, int64(conn.PgConn().PID()))
	_, err := conn.Exec(context.Background(), "commit")
	return err
}

// TestPostgres_CommitInDoubt: the connection breaks at a commit, which the
// database may have done or not. Nothing is lost, doubled or taken for somebody
// else's, and what was refused is not open.
func TestPostgres_CommitInDoubt(t *testing.T) {
	for name, b := range map[string]breaking{
		"done":           {commit: true, times: 1},
		"not done":       {times: 1},
		"done, twice":    {commit: true, times: 2},
		"done, again":    {commit: true, times: 5},
		"not done twice": {times: 2},
	} {
		t.Run(name, func(t *testing.T) {
			url := storetest.Postgres(t)
			s := openPostgres(t, url)
			b.engine, b.t, b.op = s.db, t, operator(t, url)
			s.db = &b
			end(t, b.op, s.writer(t)) // so that the next batch has a new connection
			write := func(batch *core.LedgerBatch) (core.BatchResult, error) { return s.WriteBatch(t.Context(), batch) }
			times := b.times
			b.times = 0
			if _, err := write(&core.LedgerBatch{Entries: []*core.LedgerEntry{storetest.Entry(1)}}); err != nil {
				t.Fatal(err)
			}
			b.times = times
			batch := &core.LedgerBatch{Open: []*core.OpenExchange{opened(10), opened(11)},
				Entries: []*core.LedgerEntry{storetest.Entry(1), storetest.Entry(2), storetest.Entry(3), storetest.Entry(2)}}
			res, err := write(batch)
			wantOpen := 2
			for err != nil {
				if !b.commit && b.times > 0 {
					t.Fatal(err)
				}
				if _, err := s.SumAmounts(t.Context(), core.ScopeKey, "key_1", time.Time{}, time.Time{}); err == nil {
					t.Error("sums are told although nobody knows them")
				}
				batch.Open, wantOpen = nil, 0 // as the ledger does
				res, err = write(batch)
			}
			if len(res.Known) != 2 || !res.Known[0] || !res.Known[3] {
				t.Errorf("known %v", res.Known)
			}
			if res, err := write(batch); err != nil || len(res.Known) != 4 {
				t.Errorf("once more: %v, %v", res, err)
			}
			if got, _, err := s.ListEntries(t.Context(), core.EntryFilter{Limit: 100}); err != nil || len(got) != 3 {
				t.Errorf("%d entries, %v", len(got), err)
			}
			if open, err := s.ListOpen(t.Context(), ""); err != nil || len(open) != wantOpen {
				t.Errorf("%d open, want %d; %v", len(open), wantOpen, err)
			}
			sum, err := s.SumAmounts(t.Context(), core.ScopeKey, "key_1", time.Time{}, time.Time{})
			if err != nil || sum != 1001+1002+1003 {
				t.Errorf("sum %s, %v", sum, err)
			}
			if diffs, err := s.Verify(t.Context()); err != nil || len(diffs) != 0 {
				t.Errorf("verify: %v, %v", diffs, err)
			}
		})
	}
}

func opened(n int) *core.OpenExchange {
	e := storetest.Entry(n)
	return &core.OpenExchange{ExchangeID: e.ExchangeID, NodeID: "nod_1", At: e.At, Key: e.Key, Deployment: e.Deployment, Reserved: 100}
}

// TestPostgres_Killed ends the writing session at any moment, also within a
// commit: what is written again until it is there is there once.
func TestPostgres_Killed(t *testing.T) {
	url := storetest.Postgres(t)
	s := openPostgres(t, url)
	if err := s.Own(); err != nil {
		t.Fatal(err)
	}
	op := operator(t, url)
	ctx, stop := context.WithCancel(t.Context())
	var killer sync.WaitGroup
	var kills atomic.Int64
	killer.Go(func() {
		for ctx.Err() == nil {
			rows := op(`SELECT pg_terminate_backend(l.pid, 5000) FROM pg_locks l WHERE l.locktype = 'advisory' AND l.classid::bigint = $1
				AND l.objid::bigint = $2 AND l.granted`, int64(lockOwner), int64(uint32(s.db.(*postgres).schema)))
			for rows.Next() {
				kills.Add(1)
			}
			time.Sleep(time.Duration(rand.IntN(20)) * time.Millisecond) // the moment is what the test tries out
		}
	})
	const batches, size = 200, 5
	failed := 0
	var want core.Nano
	for n := 0; n < batches || kills.Load() < 10; n++ {
		b := &core.LedgerBatch{}
		for i := range size {
			e := storetest.Entry(n*size + i)
			e.Deployment = fmt.Sprint("d", n%7)
			b.Entries = append(b.Entries, e)
			b.Open = append(b.Open, opened(n*size+i))
			want += e.Amount
		}
		if _, err := s.WriteBatch(t.Context(), &core.LedgerBatch{Open: b.Open}); err != nil {
			failed++
		}
		b.Open = nil
		for {
			res, err := s.WriteBatch(t.Context(), b)
			if err == nil {
				if len(res.Known) > 0 || len(res.BadEntries) > 0 {
					t.Errorf("batch %d: %+v", n, res)
				}
				break
			}
			if failed++; core.AsError(err).Code != core.CodeOverloaded {
				t.Errorf("batch %d: %v", n, err)
			}
		}
	}
	stop()
	killer.Wait()
	got, err := s.SumAmounts(t.Context(), core.ScopeKey, "key_1", time.Time{}, time.Time{})
	if err != nil || got != want {
		t.Errorf("sum %s, want %s; %v", got, want, err)
	}
	if open, err := s.ListOpen(t.Context(), ""); err != nil || len(open) != 0 {
		t.Errorf("%d open, %v", len(open), err)
	}
	if diffs, err := s.Verify(t.Context()); err != nil || len(diffs) != 0 {
		t.Errorf("verify: %v, %v", diffs, err)
	}
	t.Logf("%d sessions ended, %d batches failed", kills.Load(), failed)
}

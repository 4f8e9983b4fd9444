package adminapi

import (
	"database/sql"
	"fmt"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/tokligence/gateway/core/keys"
	"github.com/tokligence/gateway/core/store/storetest"
)

// crowd is how many keys, users, memberships and audit records there are;
// TOKLIGENCE_BENCH_ROWS sets another number.
const crowd = 1_000_000

// crowded fills the tables of a store: half of all is one team's and nine tenths
// one organization's, one user has a thousandth of the keys, a third has one name, and
// one of five thousand keys is blocked. # stands for the number of rows.
var crowded = []string{
	`INSERT INTO organizations (id, name, created_at, updated_at) SELECT 'org_' || n, 'org ' || n, n, n FROM seq WHERE n <= 100`,
	`INSERT INTO teams (id, organization_id, name, created_at, updated_at) SELECT 'tea_' || n, CASE WHEN n % 10 < 9 THEN 'org_1' ELSE 'org_' || (2 + n % 99) END,
		'team ' || n, n, n FROM seq WHERE n <= 1000`,
	`INSERT INTO projects (id, organization_id, team_id, name, all_models, models, rpm, tpm, parallel, tags, created_at, updated_at)
		SELECT 'prj_' || n, 'org_1', 'tea_1', 'project ' || n, 1, '[]', 0, 0, 0, '[]', n, n FROM seq WHERE n <= 100`,
	`INSERT INTO users (id, name, email, created_at, updated_at)
		SELECT 'usr_' || (10000000000 + n), CASE WHEN n % 3 = 0 THEN 'Ada' ELSE 'user ' || (n % 100000) END, 'u' || n || '@example.com', n, n FROM seq`,
	`INSERT INTO memberships (id, user_id, organization_id, team_id, role, created_at, updated_at)
		SELECT 'mem_' || (10000000000 + n), 'usr_' || (10000000000 + n), CASE WHEN n % 10 < 9 THEN 'org_1' ELSE 'org_' || (2 + n % 99) END,
		CASE WHEN n % 10 >= 9 THEN '' WHEN n % 2 = 0 THEN 'tea_1' ELSE 'tea_' || (2 + n % 800) END, 'member', n, n FROM seq`,
	`INSERT INTO virtual_keys (id, name, prefix, last_four, role, organization_id, team_id, user_id, all_models, models, rpm, tpm, parallel, tags, blocked, created_at, updated_at, project_id, kind)
		SELECT 'key_' || (10000000000 + n), CASE WHEN n % 3 = 0 THEN 'ci' ELSE 'key ' || n END, 'sk-tok-abcd', 'wxyz', '',
		CASE WHEN n % 50000 = 1 THEN '' WHEN n % 10 < 9 THEN 'org_1' ELSE 'org_' || (2 + n % 99) END,
		CASE WHEN n % 50000 IN (1, 2) OR n % 10 >= 9 THEN '' WHEN n % 2 = 0 THEN 'tea_1' ELSE 'tea_' || (2 + n % 800) END,
		CASE WHEN n % 50000 IN (1, 2) OR n % 5 = 0 THEN '' WHEN n % 1000 = 3 THEN 'usr_10000000001' ELSE 'usr_' || (10000000000 + n % 200000) END,
		1, '[]', 0, 0, 0, '[]', CASE WHEN n % 5000 = 0 THEN 1 ELSE 0 END, n, n, CASE WHEN n % 20 = 8 THEN 'prj_' || (n % 100) ELSE '' END,
		CASE WHEN n % 50000 = 1 THEN 'installation' WHEN n % 50000 = 2 THEN 'organization' WHEN n % 5 <> 0 THEN 'user' WHEN n % 10 < 9 THEN 'service_account' ELSE 'organization' END FROM seq`,
	`INSERT INTO key_secrets (hash, key_id) SELECT 'hash ' || n, 'key_' || (10000000000 + n) FROM seq`,
	`INSERT INTO budgets (id, scope, subject_id, amount, period, timezone, policy, created_at)
		SELECT 'bud_' || n, 'key', 'key_' || (10000000000 + n), 5000000000, 'month', '', 'strict', n FROM seq WHERE n % 2 = 0`,
	`INSERT INTO audit (id, at, action, actor_kind, actor_id, actor_name, object_kind, object_id, object_name, outcome, error_code, before_state, after_state, remote_address, user_agent)
		SELECT 'aud_' || n, 1700000000000000000 + CAST(n AS BIGINT) * 1000000000,
		CASE WHEN n % 2 = 0 THEN 'key.update' WHEN n % 1000 = 1 THEN 'org.create' ELSE 'user.create' END, 'key',
		CASE WHEN n % 3 = 0 THEN 'key_1' ELSE 'key_' || (n % 5000) END, 'admin',
		CASE WHEN n % 2 = 0 THEN 'key' WHEN n % 1000 = 1 THEN 'org' ELSE 'user' END, 'obj_' || (n % 100000), 'object', 'ok', '', '', '{"id": "x"}', '', '' FROM seq`,
}

// crowdedFilters are the values that the benchmark gives to the parameters: such
// as very many rows have, and such as few have.
var crowdedFilters = map[string]map[string][]string{
	"/keys": {"name": {"ci", "key 500000"}, "blocked": {"true", "false"}, "kind": {"user", "service_account", "organization", "installation"},
		"organization_id": {"org_1", "org_50"}, "team_id": {"tea_1", "tea_100"}, "project_id": {"prj_8"}, "user_id": {"usr_10000000001", "usr_10000000077"}},
	"/users":       {"name": {"Ada", "user 50000"}, "email": {"u500000@example.com"}, "organization_id": {"org_1", "org_50"}, "team_id": {"tea_1", "tea_100"}},
	"/memberships": {"organization_id": {"org_1", "org_50"}, "team_id": {"tea_1", "tea_100"}, "user_id": {"usr_10000000077"}},
	"/audit": {"action": {"key.update", "org.create"}, "object_kind": {"key", "org"}, "object_id": {"obj_5000"}, "actor_id": {"key_1", "key_77"},
		"from": {"2023-11-18T00:00:00Z"}, "to": {"2023-11-20T00:00:00Z"}},
}

// crowdedCursors are places in the lists of n rows: the middle and nearly the end.
func crowdedCursors(path string, n int) []string {
	var inner []string
	for _, at := range []int{n / 2, 20} {
		switch path {
		case "/audit":
			inner = append(inner, strconv.FormatInt(1700000000000000000+int64(at)*1000000000, 36)+"."+strconv.FormatInt(int64(at), 36))
		default:
			prefix := map[string]string{"/keys": "key_", "/users": "usr_", "/memberships": "mem_"}[path]
			inner = append(inner, prefix+strconv.Itoa(10000000000+at))
		}
	}
	shown := []string{""}
	for _, cursor := range inner {
		shown = append(shown, (&call{list: path}).outward(cursor))
	}
	return shown
}

// queries are all filters and pairs of filters with all of their values.
func queries(filters map[string][]string) (all []string) {
	names := slices.Sorted(func(yield func(string) bool) {
		for name := range filters {
			if !yield(name) {
				return
			}
		}
	})
	all = append(all, "")
	for i, name := range names {
		for _, value := range filters[name] {
			one := "&" + name + "=" + strings.ReplaceAll(value, " ", "+")
			all = append(all, one)
			for _, other := range names[i+1:] {
				for _, v := range filters[other] {
					all = append(all, one+"&"+other+"="+strings.ReplaceAll(v, " ", "+"))
				}
			}
		}
	}
	return all
}

// BenchmarkLists asks for pages of 50 out of a million with every filter and pair
// of filters, at the beginning, in the middle and at the end, and tells the
// slowest. Each is the best of three: what is measured is the query.
//
//	testdata/postgres.sh go test ./core/adminapi -run NONE -bench Lists -benchtime 1x
func BenchmarkLists(b *testing.B) {
	rows := crowd
	if n, err := strconv.Atoi(os.Getenv("TOKLIGENCE_BENCH_ROWS")); err == nil {
		rows = n
	}
	b.Run("SQLite", func(b *testing.B) {
		dir := b.TempDir()
		file := filepath.Join(dir, "t.db")
		benchmarkLists(b, worldOn(b, "sqlite://"+file, dir), "sqlite3", file, rows)
	})
	b.Run("Postgres", func(b *testing.B) {
		url := storetest.Postgres(b)
		benchmarkLists(b, worldOn(b, url, b.TempDir()), "pgx", url, rows)
	})
}

func benchmarkLists(b *testing.B, w *world, driver, source string, rows int) {
	w.handler = New(w.deps)
	crowdIn(b, driver, source, rows)
	b.Run("check", func(b *testing.B) { benchmarkCheck(b, w) })
	for _, path := range []string{"/keys", "/users", "/memberships", "/audit"} {
		b.Run(path[1:], func(b *testing.B) {
			for b.Loop() {
				slowest, which, n := time.Duration(0), "", 0
				var slow []string
				for _, query := range queries(crowdedFilters[path]) {
					for i, cursor := range crowdedCursors(path, rows) {
						n++
						took := w.fastest(b, path+"?limit=50"+query+"&cursor="+cursor)
						if took > 20*time.Millisecond {
							slow = append(slow, fmt.Sprintf("%v: %s, cursor %d", took, query, i))
						}
						if took > slowest {
							slowest, which = took, fmt.Sprintf("%s, cursor %d", query, i)
						}
					}
				}
				b.ReportMetric(float64(slowest.Microseconds())/1000, "slowest-ms")
				b.Logf("the slowest of %d: %v %s; slow are %s", n, slowest, which, strings.Join(slow, "\n"))
			}
		})
	}
}

// benchmarkCheck measures who a key is when nothing is remembered of it.
func benchmarkCheck(b *testing.B, w *world) {
	nowhere := func() netip.Addr { return netip.Addr{} }
	for b.Loop() {
		const times = 500
		began := time.Now()
		for range times {
			if _, err := keys.New(w.store, w.store, w.deps.Now).Authenticate(b.Context(), adminSecret, nowhere, w.now); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(time.Since(began).Microseconds())/times, "µs/check")
	}
}

// fastest is the shortest of three times that an answer takes.
func (w *world) fastest(b *testing.B, path string) time.Duration {
	best := time.Hour
	for range 3 {
		r := httptest.NewRequest("GET", Prefix+path, nil)
		r.Header.Set("X-Api-Key", adminSecret)
		rec := httptest.NewRecorder()
		began := time.Now()
		w.handler.ServeHTTP(rec, r)
		best = min(best, time.Since(began))
		if rec.Code != 200 {
			b.Fatalf("%s: status %d %s", path, rec.Code, rec.Body)
		}
		if best > time.Second {
			break
		}
	}
	return best
}

// crowdIn fills the database beside the store.
func crowdIn(b *testing.B, driver, source string, rows int) {
	began := time.Now()
	db, err := sql.Open(driver, source)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	for _, statement := range crowded {
		into, from, _ := strings.Cut(statement, "SELECT ")
		text := fmt.Sprintf("%s WITH RECURSIVE seq (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM seq WHERE n < %d) SELECT %s", into, rows, from)
		if _, err := db.ExecContext(b.Context(), text); err != nil {
			b.Fatalf("%v in %s", err, text)
		}
	}
	b.Logf("%d rows of each kind were made in %v", rows, time.Since(began))
	if driver == "pgx" { // as autovacuum does after such a change
		if _, err := db.ExecContext(b.Context(), "ANALYZE"); err != nil {
			b.Fatal(err)
		}
	}
}

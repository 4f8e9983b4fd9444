package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/mattn/go-sqlite3"

	"github.com/tokligence/gateway/core"
)

// spy opens connections that remember what they are asked.
type spy struct {
	dsn   string
	asked []question
}

type question struct {
	text string
	args []any
}

func (s *spy) Driver() driver.Driver { return &sqlite3.SQLiteDriver{} }

func (s *spy) Connect(context.Context) (driver.Conn, error) {
	conn, err := s.Driver().Open(s.dsn)
	return &spyConn{conn.(*sqlite3.SQLiteConn), s}, err
}

type spyConn struct {
	*sqlite3.SQLiteConn
	spy *spy
}

func (c *spyConn) QueryContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Rows, error) {
	q := question{text: text}
	for _, a := range args {
		q.args = append(q.args, a.Value)
	}
	c.spy.asked = append(c.spy.asked, q)
	return c.SQLiteConn.QueryContext(ctx, text, args)
}

// filtered are all filters of a type with one or two of their fields set, and the
// one without any; page sets what every list has.
func filtered[F any](page func(*F)) (all []F) {
	t := reflect.TypeFor[F]()
	var fields []int
	for i := range t.NumField() {
		switch t.Field(i).Name {
		case "Page", "Reach", "Cursor", "Limit", "OldestFirst":
		default:
			fields = append(fields, i)
		}
	}
	add := func(chosen ...int) {
		var f F
		page(&f)
		for _, i := range chosen {
			set(reflect.ValueOf(&f).Elem().Field(i))
		}
		all = append(all, f)
	}
	add()
	for n, i := range fields {
		add(i)
		for _, j := range fields[:n] {
			add(j, i)
		}
	}
	return all
}

// set gives a field some value.
func set(v reflect.Value) {
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(time.Unix(1e9, 0)))
		return
	case *core.KeyKind:
		kind := core.KindUser
		v.Set(reflect.ValueOf(&kind))
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		set(v.Elem())
	case reflect.Bool:
		v.SetBool(true)
	case reflect.String:
		v.SetString("x")
	default:
		panic("no value for a field of the type " + v.Type().String())
	}
}

// plans lists what F says and returns SQLite's plans of the last query of each.
func plans[F, T any](t *testing.T, s *Store, watch *spy, cursor string, page func(f *F, cursor string), list func(context.Context, F) ([]T, string, error)) {
	for _, cursor := range []string{"", cursor} {
		for _, f := range filtered(func(f *F) { page(f, cursor) }) {
			watch.asked = nil
			if _, _, err := list(t.Context(), f); err != nil {
				t.Fatalf("%+v: %v", f, err)
			}
			for _, q := range watch.asked {
				if plan := s.plan(t, q); bad.MatchString(plan) {
					t.Errorf("%T %+v\n%s %v\n%s", f, f, q.text, q.args, plan)
				}
			}
		}
	}
}

// bad is a plan that reads a whole table, but for an index in the order of the
// list, or sorts what it has found.
var bad = regexp.MustCompile(`(?m)SCAN \w+$|SCAN \w+ USING (COVERING )?INDEX \w+ .*\(|USE TEMP B-TREE FOR`)

func (s *Store) plan(t *testing.T, q question) string {
	rows, err := s.conn.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+q.text, q.args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var lines []string
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(detail, "SCAN few") { // the few rows of a count
			lines = append(lines, detail)
		}
	}
	return strings.Join(lines, "\n")
}

// TestPlans: no list reads a whole table or sorts, whatever filter or pair of
// filters narrows it. See BenchmarkLists of the admin API for what it comes to.
func TestPlans(t *testing.T) {
	s, err := Open(t.Context(), "sqlite://"+filepath.Join(t.TempDir(), "t.db"), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	watch := &spy{dsn: s.db.(*sqlite).dsn(true)}
	if err := s.read.Close(); err != nil {
		t.Fatal(err)
	}
	s.read = sql.OpenDB(watch)
	p := func(cursor string) core.Page { return core.Page{Limit: 50, Cursor: cursor} }
	plans(t, s, watch, "key_5", func(f *core.KeyFilter, c string) { f.Limit, f.Cursor = 50, c }, s.ListKeys)
	plans(t, s, watch, "usr_5", func(f *core.UserFilter, c string) { f.Page = p(c) }, s.ListUsers)
	plans(t, s, watch, "mem_5", func(f *core.MembershipFilter, c string) { f.Page = p(c) }, s.ListMemberships)
	plans(t, s, watch, "org_5", func(f *core.OrganizationFilter, c string) { f.Page = p(c) }, s.ListOrganizations)
	plans(t, s, watch, "tea_5", func(f *core.TeamFilter, c string) { f.Page = p(c) }, s.ListTeams)
	plans(t, s, watch, "prj_5", func(f *core.ProjectFilter, c string) { f.Page = p(c) }, s.ListProjects)
	plans(t, s, watch, "2s.2s", func(f *core.AuditFilter, c string) { f.Limit, f.Cursor = 50, c }, s.ListAudit)
	plans(t, s, watch, "evt_5", func(f *core.EventFilter, c string) { f.Page = p(c) }, func(ctx context.Context, f core.EventFilter) ([]*core.Event, string, error) {
		if !f.From.IsZero() {
			f.To = time.Time{} // events of a span are sorted: they are kept for some days only
		}
		return s.ListEvents(ctx, f)
	})
	plans(t, s, watch, "whk_5", func(f *core.WebhookFilter, c string) { f.Page = p(c) }, s.ListWebhooks)
	plans(t, s, watch, "dlv_5", func(f *core.DeliveryFilter, c string) { f.Page = p(c) }, s.ListDeliveries)
}

// TestUsers_Crowd: with a crowd of a name or in a place, whichever is fewer is
// begun with, and the pages are the same.
func TestUsers_Crowd(t *testing.T) {
	s, err := Open(t.Context(), "sqlite://"+filepath.Join(t.TempDir(), "t.db"), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	exec := func(text string) {
		t.Helper()
		if _, err := s.conn.ExecContext(t.Context(), "WITH RECURSIVE seq (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM seq WHERE n < 6000) "+text); err != nil {
			t.Fatal(err)
		}
	}
	exec(`INSERT INTO organizations (id, name, created_at, updated_at) SELECT 'org_' || n, 'o' || n, n, n FROM seq WHERE n < 3`)
	exec(`INSERT INTO users (id, name, email, created_at, updated_at) SELECT 'usr_' || (10000 + n), CASE WHEN n % 1000 = 7 THEN 'Bob' ELSE 'Ada' END, n || '@example.com', n, n FROM seq`)
	exec(`INSERT INTO memberships (id, user_id, organization_id, team_id, role, created_at, updated_at)
		SELECT 'mem_' || n, 'usr_' || (10000 + n), 'org_1', '', 'member', n, n FROM seq`)
	exec(`INSERT INTO memberships (id, user_id, organization_id, team_id, role, created_at, updated_at)
		SELECT 'mem_2_' || n, 'usr_' || (10000 + n), 'org_2', '', 'member', n, n FROM seq WHERE n % 500 = 7`)
	for _, tt := range []struct {
		name, org string
		want      int
	}{{"Ada", "org_1", 5994}, {"Bob", "org_1", 6}, {"Ada", "org_2", 6}, {"Bob", "org_2", 6}, {"Eve", "org_1", 0}, {"Ada", "org_9", 0}} {
		last, got := "usr_99999", 0
		for cursor, first := "", true; first || cursor != ""; first = false {
			list, next, err := s.ListUsers(t.Context(), core.UserFilter{Name: &tt.name, OrganizationID: &tt.org, Page: core.Page{Limit: 1000, Cursor: cursor}})
			if err != nil {
				t.Fatal(err)
			}
			for _, u := range list {
				if u.ID >= last || u.Name != tt.name {
					t.Errorf("%s in %s: %+v behind %s", tt.name, tt.org, u, last)
				}
				last = u.ID
			}
			got, cursor = got+len(list), next
		}
		if got != tt.want {
			t.Errorf("%s in %s: %d users, want %d", tt.name, tt.org, got, tt.want)
		}
	}
}

package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/seal"
)

// sealedIn is a store whose sealed texts are in these columns.
type sealedIn struct {
	*Store
	columns []sealedColumn
	replace func([]core.SealedChange) error // called before; nil is nothing
}

func (s *sealedIn) ListSealed(ctx context.Context, p core.Page) ([]core.SealedValue, string, error) {
	return s.listSealed(ctx, s.columns, p)
}

func (s *sealedIn) ReplaceSealed(ctx context.Context, changes []core.SealedChange) (int, error) {
	if s.replace != nil {
		if err := s.replace(changes); err != nil {
			return 0, err
		}
	}
	return s.replaceSealed(ctx, s.columns, changes)
}

func newKey(t *testing.T) *seal.Key {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key")
	if err := seal.CreateFile(path); err != nil {
		t.Fatal(err)
	}
	k, _, err := seal.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestReseal changes the key of a thousand texts: it fails half-way, goes on
// where it ended, leaves alone what others wrote meanwhile, and says what it
// could not do.
func TestReseal(t *testing.T) {
	s := &sealedIn{Store: openAt(t, filepath.Join(t.TempDir(), "x.db"), ""), columns: []sealedColumn{{"thing", "things", "id", "secret"}}}
	exec := func(query string, args ...any) {
		t.Helper()
		if _, err := s.conn.ExecContext(t.Context(), query, args...); err != nil {
			t.Fatal(err)
		}
	}
	k1, k2, k3 := newKey(t), newKey(t), newKey(t)
	older, newer, other := seal.New(k1), seal.New(k2, k1), seal.New(k3)
	at := func(n int) core.SealedAt { return core.SealedAt{Kind: "thing", ID: fmt.Sprintf("thg_%04d", n)} }
	put := func(r *seal.Ring, n int, secret string) {
		sealed, err := r.Seal(at(n), []byte(secret))
		if err != nil {
			t.Fatal(err)
		}
		exec(`INSERT INTO things VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET secret = excluded.secret`, at(n).ID, sealed)
	}
	exec(`CREATE TABLE things (id TEXT PRIMARY KEY, secret TEXT)`)
	for n := range 1000 {
		put(older, n, fmt.Sprint("secret ", n))
	}
	put(other, 1000, "of a lost key")
	exec(`INSERT INTO things VALUES ('thg_1001', 'sk-clear'), ('thg_1002', '')`)
	uses, err := newer.Survey(t.Context(), s)
	counts := map[string]string{}
	for _, u := range uses {
		counts[u.Key] = fmt.Sprint(u.Kind, " ", u.Count, " ", u.Known)
	}
	if want := map[string]string{"": "thing 1 false", k1.ID(): "thing 1000 true", k3.ID(): "thing 1 false"}; err != nil || !maps.Equal(counts, want) {
		t.Error(uses, err)
	}

	pages := 0
	s.replace = func([]core.SealedChange) error {
		if pages++; pages == 3 {
			return errors.New("the power fails")
		}
		return nil
	}
	o, err := newer.ResealAll(t.Context(), s)
	first := o.Resealed // a page may begin with the end of the one before it, which is another text now
	if err == nil || first < 390 || first > 400 {
		t.Fatalf("%+v, %v", o, err)
	}
	s.replace = func(changes []core.SealedChange) error { // between reading and writing
		if slices.ContainsFunc(changes, func(c core.SealedChange) bool { return c.At == at(500) }) {
			put(newer, 500, "written meanwhile")
		}
		return nil
	}
	o, err = newer.ResealAll(t.Context(), s)
	if err != nil || o.Resealed != 999-first || o.Current != first || o.Failed != 2 || len(o.Faults) != 2 {
		t.Errorf("%+v, %v", o, err)
	}
	for _, f := range o.Faults {
		if f.ID == at(1000).ID && !strings.Contains(f.Why, k3.ID()) || strings.Contains(f.Why, "clear") || strings.Contains(f.Why, "lost") {
			t.Errorf("%+v", f)
		}
	}
	values, _, err := s.ListSealed(t.Context(), core.Page{Limit: 1000})
	if err != nil || len(values) != 1000 {
		t.Fatal(err)
	}
	for n, v := range values {
		want := fmt.Sprint("secret ", n)
		if n == 500 {
			want = "written meanwhile"
		}
		if got, err := seal.New(k2).Open(v.At, v.Sealed); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", v.At.ID, got, err)
		}
	}
	if _, err := seal.Without("no key", k1).ResealAll(t.Context(), s); core.AsError(err).Code != core.CodeConflict {
		t.Error(err)
	}
}

// TestStore_Sealed walks two tables, one of which keeps what was, and replaces
// only what is still there.
func TestStore_Sealed(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "x.db"), "")
	columns := []sealedColumn{{"none", "sealed_none", "id", "secret"}, {"a", "sealed_a", "name", "sealed"}, {"b", "sealed_b", "id", "secret"}}
	const tables = `CREATE TABLE sealed_none (id TEXT, secret TEXT); CREATE TABLE sealed_a (name TEXT, since BIGINT, sealed TEXT); CREATE TABLE sealed_b (id TEXT, secret TEXT);
		INSERT INTO sealed_b VALUES ('b1', 'B1'), ('b2', NULL), ('b3', ''), ('b4', 'B4');`
	if _, err := s.conn.ExecContext(t.Context(), tables); err != nil {
		t.Fatal(err)
	}
	var want []string
	for n := range 5 {
		for since := range 3 { // the second and third row have one text
			text := fmt.Sprintf("A%d.%d", n, min(since, 1))
			if _, err := s.conn.ExecContext(t.Context(), `INSERT INTO sealed_a VALUES (?, ?, ?)`, fmt.Sprintf("a%d", n), since, text); err != nil {
				t.Fatal(err)
			}
			if since < 2 {
				want = append(want, fmt.Sprintf("a/a%d=%s", n, text))
			}
		}
	}
	want = append(want, "b/b1=B1", "b/b4=B4")
	walk := func(limit int) (got []string) {
		for p := (core.Page{Limit: limit}); ; {
			values, next, err := s.listSealed(t.Context(), columns, p)
			if err != nil || len(values) > limit {
				t.Fatal(values, err)
			}
			for _, v := range values {
				got = append(got, v.At.Kind+"/"+v.At.ID+"="+v.Sealed)
			}
			if p.Cursor = next; next == "" {
				return got
			}
		}
	}
	for _, limit := range []int{1, 2, 3, 1000} {
		if got := walk(limit); !slices.Equal(got, want) {
			t.Errorf("by %d: %v", limit, got)
		}
	}
	n, err := s.replaceSealed(t.Context(), columns, []core.SealedChange{
		{At: core.SealedAt{Kind: "a", ID: "a1"}, Old: "A1.1", New: "X"}, // in two rows
		{At: core.SealedAt{Kind: "b", ID: "b1"}, Old: "B1", New: "Y"},
		{At: core.SealedAt{Kind: "b", ID: "b4"}, Old: "changed meanwhile", New: "Z"},
		{At: core.SealedAt{Kind: "b", ID: "b1"}, Old: "B4", New: "another's"},
	})
	if err != nil || n != 2 {
		t.Errorf("%d replaced, %v", n, err)
	}
	want[3], want[10] = "a/a1=X", "b/b1=Y"
	if got := walk(1000); !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
	// All or nothing.
	_, err = s.replaceSealed(t.Context(), columns, []core.SealedChange{{At: core.SealedAt{Kind: "b", ID: "b4"}, Old: "B4", New: "Z"}, {At: core.SealedAt{Kind: "c", ID: "c"}}})
	if err == nil || !slices.Equal(walk(1000), want) {
		t.Errorf("%v: %v", err, walk(1000))
	}
	for _, p := range []core.Page{{Limit: 0}, {Limit: 1001}, {Limit: 1, Cursor: "x"}} {
		if _, _, err := s.listSealed(t.Context(), columns, p); core.AsError(err).Code != core.CodeInvalidRequest {
			t.Errorf("%+v: %v", p, err)
		}
	}
}

package kept_test

import (
	"crypto/sha256"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/kept"
	"github.com/tokligence/gateway/core/seal"
	"github.com/tokligence/gateway/core/store"
)

func newKeeper(t *testing.T, now *time.Time) (*kept.Keeper, *store.Store) {
	t.Helper()
	s, err := store.Open(t.Context(), "sqlite://"+filepath.Join(t.TempDir(), "t.db"), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return &kept.Keeper{Store: s, MaxBytes: 1000, MaxHistory: 1000, Retention: time.Hour, Now: func() time.Time { return *now }, Log: slog.New(slog.DiscardHandler)}, s
}

func owner(id string) *core.Principal { return &core.Principal{Key: &core.VirtualKey{ID: id}} }

func response(id, previous, text string) *kept.Response {
	return &kept.Response{ID: id, Previous: previous, Input: []byte(`[{"role":"user","content":"` + text + `"}]`),
		Body: []byte(`{"id":"` + id + `","output":[{"id":"msg_` + text + `","type":"message"}]}`)}
}

// ids of responses, as the gateway gives them.
const one, two, three = "resp_01M8Q3E48ANE2MR8CNDXDP3RQ1", "resp_01M8Q3E48ANE2MR8CNDXDP3RQ2", "resp_01M8Q3E48ANE2MR8CNDXDP3RQ3"

// TestKeeper_Sealed: what is kept cannot be read without the key, in one place of
// the database or another.
func TestKeeper_Sealed(t *testing.T) {
	now := time.Now()
	k, s := newKeeper(t, &now)
	key, err := seal.ParseKey(fmt.Sprintf("%x", sha256.Sum256([]byte("key"))))
	if err != nil {
		t.Fatal(err)
	}
	k.Sealer = seal.New(key)
	a := owner("a")
	k.Save(t.Context(), a, response(one, "", "zanzibar"))
	chain, err := s.ListResponseChain(t.Context(), "a", one, 1, 1<<20)
	if err != nil || !chain[0].Sealed || strings.Contains(chain[0].Body, "zanzibar") {
		t.Fatalf("%v %+v", err, chain)
	}
	r, err := k.Find(t.Context(), a, one)
	if err != nil || !strings.Contains(string(r.Input), "zanzibar") || !strings.Contains(string(r.Body), "zanzibar") {
		t.Errorf("%v %+v", err, r)
	}
	k.Sealer = nil
	if _, err := k.Find(t.Context(), a, one); core.AsError(err).Code != core.CodeInternal {
		t.Errorf("read without a key: %v", err)
	}
}

func TestKeeper_History(t *testing.T) {
	now := time.Now()
	k, _ := newKeeper(t, &now)
	a := owner("a")
	k.Save(t.Context(), a, response(one, "", "first"))
	now = now.Add(time.Minute)
	k.Save(t.Context(), a, response(two, one, "second"))
	items, n, err := k.History(t.Context(), a, two)
	var order []string
	for _, word := range []string{`"content":"first"`, "msg_first", `"content":"second"`, "msg_second"} {
		if strings.Count(string(items), word) != 1 || len(order) > 0 && strings.Index(string(items), word) < strings.Index(string(items), order[len(order)-1]) {
			t.Errorf("%s is out of place in %s", word, items)
		}
		order = append(order, word)
	}
	if err != nil || n != 4 {
		t.Errorf("%d items, %v", n, err)
	}
	for _, c := range []struct{ owner, id string }{{"b", two}, {"a", three}, {"a", "resp_vendor"}, {"a", ""}, {"a", one + "0"}} {
		if _, _, err := k.History(t.Context(), owner(c.owner), c.id); core.AsError(err).Code != core.CodeNotFound {
			t.Errorf("%+v: %v", c, err)
		}
	}
	if item, err := k.Item(t.Context(), owner("b"), "msg_first"); item != nil || err != nil {
		t.Errorf("another's item %s, %v", item, err)
	}
	if item, err := k.Item(t.Context(), a, "msg_first"); string(item) != `{"id":"msg_first","type":"message"}` || err != nil {
		t.Errorf("an item %s, %v", item, err)
	}
	// The first goes; what went on from it cannot be gone on from any more.
	now = now.Add(time.Hour - time.Second)
	if n, err := k.Clean(t.Context()); n != 1 || err != nil {
		t.Errorf("%d gone, %v", n, err)
	}
	if _, err := k.Find(t.Context(), a, two); err != nil {
		t.Error(err)
	}
	if _, _, err := k.History(t.Context(), a, two); core.AsError(err).Code != core.CodeNotFound || !strings.Contains(err.Error(), "kept no more") {
		t.Errorf("a broken chain: %v", err)
	}
}

// TestKeeper_Large: what is too large is not kept.
func TestKeeper_Large(t *testing.T) {
	now := time.Now()
	k, _ := newKeeper(t, &now)
	k.Save(t.Context(), owner("a"), response(one, "", strings.Repeat("x", 1000)))
	if _, err := k.Find(t.Context(), owner("a"), one); core.AsError(err).Code != core.CodeNotFound {
		t.Errorf("it is kept: %v", err)
	}
}

// TestKeeper_Long: no more is read of what a response goes on from than is allowed.
func TestKeeper_Long(t *testing.T) {
	now := time.Now()
	k, _ := newKeeper(t, &now)
	a := owner("a")
	k.Save(t.Context(), a, response(one, "", strings.Repeat("x", 300)))
	k.Save(t.Context(), a, response(two, one, strings.Repeat("y", 300)))
	if _, n, err := k.History(t.Context(), a, one); n != 2 || err != nil {
		t.Errorf("%d items, %v", n, err)
	}
	items, _, err := k.History(t.Context(), a, two)
	if items != nil || core.AsError(err).Code != core.CodeContextWindow || !strings.Contains(err.Error(), two) {
		t.Errorf("%s %v", items, err)
	}
	if _, err := k.Find(t.Context(), a, two); err != nil {
		t.Errorf("it can still be read itself: %v", err)
	}
}

// TestOwner: the narrowest that stays when keys change, in its place.
func TestOwner(t *testing.T) {
	named := func(id string) core.Named { return core.Named{ID: id} }
	for _, c := range []struct {
		p    core.Principal
		want string
	}{
		{core.Principal{}, "key"},
		{core.Principal{Parent: &core.VirtualKey{ID: "parent"}}, "parent"},
		{core.Principal{Organization: named("org")}, "org"},
		{core.Principal{Organization: named("org"), Team: named("team")}, "team@org"},
		{core.Principal{Team: named("team"), Project: named("project")}, "project@team"},
		{core.Principal{Team: named("team"), Project: named("project"), User: named("user")}, "user@team"},
		{core.Principal{Organization: named("a"), User: named("user")}, "user@a"},
		{core.Principal{Organization: named("b"), User: named("user")}, "user@b"},
		{core.Principal{User: named("user")}, "user"},
	} {
		c.p.Key = &core.VirtualKey{ID: "key"}
		if got := c.p.ResponseOwner(); got != c.want {
			t.Errorf("%+v: %s, want %s", c.p, got, c.want)
		}
	}
}

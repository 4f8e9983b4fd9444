package storetest

import (
	"fmt"
	"testing"

	"github.com/tokligence/gateway/core"
)

// testSealed walks sealed texts, also of what is deleted, and replaces those that
// are still there, all or none.
func testSealed(t *testing.T, s core.Store) {
	ctx := t.Context()
	company(t, s)
	var want []core.SealedValue
	for n := range 7 {
		w := webhook(fmt.Sprintf("whk_%d", n))
		w.Sealed = fmt.Sprintf("sealed.%d", n)
		if err := s.CreateWebhook(ctx, w); err != nil {
			t.Fatal(err)
		}
		want = append(want, core.SealedValue{At: core.SealedAt{Kind: "webhook", ID: w.ID}, Sealed: w.Sealed})
	}
	walk := func(limit int) (all []core.SealedValue) {
		t.Helper()
		for p := (core.Page{Limit: limit}); ; {
			page, next, err := s.ListSealed(ctx, p)
			if err != nil || len(page) > limit {
				t.Fatal(page, err)
			}
			all = append(all, page...)
			if p.Cursor = next; next == "" {
				return all
			}
		}
	}
	for _, limit := range []int{1, 3, 1000} {
		equal(t, fmt.Sprint("by ", limit), walk(limit), want)
	}
	at := func(n int) core.SealedAt { return want[n].At }
	n, err := s.ReplaceSealed(ctx, []core.SealedChange{
		{At: at(1), Old: "sealed.1", New: "new.1"},
		{At: at(2), Old: "sealed.1", New: "of another text"},
		{At: at(3), Old: "sealed.3", New: "new.3"},
		{At: core.SealedAt{Kind: "webhook", ID: "whk_none"}, Old: "sealed.1", New: "of nobody"},
	})
	if err != nil || n != 2 {
		t.Errorf("%d replaced, %v", n, err)
	}
	want[1].Sealed, want[3].Sealed = "new.1", "new.3"
	equal(t, "replaced", walk(1000), want)
	if w, err := s.FindWebhookByID(ctx, "whk_1"); err != nil || w.Sealed != "new.1" || !w.UpdatedAt.Equal(At) {
		t.Errorf("the webhook: %+v, %v", w, err)
	}
	if _, err := s.ReplaceSealed(ctx, []core.SealedChange{{At: at(4), Old: "sealed.4", New: "x"}, {At: core.SealedAt{Kind: "nothing", ID: "x"}}}); err == nil {
		t.Error("an unknown kind was taken")
	}
	equal(t, "all or none", walk(1000), want)
	if n, err := s.ReplaceSealed(ctx, nil); n != 0 || err != nil {
		t.Errorf("nothing: %d, %v", n, err)
	}
	for _, p := range []core.Page{{}, {Limit: 1001}, {Limit: 1, Cursor: "x"}} {
		_, _, err := s.ListSealed(ctx, p)
		wantCode(t, err, core.CodeInvalidRequest)
	}
}

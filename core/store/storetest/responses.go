package storetest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
)

// testResponseChains: a long chain comes back whole, and no further than its size
// allows, which is in bytes and not in characters.
func testResponseChains(t *testing.T, s core.Store) {
	const links, each = 400, 20_001
	previous := ""
	for i := range links {
		r := core.StoredResponse{ID: fmt.Sprintf("c%03d", i), Owner: "a", PreviousID: previous, CreatedAt: At, Body: "." + strings.Repeat("ü", 5000) + strings.Repeat("🚣", 2500), Sealed: i%2 == 0}
		if len(r.Body) != each {
			t.Fatalf("%d bytes", len(r.Body))
		}
		if err := s.SaveResponse(t.Context(), &r); err != nil {
			t.Fatal(err)
		}
		previous = r.ID
	}
	for _, c := range []struct{ limit, size, want int }{
		{links + 1, links * each, links},
		{links, links * each, links},
		{links - 1, 1 << 40, links - 1},
		{links, 10*each - 1, 10},
		{links, 10 * each, 11}, // as large as it may be is not too large
		{links, 1, 1},
	} {
		got, err := s.ListResponseChain(t.Context(), "a", previous, c.limit, c.size)
		if err != nil || len(got) != c.want {
			t.Fatalf("at most %d of %d bytes: %d, %v", c.limit, c.size, len(got), err)
		}
		for i, r := range got {
			if want := fmt.Sprintf("c%03d", links-1-i); r.ID != want || len(r.Body) != each {
				t.Fatalf("link %d is %s of %d bytes", i, r.ID, len(r.Body))
			}
		}
	}
	// A chain that leads back to itself ends where it may have no more links.
	if err := s.DeleteResponse(t.Context(), "a", "c000"); err != nil {
		t.Fatal(err)
	}
	if err := s.SaveResponse(t.Context(), &core.StoredResponse{ID: "c000", Owner: "a", PreviousID: "c001", CreatedAt: At, Body: "b"}); err != nil {
		t.Fatal(err)
	}
	if got, err := s.ListResponseChain(t.Context(), "a", "c001", 9, 1<<40); err != nil || len(got) != 9 {
		t.Errorf("a circle: %d, %v", len(got), err)
	}
}

func testResponses(t *testing.T, s core.Store) {
	ctx := t.Context()
	save := func(id, owner, previous string, at time.Duration, items ...string) core.StoredResponse {
		t.Helper()
		r := core.StoredResponse{ID: id, Owner: owner, PreviousID: previous, CreatedAt: At.Add(at), Body: "body of " + id, Sealed: id == "r2", Items: items}
		if err := s.SaveResponse(ctx, &r); err != nil {
			t.Fatal(err)
		}
		r.Items = nil
		return r
	}
	r1 := save("r1", "a", "", 0, "i1", "i2", "i1")
	r2 := save("r2", "a", "r1", time.Minute, "i3")
	r3 := save("r3", "a", "r2", 2*time.Minute)
	other := save("r4", "b", "r3", 3*time.Minute, "i1")

	const all = 1 << 20
	chain := func(owner, id string, limit, size int) (list []core.StoredResponse) {
		t.Helper()
		found, err := s.ListResponseChain(ctx, owner, id, limit, size)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range found {
			list = append(list, *r)
		}
		return list
	}
	equal(t, "a chain", chain("a", "r3", 9, all), []core.StoredResponse{r3, r2, r1})
	equal(t, "a part of it", chain("a", "r3", 2, all), []core.StoredResponse{r3, r2})
	equal(t, "what is not too large", chain("a", "r3", 9, len(r3.Body)), []core.StoredResponse{r3, r2})
	equal(t, "the first, however large", chain("a", "r3", 9, 1), []core.StoredResponse{r3})
	equal(t, "what goes on from another's", chain("b", "r4", 9, all), []core.StoredResponse{other})
	for _, c := range [][2]string{{"b", "r1"}, {"a", "r4"}, {"a", "none"}, {"", "r1"}} {
		_, err := s.ListResponseChain(ctx, c[0], c[1], 9, all)
		wantCode(t, err, core.CodeNotFound)
		wantCode(t, s.DeleteResponse(ctx, c[0], c[1]), core.CodeNotFound)
	}

	for _, c := range []struct {
		owner, item string
		want        core.StoredResponse
	}{{"a", "i1", r1}, {"b", "i1", other}, {"a", "i3", r2}} {
		r, err := s.FindResponseOf(ctx, c.owner, c.item)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "the response of "+c.item, *r, c.want)
	}
	_, err := s.FindResponseOf(ctx, "b", "i3")
	wantCode(t, err, core.CodeNotFound)

	sealed, _, err := s.ListSealed(ctx, core.Page{Limit: 9})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "what is sealed", sealed, []core.SealedValue{{At: core.SealedAt{Kind: "response", ID: "r2"}, Sealed: "body of r2"}})

	if err := s.DeleteResponse(ctx, "a", "r2"); err != nil {
		t.Fatal(err)
	}
	equal(t, "a broken chain", chain("a", "r3", 9, all), []core.StoredResponse{r3})
	_, err = s.FindResponseOf(ctx, "a", "i3")
	wantCode(t, err, core.CodeNotFound)

	old := func(want int) {
		t.Helper()
		n, err := s.DeleteOldResponses(ctx, At.Add(3*time.Minute), 1)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "how many were old", n, want)
	}
	old(1)
	equal(t, "the younger", chain("a", "r3", 9, all), []core.StoredResponse{r3})
	_, err = s.FindResponseOf(ctx, "a", "i1")
	wantCode(t, err, core.CodeNotFound)
	old(1)
	old(0)
	equal(t, "the youngest", chain("b", "r4", 9, all), []core.StoredResponse{other})
}

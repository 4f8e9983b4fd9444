package storetest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
)

func testClaims(t *testing.T, s core.Store) {
	ctx := t.Context()
	claim := func(id string, at time.Time) *core.Claim {
		t.Helper()
		have, err := s.Claim(ctx, &core.Claim{ID: id, Object: "01" + id, Sealed: "sealed " + id, At: at}, at.Add(-time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		return have
	}
	if have := claim("a", At); have != nil {
		t.Errorf("a new claim is %+v", have)
	}
	want := core.Claim{ID: "a", Object: "01a", Sealed: "sealed a", At: At}
	equal(t, "a second claim", *claim("a", At.Add(time.Minute)), want)
	if err := s.FinishClaim(ctx, "a", "sealed again"); err != nil {
		t.Fatal(err)
	}
	want.Done, want.Sealed = true, "sealed again"
	equal(t, "a finished claim", *claim("a", At.Add(time.Hour)), want)
	if have := claim("b", At.Add(time.Hour)); have != nil {
		t.Errorf("another one is %+v", have)
	}
	if have := claim("a", At.Add(time.Hour+1)); have != nil { // an hour and a nanosecond later
		t.Errorf("an old claim is still %+v", have)
	}
	for range 2 {
		if err := s.DropClaim(ctx, "a"); err != nil {
			t.Fatal(err)
		}
	}
	wantCode(t, s.FinishClaim(ctx, "a", ""), core.CodeNotFound)
	if have := claim("a", At.Add(time.Hour)); have != nil {
		t.Errorf("a dropped claim is %+v", have)
	}
}

// testAlone: one at a time, and whoever waits may give up.
func testAlone(t *testing.T, s core.Store) {
	var group sync.WaitGroup
	inside, total := 0, 0
	for range 8 {
		group.Go(func() {
			err := s.Alone(t.Context(), func() error {
				inside++ // the race detector looks on
				total += inside
				inside--
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	equal(t, "how often", total, 8)
	fault := errors.New("fault")
	err := s.Alone(t.Context(), func() error {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := s.Alone(ctx, func() error { return nil }); err == nil {
			t.Error("two at a time")
		}
		_, _, err := s.ListOrganizations(t.Context(), core.OrganizationFilter{Page: core.Page{Limit: 1}}) // the store works meanwhile
		return errors.Join(err, fault)
	})
	if !errors.Is(err, fault) {
		t.Errorf("the error is %v", err)
	}
	func() {
		defer func() { _ = recover() }()
		_ = s.Alone(t.Context(), func() error { panic("out") })
	}()
	if err := s.Alone(t.Context(), func() error { return nil }); err != nil {
		t.Error(err)
	}
}

package ledger_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/ledger"
	"github.com/tokligence/gateway/core/store"
)

const childVar = "LEDGER_TEST_CHILD"

func TestMain(m *testing.M) {
	if path := os.Getenv(childVar); path != "" {
		if err := child(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// child runs exchanges until it is killed. It prints "begun ID" once a record
// is committed and "done ID" once an entry is.
func child(path string) error {
	ctx := context.Background()
	s, err := store.Open(ctx, "sqlite://"+path, time.Now)
	if err != nil {
		return err
	}
	l, err := ledger.Open(ctx, s, ledger.Options{})
	if err != nil {
		return err
	}
	var mu sync.Mutex
	say := func(word, id string) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Println(word, id)
	}
	failed := make(chan error, 8)
	for range 8 {
		go func() {
			for {
				id := core.NewID(core.PrefixExchange, time.Now())
				r, err := l.Reserve(ctx, []*core.Budget{keyBudget(1<<60, core.PeriodDay)}, 1000, at)
				if err == nil {
					err = l.Begin(ctx, r, openExchange(id, at, 1000))
				}
				if err == nil {
					say("begun", id)
					err = l.Settle(ctx, r, entry(id, at, 7), nil)
				}
				if err != nil {
					failed <- err
					return
				}
				say("done", id)
			}
		}()
	}
	return <-failed
}

// A process that is killed at any moment loses nothing that it acknowledged:
// every settled exchange is there once at its amount, every begun one at its
// amount or at its estimate, and the counter equals the sum.
func TestLedger_Killed(t *testing.T) {
	const rounds = 20
	path := filepath.Join(t.TempDir(), "x.db")
	begun, done := map[string]bool{}, map[string]bool{}
	for round := range rounds {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childVar+"="+path)
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		stop := 1 + rand.IntN(200) // lines until the kill; random, so that each run tries other moments
		lines := bufio.NewScanner(out)
		for n := 0; lines.Scan(); n++ {
			word, id, _ := strings.Cut(lines.Text(), " ")
			switch word {
			case "begun":
				begun[id] = true
			case "done":
				done[id] = true
			}
			if n == stop {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := cmd.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
			t.Fatalf("round %d: child ended by itself: %v %s", round, err, stderr.String())
		}
	}
	s, err := store.Open(t.Context(), "sqlite://"+path, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	l := openLedger(t, s, ledger.Options{})
	var want core.Nano
	entries := map[string]*core.LedgerEntry{}
	for cursor := ""; ; {
		list, next, err := s.ListEntries(t.Context(), core.EntryFilter{Limit: 10000, Cursor: cursor})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range list {
			if entries[e.ExchangeID] != nil {
				t.Errorf("%s is there twice", e.ExchangeID)
			}
			entries[e.ExchangeID] = e
			want += e.Amount
		}
		if cursor = next; next == "" {
			break
		}
	}
	for id := range done {
		if e := entries[id]; e == nil || e.Amount != 7 || e.Outcome != core.OutcomeOK {
			t.Errorf("acknowledged %s: %+v", id, e)
		}
	}
	interrupted := 0
	for id := range begun {
		switch e := entries[id]; {
		case e == nil:
			t.Errorf("begun %s is lost", id)
		case e.Outcome == core.OutcomeInterrupted && e.Amount == 1000:
			interrupted++
		}
	}
	exact(t, l, s, keyBudget(1, core.PeriodDay), at, want)
	t.Logf("%d begun, %d acknowledged, %d entries, %d interrupted", len(begun), len(done), len(entries), interrupted)
}

package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
)

const (
	killClients = 4 // of each key
	killKeys    = 4
)

// TestGateway_Killed kills the gateway at random moments under load, again and
// again on one database: every answer that a client has got whole is in the
// ledger once and right, whatever reached the vendor has an entry, and the
// budgets in force are the sum of the entries. With relaxed durability the last
// answer of a client, and none before it, may stand as interrupted instead.
//
// TOKLIGENCE_KILL_ROUNDS and TOKLIGENCE_KILL_SEED choose how often and when.
func TestGateway_Killed(t *testing.T) {
	rounds, seed := number(t, "TOKLIGENCE_KILL_ROUNDS", 7), number(t, "TOKLIGENCE_KILL_SEED", time.Now().UnixNano())
	for _, name := range []string{"commit", "relaxed", "postgres"} {
		t.Run(name, func(t *testing.T) {
			config, durability := settings, name
			if name == "postgres" {
				config, _ = onPostgres(t)
				durability = "commit"
			}
			t.Logf("TOKLIGENCE_KILL_SEED=%d", seed)
			k := &killing{t: t, relaxed: durability == "relaxed", random: rand.New(rand.NewPCG(uint64(seed), 0)), vendor: newVendor(t)}
			k.vendor.at(func(string, string) { time.Sleep(time.Duration(rand.IntN(8)) * time.Millisecond) }) // so that requests stand everywhere
			k.g = newGateway(t, config+"[ledger]\ndurability = \""+durability+"\"\n", k.vendor)
			k.g.plain = true // many starts
			k.run(int(rounds))
		})
	}
}

// number reads an environment variable.
func number(t *testing.T, name string, otherwise int64) int64 {
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

type killing struct {
	t       *testing.T
	g       *gateway
	vendor  *vendor
	random  *rand.Rand
	relaxed bool
	keys    []key

	answers     []answer // whole ones
	last        map[string]bool
	interrupted int
	unsure      int // whole answers whose entry is interrupted
}

func (k *killing) run(rounds int) {
	k.last = map[string]bool{}
	k.g.start()
	for i := range killKeys {
		budget := "100.00"
		if i == 0 {
			budget = "0.02" // is spent on the way
		}
		k.keys = append(k.keys, k.g.newKey(fmt.Sprint("k", i), `, "budget": {"amount": "`+budget+`"}`))
	}
	for round := range rounds {
		k.load(round, time.Duration(50+k.random.IntN(350))*time.Millisecond)
		if k.random.IntN(3) == 0 { // and once more, while it mends what the first left
			k.g.launch()
			time.Sleep(time.Duration(k.random.IntN(250)) * time.Millisecond)
			k.g.kill()
		}
		k.g.start()
		k.check(k.g.entries(), round+1)
		if k.t.Failed() {
			k.t.Fatalf("in round %d", round)
		}
	}
	k.g.verify(k.keys...)
	k.t.Logf("%d rounds: %d vendor calls, %d whole answers, %d interrupted entries, %d of them of whole answers",
		rounds, k.vendor.requests(""), len(k.answers), k.interrupted, k.unsure)
	if len(k.answers) < rounds || k.interrupted == 0 {
		k.t.Error("too little happened to prove anything")
	}
}

// load lets all clients call until the gateway is killed.
func (k *killing) load(round int, after time.Duration) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i, key := range k.keys {
		for c := range killClients {
			wg.Go(func() {
				last := ""
				for n := 0; ; n++ {
					a := k.g.ask(key.Secret, "m", fmt.Sprintf("k%d.%d.%d.%d", i, round, c, n), n%2 == 1)
					if a.status == 0 {
						break
					}
					if a.whole {
						last = a.user
						mu.Lock()
						k.answers = append(k.answers, a)
						mu.Unlock()
					}
				}
				mu.Lock()
				k.last[last] = true
				mu.Unlock()
			})
		}
	}
	time.Sleep(after) // the moment of the kill is what the test tries out
	k.g.kill()
	wg.Wait()
}

func (k *killing) check(entries []*core.LedgerEntry, rounds int) {
	t := k.t
	byID, byUser := map[string]*core.LedgerEntry{}, map[string]*core.LedgerEntry{}
	cut := map[string]int{} // interrupted entries by key
	k.interrupted, k.unsure = 0, 0
	for _, e := range entries {
		if byID[e.ExchangeID] != nil {
			t.Errorf("exchange %s has two entries", e.ExchangeID)
		}
		byID[e.ExchangeID] = e
		if byUser[e.EndUser] != nil {
			t.Errorf("request %s has two entries", e.EndUser)
		}
		byUser[e.EndUser] = e
		if e.Outcome == core.OutcomeInterrupted {
			cut[e.Key.Name]++
			k.interrupted++
			if e.Amount <= 0 || !e.Usage.Estimated() {
				t.Errorf("interrupted %+v", e)
			}
		}
	}
	for _, a := range k.answers {
		in, out := tokens(a.user)
		e := byID[a.exchange()]
		switch {
		case e == nil:
			t.Errorf("%s got its answer, and is not in the ledger (%s)", a.user, a.exchange())
		case e.Outcome == core.OutcomeInterrupted && k.relaxed && k.last[a.user]:
			k.unsure++
		case e.Outcome != core.OutcomeOK || e.EndUser != a.user || e.Usage.Input != in || e.Usage.Output != out || e.Amount != price(a.user):
			t.Errorf("%s got its answer of %d and %d tokens for %s, the ledger has %+v", a.user, in, out, price(a.user), e)
		}
	}
	for user, times := range k.vendor.users() {
		if times != 1 {
			t.Errorf("%s reached the vendor %d times", user, times)
		}
		if byUser[user] == nil {
			t.Errorf("%s reached the vendor, and is not in the ledger", user)
		}
	}
	for key, n := range cut {
		if most := killClients * rounds; n > most {
			t.Errorf("%s: %d interrupted entries, at most %d were under way", key, n, most)
		}
	}
	k.g.checkBudgets(entries, k.keys...)
}

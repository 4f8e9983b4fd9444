package main

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/store/storetest"
)

// onPostgres is settings with an empty database, and its password.
func onPostgres(t *testing.T) (config, password string) {
	t.Helper()
	database := storetest.Postgres(t)
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	password, _ = u.User.Password()
	return strings.Replace(settings, "sqlite://data/t.db?busy_timeout=1s", database, 1), password
}

// TestGateway_Postgres runs the gateway on Postgres and kills it: what was under
// way becomes interrupted, nothing is lost, and a second gateway is refused
// while the first runs.
func TestGateway_Postgres(t *testing.T) {
	config, password := onPostgres(t)
	v := newVendor(t)
	g := newGateway(t, config, v)
	said := ""
	doctor := func(want string) {
		t.Helper()
		out, _ := g.command("doctor").CombinedOutput() // the gateway may not answer
		said += string(out)
		if !strings.Contains(string(out), want) {
			t.Errorf("doctor says:\n%s", out)
		}
	}
	doctor("/postgres will be made at the first start")
	g.start()
	doctor("/postgres\n")
	k := g.newKey("k", `, "budget": {"amount": "5.00"}`)
	for _, stream := range []bool{false, true} {
		if a := g.ask(k.Secret, "m", "first", stream); !a.whole {
			t.Fatalf("%+v", a)
		}
	}
	g.verify(k)

	second := g.command("serve")
	out, err := second.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "another gateway runs on the database 127.0.0.1:") {
		t.Errorf("a second gateway: %v\n%s", err, out)
	}
	said += string(out)

	_, _, release := g.underWay(v, k.Secret, "cut-")
	g.kill()
	release()
	v.at(nil)
	said += g.log.tail(1 << 20)
	n := g.outcomes()
	if n[core.OutcomeOK] != 2 || n[core.OutcomeInterrupted] != 2 || len(n) != 2 {
		t.Errorf("entries: %v", n)
	}
	if a := g.ask(k.Secret, "m", "last", false); !a.whole {
		t.Errorf("%+v", a)
	}
	g.verify(k)
	said += g.log.tail(1 << 20)
	if strings.Contains(said, password) {
		t.Error("the password was told")
	}
}

// TestGateway_Overthrown: a gateway that lost its connection, and finds that
// another has owned the database meanwhile, ends.
func TestGateway_Overthrown(t *testing.T) {
	config, _ := onPostgres(t)
	g := newGateway(t, config, newVendor(t))
	g.start()
	_, rest, _ := strings.Cut(config, `url = "postgres:`)
	database, _, _ := strings.Cut(rest, `"`)
	conn, err := pgx.Connect(t.Context(), "postgres:"+database)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	for _, statement := range []string{
		"UPDATE heartbeat SET beat = beat + 1 WHERE id = 2", // as another does that owns it
		"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE $1 || '%'",
	} {
		var args []any
		if strings.Contains(statement, "$1") {
			args = []any{fmt.Sprintf("tokligence %d@", g.cmd.Process.Pid)}
		}
		if _, err := conn.Exec(t.Context(), statement, args...); err != nil {
			t.Fatal(err)
		}
	}
	log := g.log
	if err := g.wait(); err == nil || !strings.Contains(log.tail(10), "another gateway has come to own the database") {
		t.Errorf("ended with %v:\n%s", err, log.tail(10))
	}
}

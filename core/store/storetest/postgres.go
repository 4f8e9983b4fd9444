package storetest

import (
	"context"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/tokligence/gateway/core"
)

// PostgresVariable holds the URL of the server that tests may use; without it they are skipped.
const PostgresVariable = "TOKLIGENCE_TEST_POSTGRES"

// Postgres returns the URL of an empty schema that lives as long as t.
func Postgres(t testing.TB) string {
	t.Helper()
	server := os.Getenv(PostgresVariable)
	if server == "" {
		t.Skip("needs Postgres: run the tests by testdata/postgres.sh, or set " + PostgresVariable)
	}
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	schema := strings.ToLower(core.NewID("test_", At))
	run := func(ctx context.Context, statement string) error {
		conn, err := pgx.Connect(ctx, server)
		if err != nil {
			return err
		}
		defer conn.Close(ctx)
		_, err = conn.Exec(ctx, statement)
		return err
	}
	if err := run(t.Context(), "CREATE SCHEMA "+schema); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := run(context.Background(), "DROP SCHEMA "+schema+" CASCADE"); err != nil { // t's own has ended
			t.Error(err)
		}
	})
	q := u.Query()
	q.Set("search_path", schema)
	u.RawQuery = q.Encode()
	return u.String()
}

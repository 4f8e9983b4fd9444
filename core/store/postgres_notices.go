package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tokligence/gateway/core"
)

// noticeEvery is how often notices are looked for that nothing has woken us for.
const noticeEvery = 500 * time.Millisecond

// notices listens on a connection of its own. What is true stands in the table
// notices; Postgres's own notification only says that it is worth a look.
func (e *postgres) notices(ctx context.Context, tell func(core.NoticeKind)) {
	seen := map[string]int64{}
	failed := false
	for ctx.Err() == nil {
		err := e.listen(ctx, func(rows map[string]int64) {
			failed = false
			for kind, seq := range rows {
				if seen[kind] != seq {
					seen[kind] = seq
					tell(core.NoticeKind(kind))
				}
			}
		})
		if ctx.Err() != nil {
			return
		}
		if log := e.store.log.Load(); log != nil && !failed {
			log.Warn("changes by other gateways are not heard of until the database answers", "error", explain(err))
		}
		failed = true
		select {
		case <-ctx.Done():
		case <-time.After(noticeEvery):
		}
	}
}

// listen reads the table when Postgres notifies and every noticeEvery, until
// something fails.
func (e *postgres) listen(ctx context.Context, read func(map[string]int64)) error {
	conn, err := pgx.ConnectConfig(ctx, e.config)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, "LISTEN tokligence"); err != nil {
		return err
	}
	for {
		rows, err := readNotices(ctx, conn)
		if err != nil {
			return err
		}
		read(rows)
		wait, cancel := context.WithTimeout(ctx, noticeEvery)
		_, err = conn.WaitForNotification(wait)
		cancel()
		if err != nil && (ctx.Err() != nil || conn.IsClosed()) {
			return err
		}
	}
}

func readNotices(ctx context.Context, conn *pgx.Conn) (map[string]int64, error) {
	ctx, cancel := context.WithTimeout(ctx, connectLimit)
	defer cancel()
	rows, err := conn.Query(ctx, "SELECT kind, seq FROM notices")
	if err != nil {
		return nil, err
	}
	seen := map[string]int64{}
	var kind string
	var seq int64
	_, err = pgx.ForEachRow(rows, []any{&kind, &seq}, func() error { seen[kind] = seq; return nil })
	return seen, err
}

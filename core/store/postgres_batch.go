package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// batchLimit is how long the database may take for a part of a ledger batch.
const batchLimit = 15 * time.Second

// postgresBatch sends all statements of a flush at once and then reads all
// results: a batch takes two or three round trips, however long it is.
type postgresBatch struct {
	conn    *pgx.Conn
	texts   [ledgerStatements]string
	queue   *pgx.Batch
	asks    []bool // which in the queue are queries
	results []int64
}

func (e *postgres) batches(conn *sql.Conn) (batchDB, error) {
	b := &postgresBatch{queue: &pgx.Batch{}}
	for i, text := range ledgerSQL {
		b.texts[i] = numbered(text)
	}
	return b, conn.Raw(func(raw any) error {
		b.conn = raw.(*portableConn).Conn.Conn()
		return nil
	})
}

func (b *postgresBatch) begin() error {
	b.queue, b.asks = &pgx.Batch{}, b.asks[:0]
	b.add("begin", false)
	return nil
}

func (b *postgresBatch) add(text string, asks bool, args ...any) {
	b.queue.Queue(text, args...)
	b.asks = append(b.asks, asks)
}

func (b *postgresBatch) run(st ledgerStatement, args ...any) error {
	b.add(b.texts[st], st == doFindDimensions, slices.Clone(args)...)
	return nil
}

func (b *postgresBatch) flush() ([]int64, error) {
	b.results = b.results[:0]
	if b.queue.Len() == 0 {
		return b.results, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), batchLimit)
	defer cancel()
	answers := b.conn.SendBatch(ctx, b.queue)
	var err error
	for _, asks := range b.asks {
		var n int64
		if asks {
			err = answers.QueryRow().Scan(&n)
		} else {
			tag, execErr := answers.Exec()
			n, err = tag.RowsAffected(), execErr
		}
		if err != nil {
			break // and what follows fails for the same reason
		}
		b.results = append(b.results, n)
	}
	if closeErr := answers.Close(); err == nil {
		err = closeErr
	}
	b.queue, b.asks = &pgx.Batch{}, b.asks[:0]
	return b.results, err
}

func (b *postgresBatch) commit() error {
	b.add("commit", false)
	if _, err := b.flush(); err != nil {
		return err
	}
	// A transaction that had failed would be rolled back by its commit.
	if b.conn.PgConn().TxStatus() != 'I' {
		return errors.New("the transaction did not end")
	}
	return nil
}

func (b *postgresBatch) rollback() error {
	b.queue, b.asks = &pgx.Batch{}, b.asks[:0]
	if b.conn.IsClosed() || b.conn.PgConn().TxStatus() == 'I' {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), batchLimit)
	defer cancel()
	_, err := b.conn.Exec(ctx, "rollback")
	return err
}

func (b *postgresBatch) close() error { return nil }

package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"
)

// owner keeps the lock of [Store.Own], which is the writing connection's: whoever
// has lost it has lost the connection, and writes nothing before both are there
// again. The number that each new owner takes tells whether another was there
// meanwhile.
type owner struct {
	number int64         // 0 without the lock; under Store.writes
	wait   time.Duration // for the session of a process that has just died
	tell   chan error    // holds one
	gone   error         // what was told

	once sync.Once
	quit chan struct{}
	done sync.WaitGroup
}

// ownNumber is the row of the table heartbeat with the owner's number.
const ownNumber = 2

// errTaken is what an owner finds that has been away.
var errTaken = errors.New("another gateway has come to own the database")

// watchEvery is how often an idle writing connection is looked at.
const watchEvery = time.Second

func (o *owner) init() {
	o.wait, o.tell, o.quit = 5*time.Second, make(chan error, 1), make(chan struct{})
}

func (o *owner) stop() {
	if o.quit != nil {
		o.once.Do(func() { close(o.quit) })
	}
	o.done.Wait()
}

func (e *postgres) lost() <-chan error { return e.owner.tell }

// own takes an advisory lock, which Postgres keeps for as long as the session lives.
func (e *postgres) own(ctx context.Context, conn *sql.Conn) error {
	if err := e.lock(ctx, conn); err != nil {
		return err
	}
	err := conn.QueryRowContext(ctx, `INSERT INTO heartbeat (id, beat) VALUES (?, 1)
		ON CONFLICT (id) DO UPDATE SET beat = heartbeat.beat + 1 RETURNING beat`, ownNumber).Scan(&e.owner.number)
	if err != nil {
		return fmt.Errorf("lock the database: %w", explain(err))
	}
	e.owner.done.Go(e.watch)
	return nil
}

// lock waits a little: the session of a process that was killed ends a moment later.
func (e *postgres) lock(ctx context.Context, conn *sql.Conn) error {
	if _, err := conn.ExecContext(ctx, fmt.Sprintf("SET lock_timeout = %d", e.owner.wait.Milliseconds())); err != nil {
		return fmt.Errorf("lock the database: %w", explain(err))
	}
	_, err := conn.ExecContext(ctx, `SELECT pg_advisory_lock(?, ?)`, lockOwner, e.schema)
	if _, resetErr := conn.ExecContext(ctx, onConnect); err == nil {
		err = resetErr
	}
	if code(err) == "55P03" { // lock_not_available
		return fmt.Errorf("another gateway runs on the database %s, as %s", e, e.holder(ctx, conn))
	}
	if err != nil {
		return fmt.Errorf("lock the database: %w", explain(err))
	}
	return nil
}

// holder is what the session with the lock calls itself.
func (e *postgres) holder(ctx context.Context, conn *sql.Conn) string {
	var name string
	err := conn.QueryRowContext(ctx, `SELECT a.application_name FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
		WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 AND l.classid::bigint = ? AND l.objid::bigint = ?
		AND a.datname = current_database()`, lockOwner, int64(uint32(e.schema))).Scan(&name)
	if err != nil || name == "" {
		return "a session without a name" // the message says less
	}
	return name
}

// ownAgain takes the lock for a connection that replaces the owner's.
func (e *postgres) ownAgain(ctx context.Context, conn *sql.Conn) error {
	o := &e.owner
	if o.number == 0 || o.gone != nil {
		return o.gone
	}
	lockErr := e.lock(ctx, conn)
	var number int64
	if err := conn.QueryRowContext(ctx, `SELECT beat FROM heartbeat WHERE id = ?`, ownNumber).Scan(&number); err != nil {
		return err
	}
	if number != o.number {
		o.gone = fmt.Errorf("%w %s: this one lost its connection, and what it knows is no longer true", errTaken, e)
		o.tell <- o.gone
		return o.gone
	}
	return lockErr
}

// watch has a connection that dies while nothing is written noticed, and replaced.
func (e *postgres) watch() {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	failed := false
	for {
		select {
		case <-e.owner.quit:
			return
		case <-tick.C:
		}
		if !e.store.writes.TryLock() { // what is being written will notice
			continue
		}
		err := e.look()
		e.store.writes.Unlock()
		if log := e.store.log.Load(); log != nil && (err != nil) != failed {
			if err != nil {
				log.Error("the connection that owns the database was lost", "error", explain(err))
			} else {
				log.Info("the database is owned again")
			}
		}
		failed = err != nil
	}
}

// look pings the writing connection, and connects anew if that fails. The
// store's writes is held.
func (e *postgres) look() error {
	if e.store.closed || e.owner.gone != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), connectLimit)
	defer cancel()
	if e.store.conn.PingContext(ctx) == nil {
		return nil
	}
	return e.store.connect(ctx)
}

package store

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
)

// logPages is how many pages of pageSize bytes SQLite's write-ahead log takes
// before it is copied into the database and begins anew. More than SQLite's own
// 1000: a page that changes often is then copied less often.
const (
	logPages = 4000
	pageSize = 4096
)

// checkpoints copies the log into the database beside the writer. SQLite's own
// checkpoints run at the end of a commit, for which all requests would wait.
//
// The log begins anew with the first commit that finds all of it copied and no
// reader in it. So it has logPages and what is written while they are copied, of
// which commits wait for the rest. It is longer only as long as a reader needs
// it, or a copy fails, and its file is cut back afterwards.
type checkpoints struct {
	db   *sql.DB  // one connection
	file *os.File // the database
	log  *atomic.Pointer[slog.Logger]
	wake chan struct{} // holds one
	stop context.CancelFunc
	done chan struct{} // closed after the last checkpoint

	pages    int // logPages
	tried    int // how long the log was at the last try, 0 if it has begun anew
	failed   bool
	unlooked int // commits since the last wake; under Store.writes
}

// limitLog makes the writing connection leave the log to checkpoints, and cut
// back a file that is longer than the log usually gets.
func limitLog(ctx context.Context, conn *sql.Conn, pages int) error {
	_, err := conn.ExecContext(ctx, fmt.Sprintf("PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = %d", 4*pages*pageSize))
	return err
}

func (e *sqlite) startCheckpoints() error {
	o := e.sqliteOptions
	o.busy = 0 // who waits here may have commits wait
	db, err := sql.Open("sqlite3", o.dsn(true))
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	ctx, stop := context.WithCancel(context.Background())
	c := &checkpoints{db: db, file: e.file, log: &e.store.log, wake: make(chan struct{}, 1), stop: stop, done: make(chan struct{}), pages: logPages}
	e.checkpoints = c
	go func() {
		defer close(c.done)
		for {
			select {
			case <-ctx.Done():
				return
			case <-c.wake:
				e.checkpoint()
			}
		}
	}()
	return nil
}

// close waits for the checkpoint in progress.
func (c *checkpoints) close() error {
	c.stop()
	<-c.done
	return c.db.Close()
}

// tell logs the first failure, and the first success after it.
func (c *checkpoints) tell(err error) {
	first := (err != nil) != c.failed
	c.failed = err != nil
	log := c.log.Load()
	switch {
	case log == nil || !first:
	case err != nil:
		log.Warn("the database's write-ahead log cannot begin anew; it grows until it can", "error", explain(err))
	default:
		log.Info("the database's write-ahead log begins anew again")
	}
}

// committed is called after each commit, with Store.writes held. Now and then,
// and sooner after large ones, it has the log looked at.
func (c *checkpoints) committed(records int) {
	if c.unlooked += 1 + records/64; c.unlooked < 16 {
		return
	}
	c.unlooked = 0
	select {
	case c.wake <- struct{}{}:
	default: // it is about to be
	}
}

// logState is how SQLite describes the log, in pages.
type logState struct {
	blocked       bool // by a reader or by another process
	pages, copied int
}

// run runs SQLite's checkpoint; mode NOOP only looks.
func (c *checkpoints) run(mode string) (l logState, err error) {
	err = c.db.QueryRowContext(context.Background(), "PRAGMA wal_checkpoint = "+mode).Scan(&l.blocked, &l.pages, &l.copied)
	return l, err
}

// checkpoint copies a log that is long enough. What fails or is blocked is tried
// again when the log has grown by another quarter.
func (e *sqlite) checkpoint() {
	c := e.checkpoints
	l, err := c.run("NOOP")
	if err != nil {
		c.tell(fmt.Errorf("look at the log: %w", err))
		return
	}
	if l.pages < c.tried {
		c.tried = 0
	}
	if l.pages < max(c.pages, c.tried+c.pages/4) || l.copied == l.pages {
		return
	}
	c.tried = l.pages
	free, err := c.copyBeside(l.copied)
	if free {
		free, err = e.copyRest()
	}
	switch {
	case err != nil:
		c.tell(err)
	case free:
		c.tell(nil)
	case l.pages > 16*c.pages:
		c.tell(fmt.Errorf("a query or another process keeps reading an old state; the log has %d pages", l.pages))
	}
}

// copyBeside copies the log while commits go on, again as long as they have added
// much less than was copied. done is false where a reader needs the database as
// it is, and not only the writer, which holds back its last commit at times.
func (c *checkpoints) copyBeside(copied int) (done bool, err error) {
	for {
		l, err := c.run("PASSIVE")
		if err != nil {
			return false, fmt.Errorf("copy the log into the database: %w", err)
		}
		// SQLite does this only at the log's end, where commits would wait for all of it.
		if err := c.file.Sync(); err != nil {
			return false, fmt.Errorf("sync the database: %w", err)
		}
		now, err := c.run("NOOP")
		if err != nil {
			return false, fmt.Errorf("look at the log: %w", err)
		}
		if left := now.pages - l.copied; left > (l.copied-copied)/2 || left < c.pages/32 {
			return l.pages-l.copied < c.pages/4, nil
		}
		copied = l.copied
	}
}

// copyRest copies what is left while no commit runs, so that the next one begins
// the log anew; free is false if a reader is still in it.
func (e *sqlite) copyRest() (free bool, err error) {
	e.store.writes.Lock()
	defer e.store.writes.Unlock()
	l, err := e.checkpoints.run("RESTART")
	if err != nil {
		return false, fmt.Errorf("copy the end of the log into the database: %w", err)
	}
	return !l.blocked, nil
}

package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"

	"github.com/mattn/go-sqlite3"
)

// sqliteBatch goes past database/sql, whose checks would be half the cost of a
// small insert, and runs each statement at once.
type sqliteBatch struct {
	conn                           *sqlite3.SQLiteConn
	beginning, committing, undoing *sqliteStatement
	statements                     [ledgerStatements]*sqliteStatement
	results                        []int64
}

type sqliteStatement struct {
	stmt *sqlite3.SQLiteStmt
	args []driver.NamedValue // reused
}

func (e *sqlite) batches(conn *sql.Conn) (batchDB, error) {
	b := &sqliteBatch{}
	err := conn.Raw(func(raw any) (err error) {
		b.conn = raw.(*sqlite3.SQLiteConn)
		prepare := func(to **sqliteStatement, text string) {
			var stmt driver.Stmt
			if err == nil {
				stmt, err = b.conn.Prepare(text)
			}
			if err != nil {
				return
			}
			*to = &sqliteStatement{stmt: stmt.(*sqlite3.SQLiteStmt), args: make([]driver.NamedValue, stmt.NumInput())}
			for i := range (*to).args {
				(*to).args[i].Ordinal = i + 1
			}
		}
		prepare(&b.beginning, "BEGIN IMMEDIATE")
		prepare(&b.committing, "COMMIT")
		prepare(&b.undoing, "ROLLBACK")
		for i, text := range ledgerSQL {
			prepare(&b.statements[i], text)
		}
		return err
	})
	if err != nil {
		return nil, errors.Join(err, b.close())
	}
	return b, nil
}

func (b *sqliteBatch) begin() error {
	b.results = b.results[:0]
	_, err := b.beginning.exec()
	return err
}

func (b *sqliteBatch) run(st ledgerStatement, args ...any) (err error) {
	s := b.statements[st]
	for i, v := range args {
		s.args[i].Value = v
	}
	var n int64
	if st == doFindDimensions {
		n, err = s.number()
	} else {
		n, err = s.exec()
	}
	b.results = append(b.results, n)
	return err
}

func (b *sqliteBatch) flush() ([]int64, error) {
	results := b.results
	b.results = b.results[:0]
	return results, nil
}

func (b *sqliteBatch) commit() error {
	_, err := b.committing.exec()
	return err
}

func (b *sqliteBatch) rollback() error {
	if b.conn.AutoCommit() { // a full disk may have rolled back by itself
		return nil
	}
	_, err := b.undoing.exec()
	return err
}

func (b *sqliteBatch) close() error {
	var errs []error
	for _, s := range append([]*sqliteStatement{b.beginning, b.committing, b.undoing}, b.statements[:]...) {
		if s != nil {
			errs = append(errs, s.stmt.Close())
		}
	}
	return errors.Join(errs...)
}

// exec runs the statement with s.args and tells how many rows changed. The
// context cannot be cancelled: a batch is short, and the driver would pay a
// goroutine for each statement.
func (s *sqliteStatement) exec() (int64, error) {
	res, err := s.stmt.ExecContext(context.Background(), s.args)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// number runs a query for one integer.
func (s *sqliteStatement) number() (int64, error) {
	rows, err := s.stmt.QueryContext(context.Background(), s.args)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	row := make([]driver.Value, 1)
	if err := rows.Next(row); err != nil {
		return 0, err
	}
	n, ok := row[0].(int64)
	if !ok {
		return 0, fmt.Errorf("%v is no integer", row[0])
	}
	return n, nil
}

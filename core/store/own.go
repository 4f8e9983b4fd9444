package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// own locks a file beside the database. The lock is the operating system's.
func (e *sqlite) own(context.Context, *sql.Conn) error {
	path := e.path + ".lock"
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("lock the database: %w", explain(err))
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		who := make([]byte, 20)
		n, _ := f.Read(who) // without it the message says less
		_ = f.Close()       // nothing was written
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return fmt.Errorf("another gateway runs on the database %s, as process %s", e.path, strings.TrimSpace(string(who[:n])))
		}
		return fmt.Errorf("lock the database: %w", err)
	}
	e.owned = f
	err = f.Truncate(0)
	if err == nil {
		_, err = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	if err != nil {
		return fmt.Errorf("lock the database: %w", explain(err))
	}
	return nil
}

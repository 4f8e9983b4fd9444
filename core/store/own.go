package store

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// Own makes this process the one gateway of the database until Close, or until
// the process ends in whatever way. A second one would take the exchanges that
// run in the first for those of a dead process, and settle them at their estimate.
func (s *Store) Own() error {
	path := s.path + ".lock"
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("lock the database: %w", explain(err))
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		who := make([]byte, 20)
		n, _ := f.Read(who) // without it the message says less
		_ = f.Close()       // nothing was written
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return fmt.Errorf("another gateway runs on the database %s, as process %s", s.path, strings.TrimSpace(string(who[:n])))
		}
		return fmt.Errorf("lock the database: %w", err)
	}
	s.owned = f
	err = f.Truncate(0)
	if err == nil {
		_, err = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	if err != nil {
		return fmt.Errorf("lock the database: %w", explain(err))
	}
	return nil
}

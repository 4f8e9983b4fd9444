package core

import "context"

// NoticeKind says what another process may have changed in the database.
type NoticeKind string

// The kinds. What is remembered of their subject is to be forgotten or read anew.
const (
	// NoticeKeys: keys, their secrets or budgets, or the names of their owners.
	NoticeKeys NoticeKind = "keys"
	// NoticeConfig: there is a new revision of the configuration.
	NoticeConfig NoticeKind = "config"
)

// NoticeStore tells what other processes on the same database have changed.
type NoticeStore interface {
	// Notices calls tell for every kind of change within a second of its commit,
	// until ctx ends, and then returns. A notice says that something may have
	// changed: at the beginning, and after a time without the database, there may
	// be one for each kind, and changes by this process are told as well. tell is called by
	// one goroutine and holds up the next notice. Where no other process can
	// change the database (SQLite) there are none.
	Notices(ctx context.Context, tell func(NoticeKind))
}

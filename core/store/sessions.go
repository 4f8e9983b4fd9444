package store

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/tokligence/gateway/core"
)

const sessionColumns = "id, user_id, created_at, seen_at, expires_at, remote_address, user_agent"

func scanSession(row scanner) (*core.Session, error) {
	var s core.Session
	var created, seen, expires int64
	err := row.Scan(&s.ID, &s.UserID, &created, &seen, &expires, &s.RemoteAddress, &s.UserAgent)
	s.CreatedAt, s.SeenAt, s.ExpiresAt = fromNanos(created), fromNanos(seen), fromNanos(expires)
	return &s, err
}

// CreateSession implements [core.SignInStore].
func (s *Store) CreateSession(ctx context.Context, session *core.Session, secret core.SecretHash) error {
	return s.write(ctx, "create session", func(tx *sql.Tx) error {
		if _, err := users.named(ctx, tx, "user_id", session.UserID); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `DELETE FROM sessions WHERE user_id = ? AND expires_at <= ?`, session.UserID, nanos(session.CreatedAt))
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "INSERT INTO sessions (hash, "+sessionColumns+") VALUES (?,?,?,?,?,?,?,?)", hex.EncodeToString(secret[:]),
			session.ID, session.UserID, nanos(session.CreatedAt), nanos(session.SeenAt), nanos(session.ExpiresAt), clean(session.RemoteAddress), clean(session.UserAgent))
		return err
	})
}

// FindSession implements [core.SignInStore].
func (s *Store) FindSession(ctx context.Context, secret core.SecretHash) (session *core.Session, u *core.User, err error) {
	err = s.snapshot(ctx, "find session", func(tx *sql.Tx) error {
		session, err = scanSession(tx.QueryRowContext(ctx, "SELECT "+sessionColumns+" FROM sessions WHERE hash = ?", hex.EncodeToString(secret[:])))
		if errors.Is(err, sql.ErrNoRows) {
			return notFound("session", "")
		}
		if err != nil {
			return err
		}
		if u, err = users.find(ctx, tx, session.UserID); err == nil && u.DeletedAt != nil {
			err = notFound("user", u.ID)
		}
		return err
	})
	return session, u, err
}

// FindSessionByID implements [core.SignInStore].
func (s *Store) FindSessionByID(ctx context.Context, id string) (*core.Session, error) {
	session, err := scanSession(s.read.QueryRowContext(ctx, "SELECT "+sessionColumns+" FROM sessions WHERE id = ?", id))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, notFound("session", id)
	}
	if err != nil {
		return nil, fmt.Errorf("find session: %w", explain(err))
	}
	return session, nil
}

// TouchSession implements [core.SignInStore].
func (s *Store) TouchSession(ctx context.Context, id string, seen time.Time) error {
	return s.write(ctx, "touch session", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE sessions SET seen_at = ? WHERE id = ? AND seen_at < ?`, nanos(seen), id, nanos(seen))
		return err
	})
}

// ListSessions implements [core.SignInStore].
func (s *Store) ListSessions(ctx context.Context, f core.SessionFilter) ([]*core.Session, string, error) {
	var w where
	w.matches("user_id", f.UserID)
	w.add("expires_at > ?", nanos(f.Now))
	w.add("seen_at > ?", nanos(f.SeenAfter))
	return newestFirst(ctx, s.read, sessionColumns, "sessions", w, f.Page, scanSession, func(v *core.Session) string { return v.ID })
}

// EndSession implements [core.SignInStore].
func (s *Store) EndSession(ctx context.Context, id string) error {
	return s.write(ctx, "end session", func(tx *sql.Tx) error {
		return changeOne(ctx, tx, "session", id, `DELETE FROM sessions WHERE id = ?`, id)
	})
}

// EndSessions implements [core.SignInStore].
func (s *Store) EndSessions(ctx context.Context, userID string) error {
	return s.write(ctx, "end sessions", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM sessions WHERE user_id = ?`, userID)
		return err
	})
}

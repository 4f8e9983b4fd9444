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

// FindPassword implements [core.SignInStore].
func (s *Store) FindPassword(ctx context.Context, userID string) (hash string, err error) {
	err = s.read.QueryRowContext(ctx, `SELECT hash FROM passwords WHERE user_id = ?`, userID).Scan(&hash)
	if errors.Is(err, sql.ErrNoRows) {
		return "", core.Errorf(core.CodeNotFound, core.SourceClient, "user %q has no password", userID)
	}
	if err != nil {
		return "", fmt.Errorf("find password: %w", explain(err))
	}
	return hash, nil
}

// SetPassword implements [core.SignInStore].
func (s *Store) SetPassword(ctx context.Context, userID, hash string, now time.Time) error {
	return s.write(ctx, "set password", func(tx *sql.Tx) error { return setPassword(ctx, tx, userID, hash, now) })
}

// Rehash implements [core.SignInStore].
func (s *Store) Rehash(ctx context.Context, userID, from, to string) error {
	return s.write(ctx, "rehash password", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE passwords SET hash = ? WHERE user_id = ? AND hash = ?`, to, userID, from)
		return err
	})
}

func setPassword(ctx context.Context, tx *sql.Tx, userID, hash string, now time.Time) error {
	u, err := users.find(ctx, tx, userID)
	if err != nil {
		return err
	}
	if u.DeletedAt != nil {
		return notFound("user", userID)
	}
	if err := shutOut(ctx, tx, userID); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO passwords (user_id, hash, changed_at) VALUES (?,?,?)`, userID, hash, nanos(now))
	return err
}

// shutOut ends all by which the user is or gets in, but for identities of OpenID providers.
func shutOut(ctx context.Context, tx *sql.Tx, userID string) error {
	for _, table := range []string{"passwords", "sessions", "tickets"} {
		if _, err := tx.ExecContext(ctx, "DELETE FROM "+table+" WHERE user_id = ?", userID); err != nil {
			return err
		}
	}
	return nil
}

// CreateTicket implements [core.SignInStore].
func (s *Store) CreateTicket(ctx context.Context, t *core.Ticket) error {
	return s.write(ctx, "create ticket", func(tx *sql.Tx) error {
		email := ""
		if t.UserID != "" {
			u, err := users.named(ctx, tx, "user_id", t.UserID)
			if err != nil {
				return err
			}
			email = u.Email
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM tickets WHERE user_id = ? AND used_for = ?`, t.UserID, string(t.Use)); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO tickets (hash, used_for, user_id, email, created_at, expires_at) VALUES (?,?,?,?,?,?)`,
			hex.EncodeToString(t.Hash[:]), string(t.Use), t.UserID, email, nanos(t.CreatedAt), nanos(t.ExpiresAt))
		return err
	})
}

// FindTicket implements [core.SignInStore].
func (s *Store) FindTicket(ctx context.Context, secret core.SecretHash, use core.TicketUse, now time.Time) (*core.Ticket, error) {
	return findTicket(ctx, s.read, secret, use, now)
}

func findTicket(ctx context.Context, q single, secret core.SecretHash, use core.TicketUse, now time.Time) (*core.Ticket, error) {
	t := core.Ticket{Hash: secret, Use: use}
	var created, expires int64
	err := q.QueryRowContext(ctx, `SELECT t.user_id, t.created_at, t.expires_at FROM tickets t WHERE t.hash = ? AND t.used_for = ? AND t.expires_at > ?
		AND (t.user_id = '' OR EXISTS (SELECT 1 FROM users u WHERE u.id = t.user_id AND u.email = t.email AND u.deleted_at IS NULL))`,
		hex.EncodeToString(secret[:]), string(use), nanos(now)).Scan(&t.UserID, &created, &expires)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, core.Errorf(core.CodeNotFound, core.SourceClient, "the token is not valid: it was used, has expired, or never was one")
	}
	t.CreatedAt, t.ExpiresAt = fromNanos(created), fromNanos(expires)
	return &t, err
}

// takeTicket uses it up.
func takeTicket(ctx context.Context, tx *sql.Tx, secret core.SecretHash, use core.TicketUse, now time.Time) (*core.Ticket, error) {
	t, err := findTicket(ctx, tx, secret, use, now)
	if err != nil {
		return nil, err
	}
	_, err = tx.ExecContext(ctx, `DELETE FROM tickets WHERE hash = ?`, hex.EncodeToString(secret[:]))
	return t, err
}

// UseTicket implements [core.SignInStore].
func (s *Store) UseTicket(ctx context.Context, secret core.SecretHash, hash string, now time.Time) error {
	return s.write(ctx, "reset password", func(tx *sql.Tx) error {
		t, err := takeTicket(ctx, tx, secret, core.TicketReset, now)
		if err != nil {
			return err
		}
		return setPassword(ctx, tx, t.UserID, hash, now)
	})
}

// SignUp implements [core.SignInStore].
func (s *Store) SignUp(ctx context.Context, secret core.SecretHash, u *core.User, hash string, now time.Time) error {
	return s.write(ctx, "sign up", func(tx *sql.Tx) error {
		if _, err := takeTicket(ctx, tx, secret, core.TicketSignUp, now); err != nil {
			return err
		}
		u.Role = core.RoleOwner
		have, err := userOf(ctx, tx, u.Email)
		if err != nil {
			return err
		}
		if have == nil {
			err = insertUser(ctx, tx, u)
		} else {
			u.ID, u.CreatedAt = have.ID, have.CreatedAt
			_, err = tx.ExecContext(ctx, `UPDATE users SET name = ?, role = ?, updated_at = ? WHERE id = ?`, clean(u.Name), string(u.Role), nanos(now), u.ID)
		}
		if err != nil {
			return err
		}
		return setPassword(ctx, tx, u.ID, hash, now)
	})
}

// userOf returns the living user with the address, nil when there is none.
func userOf(ctx context.Context, q single, email string) (*core.User, error) {
	u, err := users.scan(q.QueryRowContext(ctx, "SELECT "+users.columns+users.more+" FROM users WHERE email = ? AND deleted_at IS NULL", email))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return u, err
}

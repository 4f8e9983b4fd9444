package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/tokligence/gateway/core"
)

// settleMinted holds a new temporary key to its parent's policy, and first clears
// away those of the parent that have ended. It gives the key its parent's owners.
func settleMinted(ctx context.Context, tx *sql.Tx, k *core.VirtualKey) error {
	if k.ParentID == "" {
		return nil
	}
	parent, err := scanKey(tx.QueryRowContext(ctx, "SELECT "+keyFields+", NULL FROM virtual_keys k WHERE k.id = ? AND k.deleted_at IS NULL", k.ParentID))
	if err != nil || parent.MayMint == nil || parent.ParentID != "" {
		return firstError(unlessNoRows(err), core.Errorf(core.CodePermissionDenied, core.SourceClient, "this key may not make temporary keys"))
	}
	if err := clearMinted(ctx, tx, k.ParentID, k.CreatedAt); err != nil {
		return err
	}
	var living int64
	if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM virtual_keys WHERE parent_id = ? AND parent_id <> '' AND deleted_at IS NULL`, k.ParentID).Scan(&living); err != nil {
		return err
	}
	if living >= parent.MayMint.MaxKeys {
		return core.Errorf(core.CodeConflict, core.SourceClient, "this key has %d temporary keys already, which is all that it may have at a time", living)
	}
	k.OrganizationID, k.TeamID, k.ProjectID, k.UserID = parent.OrganizationID, parent.TeamID, parent.ProjectID, parent.UserID
	return nil
}

func unlessNoRows(err error) error {
	if err == sql.ErrNoRows {
		return nil
	}
	return err
}

// clearMinted deletes the parent's temporary keys that have ended. Their rows stay
// for history.
func clearMinted(ctx context.Context, tx *sql.Tx, parentID string, now time.Time) error {
	return endMinted(ctx, tx, "parent_id = ? AND parent_id <> '' AND deleted_at IS NULL AND expires_at <= ?", now, parentID, nanos(now))
}

// endMinted deletes the temporary keys of a condition.
func endMinted(ctx context.Context, tx *sql.Tx, condition string, now time.Time, args ...any) error {
	if _, err := tx.ExecContext(ctx, "DELETE FROM key_secrets WHERE key_id IN (SELECT id FROM virtual_keys WHERE "+condition+")", args...); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, "UPDATE virtual_keys SET deleted_at = ?, updated_at = ? WHERE "+condition, append([]any{nanos(now), nanos(now)}, args...)...)
	return err
}

// moveMinted gives the temporary keys of k its owners.
func moveMinted(ctx context.Context, tx *sql.Tx, k *core.VirtualKey) error {
	_, err := tx.ExecContext(ctx, `UPDATE virtual_keys SET organization_id = ?, team_id = ?, project_id = ?, user_id = ?, kind = ?
		WHERE parent_id = ? AND parent_id <> '' AND deleted_at IS NULL`, k.OrganizationID, k.TeamID, k.ProjectID, k.UserID, string(k.Kind()), k.ID)
	return err
}

// refuseMinting keeps temporary keys from making others.
func refuseMinting(k *core.VirtualKey) error {
	if k.ParentID != "" && k.MayMint != nil {
		return core.Invalid("may_mint", "a temporary key makes no others")
	}
	return nil
}

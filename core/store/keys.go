package store

import (
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/tokligence/gateway/core"
)

// keyColumns ends with the last use, which the ledger knows: no request writes it.
const keyColumns = keyFields + `, (SELECT MAX(e.at) FROM entries e WHERE e.key_id = k.id)`

const keyFields = `k.id, k.name, k.prefix, k.last_four, k.role, k.organization_id, k.team_id, k.user_id,
	k.all_models, k.models, k.rpm, k.tpm, k.parallel, k.tags, k.blocked,
	k.expires_at, k.created_at, k.updated_at, k.deleted_at,
	k.ip_ranges, k.endpoints, k.project_id, k.end_user, k.metadata, k.guardrails,
	k.may_mint, k.parent_id, k.rotate_every, k.rotation_grace, k.rotated_at`

// scanner is one row or the current one of many.
type scanner interface{ Scan(dest ...any) error }

// scanKey reads keyColumns and then more.
func scanKey(row scanner, more ...any) (*core.VirtualKey, error) {
	var (
		k                          core.VirtualKey
		models, tags               string
		created, updated, rotated  int64
		expires, deleted, lastUsed sql.NullInt64
	)
	dest := []any{&k.ID, &k.Name, &k.Prefix, &k.LastFour, &k.Role, &k.OrganizationID, &k.TeamID, &k.UserID,
		&k.AllModels, &models, &k.Limits.RPM, &k.Limits.TPM, &k.Limits.Parallel, &tags, &k.Blocked,
		&expires, &created, &updated, &deleted,
		nullList{&k.IPRanges}, nullList{&k.Endpoints}, &k.ProjectID, nullList{&k.EndUser}, nullList{&k.Metadata}, nullList{&k.Guardrails},
		nullList{&k.MayMint}, &k.ParentID, &k.RotateEvery, &k.RotationGrace, &rotated,
		&lastUsed}
	if err := row.Scan(append(dest, more...)...); err != nil {
		return nil, err
	}
	if err := json.Unmarshal([]byte(models), &k.Models); err != nil {
		return nil, fmt.Errorf("key %s: models: %w", k.ID, err)
	}
	if err := json.Unmarshal([]byte(tags), &k.Tags); err != nil {
		return nil, fmt.Errorf("key %s: tags: %w", k.ID, err)
	}
	k.CreatedAt, k.UpdatedAt, k.RotatedAt = fromNanos(created), fromNanos(updated), fromNanos(rotated)
	k.ExpiresAt, k.DeletedAt, k.LastUsed = fromNull(expires), fromNull(deleted), fromNull(lastUsed)
	return &k, nil
}

// listJSON writes nil as an empty list: "nothing", never "everything".
func listJSON(list []string) string {
	if list == nil {
		return "[]"
	}
	return mustJSON(list)
}

// nullList reads a column in which NULL is a nil list: no restriction.
type nullList struct{ to any }

// Scan implements [sql.Scanner].
func (l nullList) Scan(column any) error {
	switch text := column.(type) {
	case nil:
		return nil
	case string:
		return json.Unmarshal([]byte(text), l.to)
	case []byte:
		return json.Unmarshal(text, l.to)
	}
	return fmt.Errorf("a list is stored as %T", column)
}

// nullJSON is what nullList reads.
func nullJSON[T any](list []T) any {
	if list == nil {
		return nil
	}
	return mustJSON(list)
}

// objectJSON is the same for an object.
func objectJSON[T any](object *T) any {
	if object == nil {
		return nil
	}
	return mustJSON(object)
}

// CreateKey implements [core.KeyStore].
func (s *Store) CreateKey(ctx context.Context, k *core.VirtualKey, secret core.SecretHash, b *core.Budget) error {
	return s.write(ctx, "create key", func(tx *sql.Tx) error {
		if err := refuseMinting(k); err != nil {
			return err
		}
		if err := settleMinted(ctx, tx, k); err != nil {
			return err
		}
		if err := settleOwners(ctx, tx, k); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO virtual_keys (id, name, prefix, last_four, role, organization_id, team_id, user_id,
			all_models, models, rpm, tpm, parallel, tags, blocked, expires_at, created_at, updated_at, deleted_at,
			ip_ranges, endpoints, project_id, end_user, metadata, guardrails, kind,
			may_mint, parent_id, rotate_every, rotation_grace, rotated_at)
			VALUES (?,?,?,?,?,?,?,?, ?,?,?,?,?,?,?, ?,?,?,NULL, ?,?,?,?,?,?,?, ?,?,?,?,?)`,
			k.ID, clean(k.Name), k.Prefix, k.LastFour, string(k.Role), k.OrganizationID, k.TeamID, k.UserID,
			flag(k.AllModels), listJSON(k.Models), k.Limits.RPM, k.Limits.TPM, k.Limits.Parallel, listJSON(k.Tags), flag(k.Blocked),
			nullNanos(k.ExpiresAt), nanos(k.CreatedAt), nanos(k.UpdatedAt),
			nullJSON(k.IPRanges), nullJSON(k.Endpoints), k.ProjectID, objectJSON(k.EndUser), objectJSON(k.Metadata), listJSON(k.Guardrails), string(k.Kind()),
			objectJSON(k.MayMint), k.ParentID, int64(k.RotateEvery), int64(k.RotationGrace), nanos(k.RotatedAt))
		if err == nil {
			err = insertSecret(ctx, tx, k.ID, secret)
		}
		if isConflict(err) {
			return core.Errorf(core.CodeConflict, core.SourceClient, "a key with this id or secret exists already").With(err)
		}
		if err == nil && b != nil {
			err = setBudget(ctx, tx, b)
		}
		if err != nil {
			return err
		}
		return tell(ctx, tx, core.KeyEvent(core.EventKeyCreated, k, k.CreatedAt))
	})
}

func insertSecret(ctx context.Context, tx *sql.Tx, keyID string, hash core.SecretHash) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO key_secrets (hash, key_id, expires_at) VALUES (?,?,NULL)`,
		hex.EncodeToString(hash[:]), keyID)
	return err
}

// FindKeyByHash implements [core.KeyStore]. LastUsed is not filled in: it is
// the path of every first request.
func (s *Store) FindKeyByHash(ctx context.Context, hash core.SecretHash) (*core.VirtualKey, *core.KeySecret, error) {
	var ends sql.NullInt64
	row := s.read.QueryRowContext(ctx, "SELECT "+keyFields+`, NULL, s.expires_at
		FROM key_secrets s JOIN virtual_keys k ON k.id = s.key_id WHERE s.hash = ? AND k.deleted_at IS NULL`,
		hex.EncodeToString(hash[:]))
	k, err := scanKey(row, &ends)
	if err == sql.ErrNoRows {
		return nil, nil, core.Errorf(core.CodeNotFound, core.SourceClient, "no key has this secret")
	}
	if err != nil {
		return nil, nil, fmt.Errorf("find key by secret: %w", explain(err))
	}
	return k, &core.KeySecret{Hash: hash, KeyID: k.ID, ExpiresAt: fromNull(ends)}, nil
}

// FindKeyByID implements [core.KeyStore].
func (s *Store) FindKeyByID(ctx context.Context, id string) (*core.VirtualKey, error) {
	k, err := scanKey(s.read.QueryRowContext(ctx, "SELECT "+keyColumns+" FROM virtual_keys k WHERE k.id = ?", id))
	if err == sql.ErrNoRows {
		return nil, notFound("key", id)
	}
	if err != nil {
		return nil, fmt.Errorf("find key %s: %w", id, explain(err))
	}
	return k, nil
}

// ListKeys implements [core.KeyStore]. IDs sort by time, so they are the order and the cursor.
func (s *Store) ListKeys(ctx context.Context, f core.KeyFilter) ([]*core.VirtualKey, string, error) {
	if err := checkLimit(f.Limit, maxPage); err != nil {
		return nil, "", err
	}
	for table, of := range map[string]*string{"projects": f.ProjectID, "teams": f.TeamID} {
		has := map[string]*string{"organization_id": f.OrganizationID}
		if table == "projects" {
			has["team_id"] = f.TeamID
		}
		if apart, err := s.apart(ctx, table, of, has); apart || err != nil {
			return nil, "", err
		}
	}
	w := keyWhere(f)
	if f.Cursor != "" {
		w.add("k.id < ?", f.Cursor)
	}
	scan := func(rows *sql.Rows) (*core.VirtualKey, error) { return scanKey(rows) }
	keys, err := queryAll(ctx, s.read, scan, "SELECT "+keyColumns+" FROM virtual_keys k"+w.String()+
		" ORDER BY k.id DESC LIMIT "+strconv.Itoa(f.Limit+1), w.args...)
	if err != nil {
		return nil, "", fmt.Errorf("list keys: %w", err)
	}
	keys, next := page(keys, f.Limit, func(k *core.VirtualKey) string { return k.ID })
	return keys, next, nil
}

// kind filters by a kind of keys. It stands in the text, since how many there are
// differs greatly, and a database that is told later plans for the average.
func (w *where) kind(column string, kind core.KeyKind) {
	switch kind {
	case core.KindUser, core.KindServiceAccount, core.KindOrganization, core.KindInstallation:
		w.add(column + " = '" + string(kind) + "'")
	default:
		w.add("1 = 0")
	}
}

// keyWhere leaves the database no choice of a bad index: a user has few keys, and
// a project is of one team for good, as a team is of one organization. An
// expression uses no index.
func keyWhere(f core.KeyFilter) (w where) {
	hide := ""
	if f.UserID != nil || f.ParentID != nil {
		hide = " || ''"
	}
	w.add("k.deleted_at IS NULL")
	if f.ParentID != nil {
		w.add("k.parent_id = ? AND k.parent_id <> ''", *f.ParentID) // as its index says
	}
	userID := "k.user_id"
	if f.ParentID != nil {
		userID += hide
	}
	w.matches(userID, f.UserID)
	w.matches("k.name"+hide, f.Name)
	if f.Kind != nil {
		w.kind("k.kind"+hide, *f.Kind)
	}
	w.matches("k.project_id"+hide, f.ProjectID)
	if f.ProjectID == nil || *f.ProjectID == "" {
		w.inTeam("k.organization_id"+hide, "k.team_id"+hide, f.OrganizationID, f.TeamID)
	}
	w.reach(f.Reach, "k.organization_id", "k.team_id", "k.user_id")
	if f.Role != nil {
		w.add("k.role = ?", string(*f.Role))
	}
	if f.Blocked != nil {
		w.add("k.blocked = " + strconv.FormatInt(flag(*f.Blocked), 10)) // as the indexes of the blocked say
	}
	return w
}

// UpdateKey implements [core.KeyStore].
func (s *Store) UpdateKey(ctx context.Context, id string, u core.KeyUpdate, now time.Time) (*core.VirtualKey, error) {
	set, args := "updated_at = ?", []any{nanos(now)}
	assign := func(column string, value any) {
		set += ", " + column + " = ?"
		args = append(args, value)
	}
	if u.Name != nil {
		assign("name", clean(*u.Name))
	}
	if u.AllModels != nil {
		assign("all_models", flag(*u.AllModels))
	}
	if u.Models != nil {
		assign("models", listJSON(*u.Models))
	}
	if u.IPRanges != nil {
		assign("ip_ranges", nullJSON(*u.IPRanges))
	}
	if u.Endpoints != nil {
		assign("endpoints", nullJSON(*u.Endpoints))
	}
	if u.Limits != nil {
		assign("rpm", u.Limits.RPM)
		assign("tpm", u.Limits.TPM)
		assign("parallel", u.Limits.Parallel)
	}
	if u.Tags != nil {
		assign("tags", listJSON(*u.Tags))
	}
	if u.Guardrails != nil {
		assign("guardrails", listJSON(*u.Guardrails))
	}
	if u.EndUser != nil {
		assign("end_user", objectJSON(*u.EndUser))
	}
	if u.Metadata != nil {
		assign("metadata", objectJSON(*u.Metadata))
	}
	if u.MayMint != nil {
		assign("may_mint", objectJSON(*u.MayMint))
	}
	if u.RotateEvery != nil {
		set += ", rotated_at = CASE WHEN rotate_every = 0 THEN ? ELSE rotated_at END" // the schedule begins now
		args = append(args, nanos(now))
		assign("rotate_every", int64(*u.RotateEvery))
	}
	if u.RotationGrace != nil {
		assign("rotation_grace", int64(*u.RotationGrace))
	}
	if u.Blocked != nil {
		assign("blocked", flag(*u.Blocked))
	}
	if u.ExpiresAt != nil {
		assign("expires_at", nullNanos(*u.ExpiresAt))
	}
	var k *core.VirtualKey
	err := s.write(ctx, "update key", func(tx *sql.Tx) error {
		wasBlocked, err := isBlocked(ctx, tx, id)
		if err != nil {
			return err
		}
		err = changeLive(ctx, tx, id, "UPDATE virtual_keys SET "+set+" WHERE id = ? AND deleted_at IS NULL", append(args, id)...)
		if err == nil {
			k, err = scanKey(tx.QueryRowContext(ctx, "SELECT "+keyColumns+" FROM virtual_keys k WHERE k.id = ?", id))
		}
		if err == nil {
			err = refuseMinting(k)
		}
		if err == nil {
			err = changeOwners(ctx, tx, k, u)
		}
		if err != nil || k.Blocked == wasBlocked {
			return err
		}
		what := core.EventKeyUnblocked
		if k.Blocked {
			what = core.EventKeyBlocked
		}
		return tell(ctx, tx, core.KeyEvent(what, k, now))
	})
	return k, err
}

// isBlocked tells how a living key stands; false for one that does not exist.
func isBlocked(ctx context.Context, tx *sql.Tx, id string) (blocked bool, err error) {
	err = tx.QueryRowContext(ctx, "SELECT blocked FROM virtual_keys WHERE id = ? AND deleted_at IS NULL", id).Scan(&blocked)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return blocked, err
}

// tellOfKey stores an event of the key as it is now.
func tellOfKey(ctx context.Context, tx *sql.Tx, what core.EventType, id string, now time.Time, more ...func(*core.KeyEventData)) error {
	k, err := scanKey(tx.QueryRowContext(ctx, "SELECT "+keyColumns+" FROM virtual_keys k WHERE k.id = ?", id))
	if err != nil {
		return err
	}
	return tell(ctx, tx, core.KeyEvent(what, k, now, more...))
}

// changeLive runs a statement that changes one key that is not deleted.
func changeLive(ctx context.Context, tx *sql.Tx, id, query string, args ...any) error {
	return changeOne(ctx, tx, "key", id, query, args...)
}

func firstError(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// RotateKey implements [core.KeyStore].
func (s *Store) RotateKey(ctx context.Context, id string, secret core.SecretHash, prefix, lastFour string, graceUntil, now time.Time) error {
	if graceUntil.Before(now) {
		graceUntil = now
	}
	return s.write(ctx, "rotate key", func(tx *sql.Tx) error {
		if err := changeLive(ctx, tx, id, `UPDATE virtual_keys SET prefix = ?, last_four = ?, updated_at = ?, rotated_at = ?
			WHERE id = ? AND deleted_at IS NULL`, prefix, lastFour, nanos(now), nanos(now), id); err != nil {
			return err
		}
		// A secret that ends sooner by an earlier rotation keeps its own end.
		if _, err := tx.ExecContext(ctx, `UPDATE key_secrets SET expires_at = ?
			WHERE key_id = ? AND (expires_at IS NULL OR expires_at > ?)`, nanos(graceUntil), id, nanos(graceUntil)); err != nil {
			return err
		}
		err := insertSecret(ctx, tx, id, secret)
		if isConflict(err) {
			return core.Errorf(core.CodeConflict, core.SourceClient, "a key with this secret exists already").With(err)
		}
		if err != nil {
			return err
		}
		return tellOfKey(ctx, tx, core.EventKeyRotated, id, now, func(d *core.KeyEventData) { d.GraceUntil = &graceUntil })
	})
}

// DeleteKey implements [core.KeyStore]. The row stays for history; its secrets
// go, so that one may be brought again for a new key.
func (s *Store) DeleteKey(ctx context.Context, id string, now time.Time) error {
	return s.write(ctx, "delete key", func(tx *sql.Tx) error {
		if err := changeLive(ctx, tx, id, `UPDATE virtual_keys SET deleted_at = ?, updated_at = ?
			WHERE id = ? AND deleted_at IS NULL`, nanos(now), nanos(now), id); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM key_secrets WHERE key_id = ?`, id); err != nil {
			return err
		}
		if err := endMinted(ctx, tx, "parent_id = ? AND parent_id <> '' AND deleted_at IS NULL", now, id); err != nil {
			return err
		}
		return tellOfKey(ctx, tx, core.EventKeyDeleted, id, now)
	})
}

// CountKeys implements [core.KeyStore].
func (s *Store) CountKeys(ctx context.Context) (int, error) {
	var n int
	err := s.read.QueryRowContext(ctx, `SELECT COUNT(*) FROM virtual_keys WHERE deleted_at IS NULL`).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count keys: %w", explain(err))
	}
	return n, nil
}

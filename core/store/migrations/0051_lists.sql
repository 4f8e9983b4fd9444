-- Every filter of the lists, and each two that may narrow much only together, have
-- an index in the order of the list. A user and a project have few keys, so theirs
-- do for what is combined with them. Blocked keys are few: their indexes are small.
ALTER TABLE virtual_keys ADD COLUMN kind TEXT NOT NULL DEFAULT ''; -- follows from the owners
UPDATE virtual_keys SET kind = CASE WHEN user_id <> '' THEN 'user' WHEN team_id <> '' THEN 'service_account'
    WHEN organization_id <> '' THEN 'organization' ELSE 'installation' END;
CREATE INDEX virtual_keys_living ON virtual_keys (id) WHERE deleted_at IS NULL;
CREATE INDEX virtual_keys_kind ON virtual_keys (kind, id) WHERE deleted_at IS NULL;
CREATE INDEX virtual_keys_name_kind ON virtual_keys (name, kind, id) WHERE deleted_at IS NULL;
CREATE INDEX virtual_keys_organization_kind ON virtual_keys (organization_id, kind, id) WHERE deleted_at IS NULL;
CREATE INDEX virtual_keys_organization_name ON virtual_keys (organization_id, name, id) WHERE deleted_at IS NULL;
CREATE INDEX virtual_keys_team_kind ON virtual_keys (team_id, kind, id) WHERE deleted_at IS NULL;
CREATE INDEX virtual_keys_team_name ON virtual_keys (team_id, name, id) WHERE deleted_at IS NULL;
CREATE INDEX virtual_keys_blocked ON virtual_keys (id) WHERE blocked = 1 AND deleted_at IS NULL;
CREATE INDEX virtual_keys_blocked_kind ON virtual_keys (kind, id) WHERE blocked = 1 AND deleted_at IS NULL;
CREATE INDEX virtual_keys_blocked_name ON virtual_keys (name, id) WHERE blocked = 1 AND deleted_at IS NULL;
CREATE INDEX virtual_keys_blocked_organization ON virtual_keys (organization_id, id) WHERE blocked = 1 AND deleted_at IS NULL;
CREATE INDEX virtual_keys_blocked_team ON virtual_keys (team_id, id) WHERE blocked = 1 AND deleted_at IS NULL;
CREATE INDEX virtual_keys_blocked_project ON virtual_keys (project_id, id) WHERE blocked = 1 AND deleted_at IS NULL;
CREATE INDEX users_living ON users (id) WHERE deleted_at IS NULL;
CREATE INDEX memberships_living ON memberships (id) WHERE deleted_at IS NULL;
CREATE INDEX memberships_user ON memberships (user_id, id) WHERE deleted_at IS NULL;
CREATE INDEX teams_list ON teams (name, id) WHERE deleted_at IS NULL;
CREATE INDEX projects_list ON projects (name, id) WHERE deleted_at IS NULL;

-- A project may have many keys, too.
CREATE INDEX virtual_keys_project_kind ON virtual_keys (project_id, kind, id) WHERE deleted_at IS NULL;
CREATE INDEX virtual_keys_project_name ON virtual_keys (project_id, name, id) WHERE deleted_at IS NULL;

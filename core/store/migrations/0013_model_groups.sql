CREATE TABLE model_groups (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL,
    models     TEXT NOT NULL, -- JSON array
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    deleted_at BIGINT
);
CREATE UNIQUE INDEX model_groups_name ON model_groups (name) WHERE deleted_at IS NULL;

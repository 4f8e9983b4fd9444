-- Who keys belong to. Deleted rows stay for history; names are unique among the rest.

CREATE TABLE organizations (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    deleted_at BIGINT
);
CREATE UNIQUE INDEX organizations_name ON organizations (name) WHERE deleted_at IS NULL;

CREATE TABLE teams (
    id              TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    name            TEXT NOT NULL,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL,
    deleted_at      BIGINT
);
CREATE UNIQUE INDEX teams_name ON teams (name, organization_id) WHERE deleted_at IS NULL;
CREATE INDEX teams_organization ON teams (organization_id, id) WHERE deleted_at IS NULL;

CREATE TABLE users (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL,
    email      TEXT NOT NULL, -- in lower case
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    deleted_at BIGINT
);
CREATE UNIQUE INDEX users_email ON users (email) WHERE deleted_at IS NULL;
CREATE INDEX users_name ON users (name, id) WHERE deleted_at IS NULL;

CREATE TABLE memberships (
    id              TEXT PRIMARY KEY,
    user_id         TEXT NOT NULL REFERENCES users (id),
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    team_id         TEXT NOT NULL, -- '' is the organization itself
    role            TEXT NOT NULL,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL,
    deleted_at      BIGINT
);
CREATE UNIQUE INDEX memberships_place ON memberships (user_id, organization_id, team_id) WHERE deleted_at IS NULL;
CREATE INDEX memberships_organization ON memberships (organization_id, id) WHERE deleted_at IS NULL;
CREATE INDEX memberships_team ON memberships (team_id, id) WHERE deleted_at IS NULL;
CREATE INDEX memberships_organization_users ON memberships (organization_id, user_id) WHERE deleted_at IS NULL;
CREATE INDEX memberships_team_users ON memberships (team_id, user_id) WHERE deleted_at IS NULL;

CREATE INDEX virtual_keys_name ON virtual_keys (name, id) WHERE deleted_at IS NULL;
CREATE INDEX virtual_keys_organization ON virtual_keys (organization_id, id) WHERE deleted_at IS NULL;
CREATE INDEX virtual_keys_team ON virtual_keys (team_id, id) WHERE deleted_at IS NULL;
CREATE INDEX virtual_keys_user ON virtual_keys (user_id, id) WHERE deleted_at IS NULL;

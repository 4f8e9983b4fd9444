-- Projects are groups of keys in a team.
CREATE TABLE projects (
    id              TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    team_id         TEXT NOT NULL REFERENCES teams (id),
    name            TEXT NOT NULL,
    all_models      BIGINT NOT NULL,
    models          TEXT NOT NULL, -- JSON array
    rpm             BIGINT NOT NULL,
    tpm             BIGINT NOT NULL,
    parallel        BIGINT NOT NULL,
    tags            TEXT NOT NULL, -- JSON array
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL,
    deleted_at      BIGINT
);
CREATE UNIQUE INDEX projects_name ON projects (name, team_id) WHERE deleted_at IS NULL;
CREATE INDEX projects_team ON projects (team_id, id) WHERE deleted_at IS NULL;
CREATE INDEX projects_organization ON projects (organization_id, id) WHERE deleted_at IS NULL;

ALTER TABLE virtual_keys ADD COLUMN project_id TEXT NOT NULL DEFAULT '';
CREATE INDEX virtual_keys_project ON virtual_keys (project_id, id) WHERE deleted_at IS NULL;

ALTER TABLE dimensions ADD COLUMN project_id TEXT NOT NULL DEFAULT '';
ALTER TABLE dimensions ADD COLUMN project_name TEXT NOT NULL DEFAULT '';

-- The project is one more of the dimensions that make a row of its own.
ALTER TABLE rollups RENAME TO rollups_before;
CREATE TABLE rollups (
    hour            BIGINT NOT NULL, -- its beginning
    organization_id TEXT NOT NULL,
    team_id         TEXT NOT NULL,
    project_id      TEXT NOT NULL,
    user_id         TEXT NOT NULL,
    key_id          TEXT NOT NULL,
    model           TEXT NOT NULL,
    provider        TEXT NOT NULL,
    deployment      TEXT NOT NULL,
    outcome         TEXT NOT NULL,
    requests        BIGINT NOT NULL,
    input_tokens    BIGINT NOT NULL,
    output_tokens   BIGINT NOT NULL,
    amount          BIGINT NOT NULL,
    unpriced        BIGINT NOT NULL,
    PRIMARY KEY (hour, organization_id, team_id, project_id, user_id, key_id, model, provider, deployment, outcome)
) /* clustered */;
INSERT INTO rollups (hour, organization_id, team_id, project_id, user_id, key_id, model, provider, deployment, outcome,
        requests, input_tokens, output_tokens, amount, unpriced)
    SELECT hour, organization_id, team_id, '', user_id, key_id, model, provider, deployment, outcome,
        requests, input_tokens, output_tokens, amount, unpriced FROM rollups_before;
DROP TABLE rollups_before;
CREATE INDEX rollups_key ON rollups (key_id, hour);
CREATE INDEX rollups_organization ON rollups (organization_id, hour);
CREATE INDEX rollups_team ON rollups (team_id, hour);
CREATE INDEX rollups_project ON rollups (project_id, hour) WHERE project_id <> '';
CREATE INDEX rollups_user ON rollups (user_id, hour);

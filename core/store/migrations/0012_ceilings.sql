-- What owners allow their keys. Those that exist restrict nothing.
ALTER TABLE organizations ADD COLUMN all_models BIGINT NOT NULL DEFAULT 1;
ALTER TABLE organizations ADD COLUMN models TEXT NOT NULL DEFAULT '[]'; -- JSON array
ALTER TABLE organizations ADD COLUMN rpm BIGINT NOT NULL DEFAULT 0;
ALTER TABLE organizations ADD COLUMN tpm BIGINT NOT NULL DEFAULT 0;
ALTER TABLE organizations ADD COLUMN parallel BIGINT NOT NULL DEFAULT 0;

ALTER TABLE teams ADD COLUMN all_models BIGINT NOT NULL DEFAULT 1;
ALTER TABLE teams ADD COLUMN models TEXT NOT NULL DEFAULT '[]';
ALTER TABLE teams ADD COLUMN rpm BIGINT NOT NULL DEFAULT 0;
ALTER TABLE teams ADD COLUMN tpm BIGINT NOT NULL DEFAULT 0;
ALTER TABLE teams ADD COLUMN parallel BIGINT NOT NULL DEFAULT 0;

ALTER TABLE users ADD COLUMN all_models BIGINT NOT NULL DEFAULT 1;
ALTER TABLE users ADD COLUMN models TEXT NOT NULL DEFAULT '[]';
ALTER TABLE users ADD COLUMN rpm BIGINT NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN tpm BIGINT NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN parallel BIGINT NOT NULL DEFAULT 0;

-- For what a budget's subject has spent.
CREATE INDEX rollups_organization ON rollups (organization_id, hour);
CREATE INDEX rollups_team ON rollups (team_id, hour);
CREATE INDEX rollups_user ON rollups (user_id, hour);

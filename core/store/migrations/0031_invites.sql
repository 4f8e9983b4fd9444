-- Invitations. They stay when they are over, for history.
CREATE TABLE invites (
    id              TEXT PRIMARY KEY,
    hash            TEXT NOT NULL UNIQUE, -- SHA-256, hexadecimal
    email           TEXT NOT NULL,
    role            TEXT NOT NULL,
    organization_id TEXT NOT NULL, -- '' is the whole installation
    team_id         TEXT NOT NULL,
    inviter_kind    TEXT NOT NULL,
    inviter_id      TEXT NOT NULL,
    inviter_name    TEXT NOT NULL,
    created_at      BIGINT NOT NULL,
    expires_at      BIGINT NOT NULL,
    accepted_at     BIGINT,
    user_id         TEXT NOT NULL,
    revoked_at      BIGINT
);
CREATE INDEX invites_email ON invites (email, id);
CREATE INDEX invites_organization ON invites (organization_id, id);
CREATE INDEX invites_team ON invites (team_id, id);

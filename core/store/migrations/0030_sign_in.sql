-- How people sign in. Secrets are kept as SHA-256, hexadecimal; passwords as
-- argon2id in PHC string format. A session, ticket or password that ended is deleted.

CREATE TABLE passwords (
    user_id    TEXT PRIMARY KEY REFERENCES users (id),
    hash       TEXT NOT NULL,
    changed_at BIGINT NOT NULL
);

CREATE TABLE sessions (
    id             TEXT PRIMARY KEY,
    hash           TEXT NOT NULL UNIQUE,
    user_id        TEXT NOT NULL REFERENCES users (id),
    created_at     BIGINT NOT NULL,
    seen_at        BIGINT NOT NULL,
    expires_at     BIGINT NOT NULL,
    remote_address TEXT NOT NULL,
    user_agent     TEXT NOT NULL
);
CREATE INDEX sessions_user ON sessions (user_id, id);

CREATE TABLE tickets (
    hash       TEXT PRIMARY KEY,
    used_for   TEXT NOT NULL,
    user_id    TEXT NOT NULL, -- '' is nobody's yet
    email      TEXT NOT NULL, -- the user's when it was made
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX tickets_user ON tickets (user_id, used_for);

CREATE TABLE identities (
    issuer     TEXT NOT NULL,
    subject    TEXT NOT NULL,
    user_id    TEXT NOT NULL REFERENCES users (id),
    created_at BIGINT NOT NULL,
    PRIMARY KEY (issuer, subject)
);
CREATE INDEX identities_user ON identities (user_id);

-- What the groups of an OpenID provider gave: a role that stands as it was given
-- is the provider's to change, any other is somebody's decision here.
CREATE TABLE granted_roles (
    user_id         TEXT NOT NULL REFERENCES users (id),
    issuer          TEXT NOT NULL,
    organization_id TEXT NOT NULL, -- '' is the installation
    team_id         TEXT NOT NULL,
    role            TEXT NOT NULL,
    PRIMARY KEY (user_id, issuer, organization_id, team_id)
);

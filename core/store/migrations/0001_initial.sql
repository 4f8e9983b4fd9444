-- Times are nanoseconds since 1970 UTC, amounts are nano-dollars, flags are 0 or 1.
-- Only types and clauses that SQLite and Postgres share; "clustered" is a comment
-- to Postgres and WITHOUT ROWID to SQLite: one tree less to write.

CREATE TABLE virtual_keys (
    id              TEXT PRIMARY KEY,
    name            TEXT NOT NULL,
    prefix          TEXT NOT NULL,
    last_four       TEXT NOT NULL,
    role            TEXT NOT NULL,
    organization_id TEXT NOT NULL,
    team_id         TEXT NOT NULL,
    user_id         TEXT NOT NULL,
    all_models      BIGINT NOT NULL,
    models          TEXT NOT NULL, -- JSON array
    rpm             BIGINT NOT NULL,
    tpm             BIGINT NOT NULL,
    parallel        BIGINT NOT NULL,
    tags            TEXT NOT NULL, -- JSON array
    blocked         BIGINT NOT NULL,
    expires_at      BIGINT,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL,
    deleted_at      BIGINT
);

CREATE TABLE key_secrets (
    hash       TEXT PRIMARY KEY, -- SHA-256, hexadecimal
    key_id     TEXT NOT NULL REFERENCES virtual_keys (id),
    expires_at BIGINT
) /* clustered */;
CREATE INDEX key_secrets_key ON key_secrets (key_id);

CREATE TABLE budgets (
    id         TEXT PRIMARY KEY,
    scope      TEXT NOT NULL,
    subject_id TEXT NOT NULL,
    amount     BIGINT NOT NULL,
    period     TEXT NOT NULL,
    timezone   TEXT NOT NULL,
    policy     TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX budgets_subject ON budgets (scope, subject_id);

-- What many entries have in common. Every combination stands once, and its
-- rows are never changed: an entry is a small row that points here.
CREATE TABLE dimensions (
    id                INTEGER PRIMARY KEY, -- given by the database
    hash              TEXT NOT NULL UNIQUE, -- SHA-256 of the rest, hexadecimal
    key_id            TEXT NOT NULL,
    key_name          TEXT NOT NULL,
    organization_id   TEXT NOT NULL,
    organization_name TEXT NOT NULL,
    team_id           TEXT NOT NULL,
    team_name         TEXT NOT NULL,
    user_id           TEXT NOT NULL,
    user_name         TEXT NOT NULL,
    endpoint          TEXT NOT NULL,
    stream            BIGINT NOT NULL,
    requested_model   TEXT NOT NULL,
    deployed_model    TEXT NOT NULL,
    served_model      TEXT NOT NULL,
    provider          TEXT NOT NULL,
    deployment        TEXT NOT NULL,
    price_id          TEXT NOT NULL,
    unpriced          BIGINT NOT NULL,
    outcome           TEXT NOT NULL,
    status            BIGINT NOT NULL,
    error_code        TEXT NOT NULL,
    cache_hit         BIGINT NOT NULL
);

CREATE TABLE entries (
    id            TEXT PRIMARY KEY, -- follows from the exchange's unless it is a correction, so it keeps exchanges unique
    corrects      TEXT NOT NULL,    -- entry id
    dimensions_id BIGINT NOT NULL REFERENCES dimensions (id),
    key_id        TEXT NOT NULL,
    at            BIGINT NOT NULL,
    ended_at      BIGINT NOT NULL,
    input_tokens  BIGINT NOT NULL, -- all parts of usage that are input
    output_tokens BIGINT NOT NULL,
    amount        BIGINT NOT NULL,
    latency       BIGINT NOT NULL, -- nanoseconds
    first_byte    BIGINT NOT NULL,
    end_user      TEXT NOT NULL,
    detail        TEXT NOT NULL    -- JSON object: usage by parts, tags, attempts, reason, findings
);
CREATE INDEX entries_corrects ON entries (corrects) WHERE corrects <> '';
CREATE INDEX entries_at ON entries (at);
CREATE INDEX entries_key ON entries (key_id, at);

-- Exchanges that have reached a provider, in the batches in which they were put
-- on record; open are those of them that have no entry. A slot is overwritten
-- when all of its exchanges have one. Read only after a crash.
CREATE TABLE open_batches (
    node_id TEXT NOT NULL,
    slot    BIGINT NOT NULL,
    seq     BIGINT NOT NULL, -- rises with every batch
    records TEXT NOT NULL,   -- JSON array
    PRIMARY KEY (node_id, slot)
) /* clustered */;

CREATE TABLE rollups (
    hour            BIGINT NOT NULL, -- its beginning
    organization_id TEXT NOT NULL,
    team_id         TEXT NOT NULL,
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
    PRIMARY KEY (hour, organization_id, team_id, user_id, key_id, model, provider, deployment, outcome)
) /* clustered */;
CREATE INDEX rollups_key ON rollups (key_id, hour);

-- One row that an empty ledger batch touches, to prove that writing works.
CREATE TABLE heartbeat (
    id   BIGINT PRIMARY KEY,
    beat BIGINT NOT NULL
);
INSERT INTO heartbeat (id, beat) VALUES (1, 0);

-- The audit log. Rows are added and never changed; every filter, and each two
-- that may narrow much only together, have an index in the order of the list.
CREATE TABLE audit (
    seq            INTEGER PRIMARY KEY, -- given by the database: orders what has one time
    id             TEXT NOT NULL UNIQUE,
    at             BIGINT NOT NULL,
    action         TEXT NOT NULL,
    actor_kind     TEXT NOT NULL,
    actor_id       TEXT NOT NULL,
    actor_name     TEXT NOT NULL,
    object_kind    TEXT NOT NULL,
    object_id      TEXT NOT NULL,
    object_name    TEXT NOT NULL,
    outcome        TEXT NOT NULL,
    error_code     TEXT NOT NULL,
    before_state   TEXT NOT NULL, -- JSON, '' for none
    after_state    TEXT NOT NULL,
    remote_address TEXT NOT NULL,
    user_agent     TEXT NOT NULL
);
CREATE INDEX audit_at ON audit (at, seq);
CREATE INDEX audit_action ON audit (action, at, seq);
CREATE INDEX audit_actor ON audit (actor_id, at, seq);
CREATE INDEX audit_actor_action ON audit (actor_id, action, at, seq);
CREATE INDEX audit_actor_kind ON audit (actor_id, object_kind, at, seq);
CREATE INDEX audit_kind ON audit (object_kind, at, seq);
CREATE INDEX audit_object ON audit (object_id, at, seq);

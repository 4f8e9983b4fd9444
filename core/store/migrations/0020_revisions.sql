-- Configurations that were put in force. Rows are added and never changed.
CREATE TABLE config_revisions (
    number     BIGINT PRIMARY KEY,
    at         BIGINT NOT NULL,
    cause      TEXT NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_id   TEXT NOT NULL,
    actor_name TEXT NOT NULL,
    content    TEXT NOT NULL -- JSON, secrets masked
);

-- The objects made by API, each as it was from one revision until before another.
CREATE TABLE config_objects (
    id         TEXT NOT NULL,
    kind       TEXT NOT NULL,
    name       TEXT NOT NULL,
    since      BIGINT NOT NULL, -- the first revision with it
    ended      BIGINT NOT NULL, -- the first revision without it, 0 while it is there
    settings   TEXT NOT NULL,   -- JSON
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (kind, name, since)
);
CREATE INDEX config_objects_ended ON config_objects (ended, since);

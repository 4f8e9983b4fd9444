-- Events with the change that caused them, the webhooks that get them, and their
-- deliveries. Ids sort by time.
CREATE TABLE events (
    id              TEXT PRIMARY KEY,
    type            TEXT NOT NULL,
    at              BIGINT NOT NULL,
    organization_id TEXT NOT NULL,
    team_id         TEXT NOT NULL,
    user_id         TEXT NOT NULL,
    key_id          TEXT NOT NULL,
    data            TEXT NOT NULL, -- JSON object
    once            TEXT NOT NULL, -- '' or a text that no other event has
    spread          BIGINT NOT NULL -- 1 when its deliveries are made
);
CREATE UNIQUE INDEX events_once ON events (once) WHERE once <> '';
CREATE INDEX events_new ON events (id) WHERE spread = 0;
CREATE INDEX events_type ON events (type, id);
CREATE INDEX events_organization ON events (organization_id, id);
CREATE INDEX events_at ON events (at);

CREATE TABLE webhooks (
    id              TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL, -- '' gets the events of all
    url             TEXT NOT NULL, -- without what may be secret
    description     TEXT NOT NULL,
    types           TEXT NOT NULL, -- JSON array
    enabled         BIGINT NOT NULL,
    disabled_reason TEXT NOT NULL,
    failing_since   BIGINT,
    sealed          TEXT NOT NULL,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL,
    deleted_at      BIGINT
);
CREATE INDEX webhooks_organization ON webhooks (organization_id, id) WHERE deleted_at IS NULL;

CREATE TABLE deliveries (
    id          TEXT PRIMARY KEY,
    event_id    TEXT NOT NULL, -- '' is a mail that no event led to
    webhook_id  TEXT NOT NULL, -- '' is a mail
    type        TEXT NOT NULL,
    state       TEXT NOT NULL,
    attempts    BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    next_at     BIGINT NOT NULL,
    last_at     BIGINT,
    last_status BIGINT NOT NULL,
    last_error  TEXT NOT NULL,
    sealed      TEXT NOT NULL -- a pending mail
);
CREATE INDEX deliveries_due ON deliveries (next_at) WHERE state = 'pending';
CREATE INDEX deliveries_webhook ON deliveries (webhook_id, id);
CREATE INDEX deliveries_event ON deliveries (event_id, id);
CREATE INDEX deliveries_created ON deliveries (created_at);

CREATE INDEX virtual_keys_expires ON virtual_keys (expires_at) WHERE deleted_at IS NULL AND expires_at IS NOT NULL;

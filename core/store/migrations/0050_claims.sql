-- Uses of idempotency keys. Each goes after a day.
CREATE TABLE claims (
    id         TEXT PRIMARY KEY, -- SHA-256 of caller and key, hexadecimal
    object     TEXT NOT NULL,
    sealed     TEXT NOT NULL,
    done       BIGINT NOT NULL,
    created_at BIGINT NOT NULL
) /* clustered */;
CREATE INDEX claims_created ON claims (created_at);

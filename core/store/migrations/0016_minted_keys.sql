-- Keys that may make temporary ones (a JSON object, NULL for those that may not),
-- the key that made a temporary one, and when secrets are to be replaced: spans in
-- nanoseconds, 0 for never. rotated_at is when the newest secret was made.
ALTER TABLE virtual_keys ADD COLUMN may_mint TEXT;
ALTER TABLE virtual_keys ADD COLUMN parent_id TEXT NOT NULL DEFAULT '';
ALTER TABLE virtual_keys ADD COLUMN rotate_every BIGINT NOT NULL DEFAULT 0;
ALTER TABLE virtual_keys ADD COLUMN rotation_grace BIGINT NOT NULL DEFAULT 0;
ALTER TABLE virtual_keys ADD COLUMN rotated_at BIGINT NOT NULL DEFAULT 0;
UPDATE virtual_keys SET rotated_at = created_at;
CREATE INDEX virtual_keys_parent ON virtual_keys (parent_id, id) WHERE parent_id <> '';
CREATE INDEX virtual_keys_rotation ON virtual_keys (rotated_at) WHERE rotate_every > 0;

ALTER TABLE dimensions ADD COLUMN parent_key_id TEXT NOT NULL DEFAULT '';

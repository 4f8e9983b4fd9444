-- Whether the members of a team may make keys of their own in it.
ALTER TABLE teams ADD COLUMN member_keys BIGINT NOT NULL DEFAULT 0;

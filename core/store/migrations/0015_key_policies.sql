-- What clients may say, as JSON objects; NULL for no policy.
ALTER TABLE virtual_keys ADD COLUMN end_user TEXT;
ALTER TABLE virtual_keys ADD COLUMN metadata TEXT;
-- Names of guardrails beside a route's own, as JSON arrays.
ALTER TABLE virtual_keys ADD COLUMN guardrails TEXT NOT NULL DEFAULT '[]';
ALTER TABLE projects ADD COLUMN guardrails TEXT NOT NULL DEFAULT '[]';
ALTER TABLE teams ADD COLUMN guardrails TEXT NOT NULL DEFAULT '[]';
ALTER TABLE users ADD COLUMN guardrails TEXT NOT NULL DEFAULT '[]';
ALTER TABLE organizations ADD COLUMN guardrails TEXT NOT NULL DEFAULT '[]';

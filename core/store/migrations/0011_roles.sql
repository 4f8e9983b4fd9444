-- Roles over the whole installation stand on the user; a membership has one of
-- its place. Owners and admins of an organization are what is org_admin.
ALTER TABLE users ADD COLUMN role TEXT NOT NULL DEFAULT '';
UPDATE memberships SET role = 'org_admin' WHERE role IN ('owner', 'admin');

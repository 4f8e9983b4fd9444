-- Objects made by API: the secrets of credentials, sealed, and who owns what is
-- not everybody's.
ALTER TABLE config_objects ADD COLUMN sealed TEXT NOT NULL DEFAULT '';
ALTER TABLE config_objects ADD COLUMN organization_id TEXT NOT NULL DEFAULT '';
ALTER TABLE config_objects ADD COLUMN team_id TEXT NOT NULL DEFAULT '';
CREATE INDEX config_objects_organization ON config_objects (organization_id, ended);
CREATE INDEX config_objects_team ON config_objects (team_id, ended);

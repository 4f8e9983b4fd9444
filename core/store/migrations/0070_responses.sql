-- Responses that their owners can ask for again, and where their items stand.
CREATE TABLE responses (
    id          TEXT PRIMARY KEY,
    owner       TEXT NOT NULL, -- id of a user, project, team, organization or key
    previous_id TEXT NOT NULL,
    created_at  BIGINT NOT NULL,
    sealed      TEXT NOT NULL, -- what was asked and answered; one of the two
    plain       TEXT NOT NULL
) /* clustered */;
CREATE INDEX responses_created ON responses (created_at);
CREATE TABLE response_items (
    owner       TEXT NOT NULL,
    id          TEXT NOT NULL,
    response_id TEXT NOT NULL,
    PRIMARY KEY (owner, id, response_id)
) /* clustered */;
CREATE INDEX response_items_response ON response_items (response_id);

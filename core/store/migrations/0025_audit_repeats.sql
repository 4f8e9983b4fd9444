-- How many refusals like this one had no record of their own.
ALTER TABLE audit ADD COLUMN repeats BIGINT NOT NULL DEFAULT 0;

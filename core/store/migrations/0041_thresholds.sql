-- At how many percent of a budget somebody is told: a JSON array.
ALTER TABLE budgets ADD COLUMN thresholds TEXT NOT NULL DEFAULT '[80,100]';

-- Where a key may be used from and what for: JSON arrays, NULL for no restriction.
ALTER TABLE virtual_keys ADD COLUMN ip_ranges TEXT;
ALTER TABLE virtual_keys ADD COLUMN endpoints TEXT;

-- What waits to be told in the daily digest of an address, and which digest told it (null: none yet).
CREATE TABLE digest_lines (alert VARCHAR, event VARCHAR, channel VARCHAR, target VARCHAR, due TIMESTAMP, digest VARCHAR);
-- Digests as they are sent.
CREATE TABLE digests (id VARCHAR, body VARCHAR);

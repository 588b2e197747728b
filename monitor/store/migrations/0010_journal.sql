-- How far the journal in front of this file has been brought in: its frames up to this number are in the tables.
CREATE TABLE journal (reached BIGINT);
INSERT INTO journal VALUES (0);

-- The rows that explanations compared with, by the hash that each of these names.
CREATE TABLE backgrounds (model VARCHAR, hash VARCHAR, created TIMESTAMP, body VARCHAR);

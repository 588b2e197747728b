-- How far the scheduler has looked for rows that came for windows measured before.
CREATE TABLE seen (model VARCHAR, up_to_seq BIGINT);

-- One side of an exchange with a model server, as it waits for the other; and the exchanges whose sides both came.
CREATE TABLE halves (seq BIGINT, model VARCHAR, source VARCHAR, exchange VARCHAR, side VARCHAR, digest BIGINT,
                     rows INTEGER, time TIMESTAMP, received TIMESTAMP, note VARCHAR, body BLOB);
CREATE TABLE exchanges (seq BIGINT, model VARCHAR, source VARCHAR, exchange VARCHAR, request BIGINT, response BIGINT,
                        paired TIMESTAMP);

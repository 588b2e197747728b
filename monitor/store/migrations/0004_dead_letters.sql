-- Dead letters with the body as it was sent, how to read it, and what became of it. The number is unique in a model.
CREATE TABLE letters (number BIGINT, model VARCHAR, source VARCHAR, form VARCHAR, id VARCHAR, reason VARCHAR,
                      detail VARCHAR, body BLOB, size BIGINT, headers VARCHAR, received TIMESTAMP, replayed TIMESTAMP);
-- Those of the format before: a few had the row as text, which cannot be read again. None was ever counted as kept.
INSERT INTO letters SELECT row_number() OVER (ORDER BY received), model, source, 'note', id, reason, detail,
                           encode(coalesce(body, '')), strlen(coalesce(body, '')), '{}', received, NULL FROM dead_letters;
INSERT INTO ledger SELECT (SELECT coalesce(max(number), 0) FROM ledger), model, source, 'buried', reason, count(*)
                   FROM dead_letters GROUP BY ALL;
DROP TABLE dead_letters;

-- Which rows are kept. A policy holds for the rows after its seq; how far it was carried out is in thinned.
-- What is left of rows not kept is in narrow, one table a model, made when the store is opened, until their label
-- deadline; then they are only counted, in expired. Segments hold from a seq on once rows are not all there to be
-- profiled again.
CREATE SCHEMA narrow;
CREATE TABLE sampling (model VARCHAR, after_seq BIGINT, rate DOUBLE, newest BIGINT, keep_rows_days BIGINT);
CREATE TABLE thinned (model VARCHAR, up_to_seq BIGINT);
CREATE TABLE expired (model VARCHAR, source VARCHAR, version VARCHAR, hour TIMESTAMP, why VARCHAR, rows BIGINT,
                      profiled BOOLEAN);
CREATE TABLE segment_eras (model VARCHAR, after_seq BIGINT, segments VARCHAR[]);

-- Models, their versions and binnings.
CREATE TABLE models (name VARCHAR, schema VARCHAR, settings VARCHAR, created TIMESTAMP);
CREATE TABLE versions (model VARCHAR, version VARCHAR, body VARCHAR);
CREATE TABLE binnings (model VARCHAR, id VARCHAR, body VARCHAR);

-- One table a model, made when it is registered: what was captured, the labels' history, the reference rows.
CREATE SCHEMA captured;
CREATE SCHEMA labels;
CREATE SCHEMA reference;

-- Counts of rows by fate, appended with each group and summed on reading. The number is the group's.
CREATE TABLE ledger (number BIGINT, model VARCHAR, source VARCHAR, outcome VARCHAR, reason VARCHAR, rows BIGINT);
CREATE TABLE client_drops (model VARCHAR, source VARCHAR, client VARCHAR, reason VARCHAR, total BIGINT);
CREATE TABLE dead_letters (model VARCHAR, source VARCHAR, id VARCHAR, reason VARCHAR, detail VARCHAR, body VARCHAR, received TIMESTAMP);
CREATE TABLE losses (expected BIGINT, found BIGINT);

-- Profile pieces of captured rows, how far they reach, and the reference's.
CREATE TABLE profiles (model VARCHAR, version VARCHAR, segment VARCHAR, hour TIMESTAMP, "column" VARCHAR, binning VARCHAR,
                       counts BIGINT[], minimum DOUBLE, maximum DOUBLE);
CREATE TABLE profile_marks (model VARCHAR, up_to_seq BIGINT, basis VARCHAR);
CREATE TABLE reference_profiles (model VARCHAR, version VARCHAR, segment VARCHAR, hour TIMESTAMP, "column" VARCHAR,
                       binning VARCHAR, counts BIGINT[], minimum DOUBLE, maximum DOUBLE);

CREATE TABLE measurements (model VARCHAR, version VARCHAR, metric VARCHAR, feature VARCHAR, segment VARCHAR,
                           window_start TIMESTAMP, window_end TIMESTAMP, value DOUBLE, rows BIGINT, coverage DOUBLE,
                           threshold DOUBLE, low DOUBLE, high DOUBLE, status VARCHAR, details VARCHAR);
CREATE TABLE watermarks (job VARCHAR, model VARCHAR, until TIMESTAMP);

CREATE TABLE alerts (id VARCHAR, model VARCHAR, state VARCHAR, window_start TIMESTAMP, body VARCHAR);
CREATE TABLE deliveries (alert VARCHAR, event VARCHAR, channel VARCHAR, target VARCHAR, attempts INTEGER,
                         enqueued TIMESTAMP, due TIMESTAMP, delivered TIMESTAMP, error VARCHAR);
CREATE TABLE explanations (id VARCHAR, model VARCHAR, version VARCHAR, inference_id VARCHAR, method VARCHAR,
                           fingerprint VARCHAR, created TIMESTAMP, body VARCHAR);
CREATE TABLE reports (id VARCHAR, model VARCHAR, created TIMESTAMP, body VARCHAR);

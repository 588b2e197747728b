-- What a stratified sample of each window (window_start) and of the reference (NULL) was explained by: a row an input.
-- basis: model, method, settings and background; only samples of one basis compare.
CREATE TABLE attributions (
    model VARCHAR,
    version VARCHAR,
    basis VARCHAR,
    window_start TIMESTAMP,
    inference_id VARCHAR,
    "time" TIMESTAMP,
    feature VARCHAR,
    number DOUBLE,
    text VARCHAR,
    amount DOUBLE
);

-- What the detector of each version remembered at the end of each window; the newest is the present.
CREATE TABLE detection_states (model VARCHAR, version VARCHAR, until TIMESTAMP, basis VARCHAR, state VARCHAR);
-- Columns whose owner took their traffic from a moment on for the new normal.
CREATE TABLE detection_baselines (model VARCHAR, version VARCHAR, "column" VARCHAR, since TIMESTAMP);
-- What owners did about an alert, and when.
CREATE TABLE alert_notes (alert VARCHAR, "at" TIMESTAMP, who VARCHAR, "action" VARCHAR, said VARCHAR);

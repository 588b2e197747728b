-- Profiles of closed days: once by the hour and once by the day, each the exact sum of the pieces that were moved there
-- from profiles, which holds what is in no day yet. So all rows are in profiles and profile_days, each once.
-- A day's hour is its midnight.
CREATE TABLE profile_hours (model VARCHAR, version VARCHAR, segment VARCHAR, hour TIMESTAMP, "column" VARCHAR, binning VARCHAR,
                            counts BIGINT[], minimum DOUBLE, maximum DOUBLE);
CREATE TABLE profile_days (model VARCHAR, version VARCHAR, segment VARCHAR, hour TIMESTAMP, "column" VARCHAR, binning VARCHAR,
                           counts BIGINT[], minimum DOUBLE, maximum DOUBLE);
-- From when on each is there, and how many have been let go since the model began.
CREATE TABLE profile_spans (model VARCHAR, hours_from TIMESTAMP, days_from TIMESTAMP, hours_gone BIGINT, days_gone BIGINT);
-- What a reference comes to: its whole profile, and the bounds that its chunks stay under as JSON, by what they follow from.
CREATE TABLE reference_wholes (model VARCHAR, version VARCHAR, segment VARCHAR, "column" VARCHAR, binning VARCHAR,
                               counts BIGINT[], minimum DOUBLE, maximum DOUBLE, basis VARCHAR, bounds VARCHAR);
-- A few rows of each day and version in full, whatever else is kept: one table a model, made when the store is opened,
-- and how far each has been filled.
CREATE SCHEMA reservoir;
CREATE TABLE reservoirs (model VARCHAR, up_to_seq BIGINT);

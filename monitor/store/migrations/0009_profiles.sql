-- Profiles of closed days: once by the hour and once by the day, each the exact sum of the pieces that were moved there
-- from profiles, which holds what is in no day yet. So all rows are in profiles and profile_days, each once.
-- A day's hour is its midnight.
CREATE TABLE profile_hours (model VARCHAR, version VARCHAR, segment VARCHAR, hour TIMESTAMP, "column" VARCHAR, binning VARCHAR,
                            counts BIGINT[], minimum DOUBLE, maximum DOUBLE);
CREATE TABLE profile_days (model VARCHAR, version VARCHAR, segment VARCHAR, hour TIMESTAMP, "column" VARCHAR, binning VARCHAR,
                           counts BIGINT[], minimum DOUBLE, maximum DOUBLE);
-- From when on each is there, and how many have been let go since the model began.
CREATE TABLE profile_spans (model VARCHAR, hours_from TIMESTAMP, days_from TIMESTAMP, hours_gone BIGINT, days_gone BIGINT);

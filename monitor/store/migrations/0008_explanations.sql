-- When the explained row was captured, and whether chance chose it, so that it may stand for others of its window.
ALTER TABLE explanations ADD COLUMN "time" TIMESTAMP;
ALTER TABLE explanations ADD COLUMN sampled BOOLEAN;

-- What model servers and this machine's GPUs said of themselves: figures over time. The model is '' for this machine.
-- Captured tables gain their columns of the canonical batch when the store is opened (see monitor.store.tables.widen).
CREATE TABLE samples (model VARCHAR, source VARCHAR, metric VARCHAR, labels VARCHAR, time TIMESTAMP, value DOUBLE,
                      step INTEGER);

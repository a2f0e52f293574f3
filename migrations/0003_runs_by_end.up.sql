-- no-transaction
-- The list of a flow's runs by their end. The end changes once, when the run ends, so progress reports stay HOT.

CREATE INDEX CONCURRENTLY runs_flow_id_end_at_id_idx ON runs (flow_id, end_at DESC, id)
    WHERE deleted_at IS NULL;

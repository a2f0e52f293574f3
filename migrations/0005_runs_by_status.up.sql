-- no-transaction
-- A flow's runs of one status, newest first: few that failed are found among many that did not. The status changes once.

CREATE INDEX CONCURRENTLY runs_flow_id_status_start_at_id_idx ON runs (flow_id, status, start_at DESC, id)
    WHERE deleted_at IS NULL;

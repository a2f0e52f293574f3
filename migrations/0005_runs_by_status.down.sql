-- no-transaction
DROP INDEX CONCURRENTLY runs_flow_id_status_start_at_id_idx;

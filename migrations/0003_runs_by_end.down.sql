-- no-transaction
DROP INDEX CONCURRENTLY runs_flow_id_end_at_id_idx;

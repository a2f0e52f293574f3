-- no-transaction
DROP INDEX CONCURRENTLY runs_flow_id_display_name_id_idx;

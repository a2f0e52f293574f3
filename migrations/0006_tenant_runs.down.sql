-- no-transaction
DROP INDEX CONCURRENTLY runs_tenant_id_start_at_idx;

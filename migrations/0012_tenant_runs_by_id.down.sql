-- no-transaction
DROP INDEX CONCURRENTLY runs_tenant_id_id_idx;

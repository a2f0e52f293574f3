-- no-transaction
-- The runs of all flows of a tenant, newest first.

CREATE INDEX CONCURRENTLY runs_tenant_id_start_at_idx ON runs (tenant_id, start_at DESC, id, flow_id)
    WHERE deleted_at IS NULL;

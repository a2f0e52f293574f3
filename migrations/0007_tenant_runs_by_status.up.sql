-- no-transaction
-- The runs of all flows of a tenant that are in progress, or that failed, newest first.

CREATE INDEX CONCURRENTLY runs_tenant_id_status_start_at_idx ON runs (tenant_id, status, start_at DESC, id, flow_id)
    WHERE deleted_at IS NULL;

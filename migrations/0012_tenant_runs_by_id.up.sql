-- no-transaction
-- A run of any flow of a tenant by its id alone, and lists of up to a thousand ids across flows. No report changes these columns.

CREATE INDEX CONCURRENTLY runs_tenant_id_id_idx ON runs (tenant_id, id, flow_id)
    WHERE deleted_at IS NULL;

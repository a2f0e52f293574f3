-- no-transaction
-- The flows of a tenant by name, and those with a name or its beginning.

CREATE INDEX CONCURRENTLY flows_tenant_id_display_name_id_idx ON flows (tenant_id, display_name COLLATE "C", id);

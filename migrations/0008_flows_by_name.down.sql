-- no-transaction
DROP INDEX CONCURRENTLY flows_tenant_id_display_name_id_idx;

-- no-transaction
-- The list of a flow's runs by name, and those with a name or its beginning. Names are ordered by code points whatever
-- the collation of the database is.

CREATE INDEX CONCURRENTLY runs_flow_id_display_name_id_idx ON runs (flow_id, display_name COLLATE "C", id)
    WHERE deleted_at IS NULL;

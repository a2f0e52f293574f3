-- The rows of a statement that writes many runs, each with the entry of its last version: one array of this type costs PostgreSQL a
-- quarter less than an array for each field. No table has a column of it.
CREATE TYPE run_write AS (
    number         int,
    flow_id        uuid,
    id             uuid,
    tenant_id      uuid,
    seen           bigint,
    seen_at        timestamptz,
    display_name   text,
    start_at       timestamptz,
    end_at         timestamptz,
    status         text,
    version        bigint,
    blocking_error text,
    statistics     text,
    modified_at    timestamptz,
    deleted_at     timestamptz,
    event_id       uuid,
    actor          text,
    request_id     uuid,
    action         text,
    changes        text
);

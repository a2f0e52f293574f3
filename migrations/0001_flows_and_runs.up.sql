-- Flows and their runs. Times and ids come from the application; there are no triggers.
-- Every key below a flow starts with flow_id, and flow_id never changes.

CREATE TABLE flows (
    id               uuid        NOT NULL,
    tenant_id        uuid        NOT NULL,
    display_name     text        NOT NULL,
    readiness_status text        NOT NULL,
    data_domain      text        NOT NULL,
    effective_at     timestamptz NOT NULL,
    expires_at       timestamptz,
    version          bigint      NOT NULL,
    CONSTRAINT flows_pkey PRIMARY KEY (id),
    CONSTRAINT flows_version_check CHECK (version >= 1)
);

-- The list of a tenant's flows walks by id; the primary key alone would read the flows of every tenant.
CREATE INDEX flows_tenant_id_idx ON flows (tenant_id, id);

CREATE TABLE runs (
    flow_id        uuid        NOT NULL,
    id             uuid        NOT NULL,
    tenant_id      uuid        NOT NULL,
    display_name   text        NOT NULL,
    start_at       timestamptz NOT NULL,
    end_at         timestamptz,
    status         text        NOT NULL,
    blocking_error jsonb,
    statistics     jsonb       NOT NULL,
    version        bigint      NOT NULL,
    created_at     timestamptz NOT NULL,
    modified_at    timestamptz NOT NULL,
    deleted_at     timestamptz,
    CONSTRAINT runs_pkey PRIMARY KEY (flow_id, id),
    CONSTRAINT runs_flow_id_fkey FOREIGN KEY (flow_id) REFERENCES flows (id),
    -- Shape only: the rules live in the domain.
    CONSTRAINT runs_running_has_no_end_check CHECK ((status = 'running') = (end_at IS NULL)),
    CONSTRAINT runs_end_not_before_start_check CHECK (end_at >= start_at),
    CONSTRAINT runs_version_check CHECK (version >= 1),
    CONSTRAINT runs_blocking_error_check CHECK (jsonb_typeof(blocking_error) = 'object'),
    CONSTRAINT runs_statistics_check CHECK (jsonb_typeof(statistics) = 'object')
)
-- Progress reports change no indexed column; room in the page keeps them HOT.
WITH (fillfactor = 70);

-- The list of a flow's runs, newest start first, ties by id; deleted runs are hidden from it.
CREATE INDEX runs_flow_id_start_at_id_idx ON runs (flow_id, start_at DESC, id) WHERE deleted_at IS NULL;

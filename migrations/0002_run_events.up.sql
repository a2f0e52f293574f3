-- The history of runs: one row for each version of a run, written with it in one statement and never changed.
-- No foreign key to runs: old months are dropped whole.

CREATE TABLE run_events (
    flow_id     uuid        NOT NULL,
    run_id      uuid        NOT NULL,
    version     bigint      NOT NULL,
    occurred_at timestamptz NOT NULL,
    tenant_id   uuid        NOT NULL,
    event_id    uuid        NOT NULL,
    actor       text        NOT NULL,
    request_id  uuid        NOT NULL,
    action      text        NOT NULL,
    -- An array of {"property", "before", "after"}.
    changes     jsonb       NOT NULL,
    -- Also the index of a history page: by version within a run. A partition key must be part of it.
    CONSTRAINT run_events_pkey PRIMARY KEY (flow_id, run_id, version, occurred_at),
    CONSTRAINT run_events_version_check CHECK (version >= 1),
    CONSTRAINT run_events_changes_check CHECK (jsonb_typeof(changes) = 'array')
) PARTITION BY RANGE (occurred_at);

-- Takes what no month takes, so that a forgotten month never refuses a report. It should stay empty.
CREATE TABLE run_events_default PARTITION OF run_events DEFAULT;

-- The first answer to each creation under an Idempotency-Key, for 24 hours. A key belongs to a tenant and a caller, whatever
-- flow it is sent to, so it is keyed by the tenant and not by the flow. Nothing refers to it, and it refers to nothing.

CREATE TABLE idempotency_keys (
    tenant_id   uuid        NOT NULL,
    -- SHA-256 of the caller and the key, and of the route and the body: they are only ever compared.
    digest      bytea       NOT NULL,
    request     bytea       NOT NULL,
    -- The latest attempt, and until when it keeps others away.
    attempt_id  uuid        NOT NULL,
    lease_end   timestamptz NOT NULL,
    -- What every attempt creates, and the moment of the first one.
    reserved_id uuid        NOT NULL,
    received_at timestamptz NOT NULL,
    status      smallint,
    headers     jsonb,
    body        bytea,
    CONSTRAINT idempotency_keys_pkey PRIMARY KEY (tenant_id, digest),
    CONSTRAINT idempotency_keys_answer_check CHECK (num_nulls(status, headers, body) IN (0, 3))
);

-- The oldest are deleted first, and only this index finds them.
CREATE INDEX idempotency_keys_received_at_idx ON idempotency_keys (received_at);

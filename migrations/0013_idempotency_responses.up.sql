-- The first response as the service encodes it. Versions before this one wrote status, headers and body instead, and still do
-- while they serve beside this one; those columns are dropped in a later release.
ALTER TABLE idempotency_keys ADD COLUMN response bytea;

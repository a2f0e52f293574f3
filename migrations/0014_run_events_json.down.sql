ALTER TABLE run_events
    DROP CONSTRAINT run_events_changes_check,
    ALTER COLUMN changes TYPE jsonb,
    ADD CONSTRAINT run_events_changes_check CHECK (jsonb_typeof(changes) = 'array');

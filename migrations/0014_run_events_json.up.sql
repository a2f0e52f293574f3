-- As for runs: changes are written once, as compact text, and no statement looks inside. All partitions are written anew.
ALTER TABLE run_events
    DROP CONSTRAINT run_events_changes_check,
    ALTER COLUMN changes TYPE json,
    ADD CONSTRAINT run_events_changes_check CHECK (json_typeof(changes) = 'array');

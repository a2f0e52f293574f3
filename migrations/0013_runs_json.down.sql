ALTER TABLE runs
    DROP CONSTRAINT runs_blocking_error_check,
    DROP CONSTRAINT runs_statistics_check,
    ALTER COLUMN blocking_error TYPE jsonb,
    ALTER COLUMN statistics TYPE jsonb,
    ADD CONSTRAINT runs_blocking_error_check CHECK (jsonb_typeof(blocking_error) = 'object'),
    ADD CONSTRAINT runs_statistics_check CHECK (jsonb_typeof(statistics) = 'object');

-- JSON as the service writes it: compact text. No statement of a report looks inside, and jsonb would take each document apart and
-- put it together again for nothing, which cost a third of a report in the database. One command, so that the table is written once.
ALTER TABLE runs
    DROP CONSTRAINT runs_blocking_error_check,
    DROP CONSTRAINT runs_statistics_check,
    ALTER COLUMN blocking_error TYPE json,
    ALTER COLUMN statistics TYPE json,
    ADD CONSTRAINT runs_blocking_error_check CHECK (json_typeof(blocking_error) = 'object'),
    ADD CONSTRAINT runs_statistics_check CHECK (json_typeof(statistics) = 'object');

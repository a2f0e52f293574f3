-- What the roles of the service may do. Run by the owner after every migration; repeating it is harmless.
-- Partitions need no grant of their own: they are reached through run_events.

GRANT USAGE ON SCHEMA public TO flowruns_service, flowruns_reader;

GRANT SELECT, INSERT, UPDATE, DELETE ON flows, runs TO flowruns_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON idempotency_keys TO flowruns_service;
-- History is only ever added to.
GRANT SELECT, INSERT ON run_events TO flowruns_service;
-- To refuse to start on pending or changed migrations.
GRANT SELECT ON _sqlx_migrations TO flowruns_service;

GRANT SELECT ON flows, runs, run_events, idempotency_keys, _sqlx_migrations TO flowruns_reader;

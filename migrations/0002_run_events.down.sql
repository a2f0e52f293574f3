-- Drops every month with it.
DROP TABLE run_events;
